# SPDX-License-Identifier: MIT
"""Real programs: the scripts in bench/programs, and the user's own command."""

import os
import shlex
import shutil
import struct
import subprocess

from . import work
from .allocators import Allocator, clean_environment
from .rows import Row
from .work import Tools

SKIP = 77  # a script's exit status when something is not installed
PT_INTERP = 3


def scripts(directory: str) -> list[str]:
    return sorted(name for name in os.listdir(directory)
                  if "." not in name and
                  os.access(os.path.join(directory, name), os.X_OK))


def catalogue(directory: str):
    """A row for each script; whether it can run is asked when it is chosen."""
    rows = []
    for name in scripts(directory):
        asked = subprocess.run([os.path.join(directory, name), "info"],
                               capture_output=True, text=True, check=True)
        quick, seconds, says = asked.stdout.rstrip("\n").split("\t")
        rows.append(Row(name, name, kind="program", family="programs",
                        description=says, unit="s", quick=quick == "yes",
                        fixed=float(seconds), passes=3))
    return rows


def why_not(directory: str, row: Row) -> str | None:
    """One line when a program is not there; None when it is."""
    asked = subprocess.run([os.path.join(directory, row.workload), "check"],
                           capture_output=True, text=True, check=False)
    if asked.returncode == 0:
        return None
    return f"{row.name}: {asked.stdout.strip() or work.last_line(asked.stderr)}"


def script_environment(tools: Tools) -> dict:
    environment = clean_environment()
    environment["SIZE"] = "small" if tools.small else "full"
    return environment


def prepare(tools: Tools, row: Row) -> str | None:
    """The directory with the script's files, made at its first run."""
    if row.name in tools.prepared:
        return tools.prepared[row.name]
    place = os.path.join(tools.scratch, row.workload)
    os.makedirs(place)
    script = os.path.join(tools.programs, row.workload)
    status, _, err = work.run_group([script, "prepare", place],
                                    script_environment(tools), 300)
    tools.prepared[row.name] = place if status == 0 else None
    if status != 0:
        tools.prepared[row.name + " why"] = work.last_line(err)
    return tools.prepared[row.name]


def write_under(place: str, prefix: list[str]) -> str:
    """The script that runs its arguments on one allocator."""
    under = os.path.join(place, "under")
    with open(under, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nexec {shlex.join(prefix)} \"$@\"\n")
    os.chmod(under, 0o755)
    return under


def run_under(tools: Tools, row: Row, prefix: list[str],
              timeout: float) -> tuple[int, str, str]:
    """(exit status, stdout, stderr) of the script with that prefix."""
    place = prepare(tools, row)
    if place is None:
        return 1, "", tools.prepared[row.name + " why"]
    script = os.path.join(tools.programs, row.workload)
    under = write_under(place, prefix)
    return work.run_group([script, "run", place, under],
                          script_environment(tools), timeout)


def said(text: str) -> dict:
    """What a script's "KEY VALUE" lines say; numbers as numbers."""
    found = {}
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        found[key] = int(value) if value.isdecimal() else value
    return found


def run_program(tools: Tools, row: Row, allocator: Allocator, timeout: float,
                thp: str | None = None) -> dict:
    """One sample of a script, as run_work's."""
    report = os.path.join(tools.scratch, f"{row.workload}.json")
    if os.path.exists(report):
        os.unlink(report)
    prefix = work.launch_prefix(tools, allocator, report, thp)
    try:
        status, out, err = run_under(tools, row, prefix, timeout)
    except subprocess.TimeoutExpired:
        return {"status": "TIMEOUT", "why": f"not done after {timeout:.0f} s"}
    if status != 0 and not os.path.exists(report):
        return work.failure(status, err)
    sample = work.read_launch_report(report, allocator)
    if sample["status"] != "ok":
        return sample
    if status != 0:
        return work.failure(status, err)
    words = said(out)
    if "net_peak_is" in words:
        sample["net_peak_kib"] = sample[words.pop("net_peak_is")]
    sample.update(words)
    sample["ns_per_op"] = float(sample["wall_ns"])
    sample["ops_per_second"] = sample["ops"] * 1e9 / sample["wall_ns"]
    return sample


def _interpreter(path: str) -> str | None:
    """The program that a #! line names; None if there is none."""
    with open(path, "rb") as file:
        line = file.readline(256)
    if not line.startswith(b"#!"):
        return None
    words = line[2:].decode("utf-8", "replace").split()
    if words and os.path.basename(words[0]) == "env" and len(words) > 1:
        return shutil.which(words[1])
    return words[0] if words else None


def _elf64(path: str) -> list[int] | None:
    """(file content, program headers' types); None if it is not 64-bit ELF."""
    with open(path, "rb") as file:
        head = file.read(64)
        if len(head) < 64 or head[:5] != b"\x7fELF\x02":
            return None
        offset, = struct.unpack_from("<Q", head, 32)
        size, count = struct.unpack_from("<HH", head, 54)
        file.seek(offset)
        table = file.read(size * count)
    return [struct.unpack_from("<I", table, i * size)[0]
            for i in range(count)]


def examine(argv: list[str]) -> list[str]:
    """
    The user's command with its program found, as it would be run.
    ValueError says in one line why measuring it makes no sense.
    """
    found = shutil.which(argv[0])
    if not found:
        raise ValueError(f"{argv[0]}: no such program")
    path, seen = found, 0
    while (script := _interpreter(path)) and seen < 4:
        path, seen = script, seen + 1
        if not os.path.isfile(path):
            raise ValueError(f"{argv[0]}: its interpreter {path} is missing")
    types = _elf64(path)
    if types is None:
        raise ValueError(f"{path}: not a 64-bit ELF program")
    if PT_INTERP not in types:
        raise ValueError(f"{path} is statically linked: preloading an "
                         "allocator does nothing")
    if os.stat(path).st_mode & 0o6000:
        raise ValueError(f"{path} is set-user-ID or set-group-ID: it ignores "
                         "preloaded libraries")
    return [found] + list(argv[1:])


def own_malloc(path: str) -> bool:
    """Does the program itself export malloc?  Then nobody else's is called."""
    if not shutil.which("nm"):
        return False
    asked = subprocess.run(["nm", "-D", "--defined-only", path], check=False,
                           capture_output=True, text=True)
    return any(line.split()[-1].partition("@")[0] == "malloc"
               for line in asked.stdout.splitlines() if line)


def user_row(argv: list[str]) -> Row:
    name = os.path.basename(argv[0])
    return Row(name, name, kind="user", family="your program",
               description=shlex.join(argv), unit="s", fixed=1.0, quick=True,
               argv=tuple(argv))


def load_count(path: str) -> list[int] | None:
    """(allocations, frees, bytes) that libcount.so wrote, over processes."""
    try:
        with open(path, encoding="ascii") as file:
            lines = [line.split() for line in file]
    except OSError:
        return None
    return [sum(int(line[i]) for line in lines) for i in range(3)]
