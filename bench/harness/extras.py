# SPDX-License-Identifier: MIT
"""
What slows a program down and so is measured in runs of its own: system calls
(strace), instructions (callgrind), calls of the allocator (libcount.so),
latency of each call (bench_work --latency), what liballoc tells of itself.
"""

import os
import re
import shutil
import subprocess
import tempfile

from . import programs, work
from .allocators import Allocator, clean_environment
from .rows import Row
from .work import Tools

MEMORY_CALLS = ("mmap", "munmap", "mremap", "madvise", "brk", "mprotect")
TIMEOUT = 120
COUNT_SECONDS = 0.02  # of work that is counted
CALLGRIND_NS = 4e6  # of work, at full speed


def _steady_ops(row: Row, sample, nanoseconds: float) -> int | None:
    """So many operations take about that long; the same for everybody."""
    if row.kind != "work" or not sample:
        return None
    return max(1, int(nanoseconds / max(sample, 0.5)))


def _under(tools: Tools, row: Row, prefix: list[str], ops: int | None):
    """Runs the row with a tool before it; (status, stdout, stderr)."""
    environment = clean_environment()
    if row.kind == "program":
        return programs.run_under(tools, row, prefix, TIMEOUT)
    if row.kind == "user":
        command = prefix + list(row.argv)
    else:
        options: dict = {"ops": ops} if ops else {"seconds": COUNT_SECONDS}
        command = prefix + work.work_command(tools, row, options)
    return work.run_group(command, environment, TIMEOUT)


def _settings(allocator: Allocator, more=()) -> list[str]:
    """`env` with what loads the allocator, for behind a tool's own options."""
    settings = [f"{name}={value}" for name, value in allocator.env.items()]
    preload = allocator.library() or "libc.so.6"
    return ["/usr/bin/env", f"LD_PRELOAD={preload}", *settings, *more]


def _strace_counts(path: str) -> dict:
    """{call: count} of an `strace -c` table."""
    counts = dict.fromkeys(MEMORY_CALLS, 0)
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split()
            if len(words) >= 5 and words[-1] in counts:
                counts[words[-1]] = int(words[3])
    return counts


def system_calls(tools: Tools, row: Row, allocator: Allocator,
                 ops: int | None) -> dict:
    """{"syscalls": total, "mmap": ..., ...}, or {} where strace cannot."""
    with tempfile.TemporaryDirectory(dir=tools.scratch) as place:
        table = os.path.join(place, "strace")
        prefix = ["strace", "-f", "--seccomp-bpf", "-qq", "-c", "-o", table,
                  "-e", "trace=" + ",".join(MEMORY_CALLS), "--",
                  *_settings(allocator)]
        try:
            status, _, _ = _under(tools, row, prefix, ops)
            if status != 0:
                return {}
            counts = _strace_counts(table)
        except (OSError, subprocess.TimeoutExpired):
            return {}
    return {"syscalls": sum(counts.values()), **counts}


def _instructions(tools: Tools, row: Row, allocator: Allocator,
                  ops: int | None) -> int | None:
    prefix = ["valgrind", "--tool=callgrind",
              "--callgrind-out-file=/dev/null", "--trace-children=yes",
              *_settings(allocator)]
    # valgrind follows env's exec; the last file written is the workload's.
    status, _, err = _under(tools, row, prefix, ops)
    found = re.findall(r"Collected : (\d+)", err)
    return int(found[-1]) if status == 0 and found else None


def instructions(tools: Tools, row: Row, allocator: Allocator,
                 ops: int) -> dict:
    """{"instructions": per operation}: the difference of two lengths."""
    try:
        once = _instructions(tools, row, allocator, ops)
        twice = _instructions(tools, row, allocator, 3 * ops)
    except subprocess.TimeoutExpired:
        return {}
    if once is None or twice is None:
        return {}
    return {"instructions": (twice - once) / (2 * ops)}


def latency(tools: Tools, row: Row, allocator: Allocator,
            seconds: float) -> dict:
    """{"latency": {...}} of a run in which each call is timed, or {}."""
    sample = work.run_work(tools, row, allocator,
                           {"seconds": seconds, "latency": True}, TIMEOUT)
    return {"latency": sample["latency"]} if "latency" in sample else {}


_STATS = {"free_in_slabs_kib": r"^free in slabs\s*=\s*(\d+)",
          "in_bins_kib": r"^in thread bins\s*=\s*(\d+)",
          "free_chunks_kib": r"^free chunks, top\s*=\s*(\d+)",
          "dirty_kib": r"^free dirty pages\s*=\s*(\d+)",
          "metadata_kib": r"^metadata\s*=\s*(\d+)"}


def own_account(tools: Tools, row: Row, allocator: Allocator) -> dict:
    """What liballoc's statistics say at the program's end, in KiB."""
    prefix = _settings(allocator, ["LIBALLOC_CONF=stats:1"])
    conf = allocator.env.get("LIBALLOC_CONF")
    if conf:
        prefix.append(f"LIBALLOC_CONF={conf},stats:1")
    try:
        status, _, err = _under(tools, row, prefix, None)
    except subprocess.TimeoutExpired:
        return {}
    found = {}
    for key, pattern in _STATS.items():
        values = re.findall(pattern, err, re.MULTILINE)
        if status == 0 and values:
            found[key] = max(int(value) for value in values) / 1024
    return {"own_account": found} if found else {}


def count_calls(tools: Tools, row: Row, seed: int) -> dict:
    """
    {"allocations", "frees", "bytes", "ops"} that glibc saw of one short run;
    {} where the counting library was not loaded.
    """
    counter = Allocator("count", tools.count,
                        env={"BENCH_COUNT": os.path.join(tools.scratch,
                                                         "count")})
    place = counter.env["BENCH_COUNT"]
    if os.path.exists(place):
        os.unlink(place)
    if row.kind == "work":
        sample = work.run_work(tools, row, counter, {
            "seconds": COUNT_SECONDS, "seed": seed}, TIMEOUT)
    elif row.kind == "program":
        sample = programs.run_program(tools, row, counter, TIMEOUT)
    else:
        sample = work.run_user(tools, row, counter, TIMEOUT)
    counted = programs.load_count(place)
    if sample["status"] != "ok" or counted is None:
        return {}
    return dict(zip(("allocations", "frees", "bytes"), counted),
            ops=sample["ops"], seconds=sample["wall_ns"] / 1e9)


def missing_calls(row: Row, counted: dict) -> tuple[str, str] | None:
    """(kind, text) when fewer blocks were asked for than operations claimed."""
    if row.kind != "work":
        return None
    if not counted:
        return ("NOT COUNTED", f"{row.name}: its calls could not be counted: "
                "whether all are made is not known")
    # An operation of a trace is a single call, of the others a block's life.
    made = counted["allocations"]
    if row.family == "trace":
        made += counted["frees"]
    if made < counted["ops"]:
        return ("CALLS MISSING", f"{row.name}: {counted['ops']} operations "
                f"claimed, {made} seen by the allocator: calls were optimised "
                "away, do not trust this row")
    return None


def have(tool) -> bool:
    return shutil.which(tool) is not None


def steady_ops(figures_median, row: Row, names: list[str],
               nanoseconds: float) -> int | None:
    """Operations for the slowest to need about that long."""
    medians = [value for name in names
               if (value := figures_median(row.name, name, "ns_per_op"))]
    return _steady_ops(row, min(medians), nanoseconds) if medians else None
