# SPDX-License-Identifier: MIT
"""One run: of a workload, or of a real program through bench_launch."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

from . import machine
from .allocators import Allocator, clean_environment
from .rows import Row

# Two calls, two returns and a store: nobody can do that in half a nanosecond.
IMPLAUSIBLE_NS = 0.5
OUTPUT_KEPT = 400  # characters of the last line of stderr


@dataclass
class Tools:
    """Where the programs of the comparison lie, and what was prepared."""
    bench_work: str
    launch: str
    count: str
    programs: str  # directory of the scripts
    scratch: str  # a directory that lives as long as the comparison
    small: bool  # small sizes for the real programs
    verbose: bool = False
    prepared: dict = field(default_factory=dict)


def run_group(command: list[str], environment: dict, timeout: float,
              cwd=None) -> tuple[int, str, str]:
    """
    (exit status, stdout, stderr) of a process in a session of its own, so that
    its children end with it: one of a hanging idle-threads would hold the pipe.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with subprocess.Popen(command, env=environment, cwd=cwd, stdout=out,
                              stdin=subprocess.DEVNULL, stderr=err,
                              start_new_session=True) as process:
            try:
                process.wait(timeout)
            except BaseException:  # time-out and Ctrl-C alike
                with contextlib.suppress(ProcessLookupError):  # just ended
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read(1 << 20).decode("utf-8", "replace"))
    return process.returncode, texts[0], texts[1]


def last_line(text: str) -> str:
    words = text.strip().splitlines()[-1:]
    return words[0][:OUTPUT_KEPT] if words else ""


def failure(status: int, text: str) -> dict:
    """The sample of a run that did not end well: status is not 0."""
    if status < 0:
        name = signal.Signals(-status).name
        return {"status": "CRASHED", "why": f"{name} {last_line(text)}".strip()}
    return {"status": "FAILED",
            "why": last_line(text) or f"exit status {status}"}


def work_command(tools: Tools, row: Row, options: dict) -> list[str]:
    """bench_work for the row, with options such as {"seconds": 0.1}."""
    command = [tools.bench_work, row.workload]
    for name, value in options.items():
        command += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    if row.threads:
        command += ["--threads", str(row.threads)]
    return command


def thp_prefix(tools: Tools, thp: str | None) -> list[str]:
    """What goes before a command to take huge pages from it."""
    return [tools.launch, "--report", "/dev/null", "--no-thp", "--"] \
        if thp == "never" else []


def run_work(tools: Tools, row: Row, allocator: Allocator, options: dict,
             timeout: float, thp: str | None = None) -> dict:
    """One fresh process.  A dict with "status" and, when ok, its figures."""
    # The launcher, when there is one, is preloaded as well: it calls malloc
    # a few times and execs, and the workload starts with a fresh heap.
    command = thp_prefix(tools, thp) + work_command(tools, row, options)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_majflt
    try:
        status, out, err = run_group(command, allocator.environment(), timeout)
    except subprocess.TimeoutExpired:
        return {"status": "TIMEOUT", "why": f"not done after {timeout:.0f} s"}
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_majflt
    if status > 128 and thp:
        status = 128 - status  # as the launcher tells of a signal
    if status != 0:
        return failure(status, err)
    try:
        sample = json.loads(out)
        sample["net_peak_kib"] = sample["peak_kib"] - sample["harness_kib"]
        malloc_from, ns_per_op = sample["malloc_from"], sample["ns_per_op"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return {"status": "FAILED", "why": "its report is not as agreed"}
    sample["major_faults"] = after - before
    if not allocator.provides(malloc_from):
        return {"status": "NOT LOADED",
                "why": f"malloc came from {malloc_from}"}
    if sample["ops"] > 1 and not row.memory and ns_per_op < IMPLAUSIBLE_NS:
        return {"status": "IMPLAUSIBLE",
                "why": f"{ns_per_op:.2f} ns for an operation: was it done?"}
    sample["status"] = "ok"
    return sample


def launch_prefix(tools: Tools, allocator: Allocator, report: str,
                  thp: str | None = None) -> list[str]:
    """bench_launch and all its options, up to the program."""
    command = [tools.launch, "--report", report]
    library = allocator.library()
    if library:
        command += ["--library", library]
    else:
        # Some programs are linked with an allocator (Debian's redis-server):
        # glibc's malloc comes first only when libc itself is preloaded.
        command += ["--set", "LD_PRELOAD=libc.so.6"]
    for name, value in allocator.env.items():
        command += ["--set", f"{name}={value}"]
    return command + (["--no-thp"] if thp == "never" else []) + ["--"]


def read_launch_report(report: str, allocator: Allocator) -> dict:
    """The sample of a program that ran under bench_launch."""
    try:
        with open(report, encoding="ascii") as file:
            sample = json.load(file)
    except (OSError, json.JSONDecodeError):
        return {"status": "FAILED", "why": "bench_launch left no report"}
    if not sample["started"]:
        return {"status": "FAILED", "why": "the program could not be started"}
    if sample["signal"]:
        return {"status": "CRASHED",
                "why": signal.Signals(sample["signal"]).name}
    if sample["traced"] and allocator.path and not sample["root_mapped"]:
        return {"status": "NOT LOADED",
                "why": f"{allocator.path} is not in the program's maps"}
    sample.update(status="ok", ops=1, net_peak_kib=sample["peak_kib"])
    return sample


def run_user(tools: Tools, row: Row, allocator: Allocator, timeout: float,
             thp: str | None = None) -> dict:
    """The user's own program, once."""
    report = os.path.join(tools.scratch, "launch.json")
    if os.path.exists(report):
        os.unlink(report)
    command = launch_prefix(tools, allocator, report, thp) + list(row.argv)
    try:
        status, _, err = run_group(command, clean_environment(), timeout)
    except subprocess.TimeoutExpired:
        return {"status": "TIMEOUT", "why": f"not done after {timeout:.0f} s"}
    sample = read_launch_report(report, allocator)
    if sample["status"] == "CRASHED":
        sample["why"] = f"{sample['why']} {last_line(err)}".strip()
    if sample["status"] == "ok" and status != 0:
        return failure(status, err)
    if sample["status"] == "ok":
        sample["ns_per_op"] = float(sample["wall_ns"])
    return sample


def watched(run, *arguments) -> dict:
    """run(*arguments), and how much of the CPUs others used (0..1)."""
    begin, busy = time.monotonic(), machine.busy_seconds()
    mine = resource.getrusage(resource.RUSAGE_CHILDREN)
    sample = run(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = (after.ru_utime - mine.ru_utime) + (after.ru_stime - mine.ru_stime)
    room = (time.monotonic() - begin) * (os.cpu_count() or 1)
    # Ticks are 10 ms: in a short run one of them is noise, not load.
    others = machine.busy_seconds() - busy - own - 0.02
    sample["others"] = max(0.0, others / room)
    sample["run_seconds"] = time.monotonic() - begin
    return sample
