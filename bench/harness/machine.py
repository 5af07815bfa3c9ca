# SPDX-License-Identifier: MIT
"""The machine: what it is, whether others use it, whether its speed drifts."""

import json
import os
import platform
import subprocess
import time

from . import allocators as known_allocators
from .allocators import Allocator

DISTURBED = 0.10  # of all CPUs, used by others during a run
DRIFT = 0.10  # between two calibrations
CALIBRATE_EVERY = 30  # seconds
STOLEN = 0.02  # of the time, taken by the host
THP = "/sys/kernel/mm/transparent_hugepage/enabled"


def cpu_ticks() -> tuple[int, int]:
    """(ticks that anybody used since boot, ticks that a host stole)."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = ticks
    return user + nice + system + irq + softirq + steal, steal


def busy_seconds() -> float:
    return cpu_ticks()[0] / os.sysconf("SC_CLK_TCK")


def stolen_seconds() -> float:
    return cpu_ticks()[1] / os.sysconf("SC_CLK_TCK")


def thp_mode() -> str:
    """The word in brackets: always, madvise or never; "?" if unknown."""
    try:
        with open(THP, encoding="ascii") as file:
            text = file.read()
    except OSError:
        return "?"
    return text.partition("[")[2].partition("]")[0] or text.strip()


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "?"


def _memory_kib() -> int:
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(file.readline().split()[1])


def state(allocators: list[Allocator]) -> dict:
    """What a reader must know to compare with other machines."""
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "memory_kib": _memory_kib(),
        "libc": " ".join(platform.libc_ver()),
        "thp": thp_mode(),
        "load": os.getloadavg(),
        "allocators": {a.name: {"path": a.path, "env": a.env,
                                "version": known_allocators.version(a)}
                       for a in allocators},
    }


class Calibration:
    """How long the same work takes, asked again and again meanwhile."""

    def __init__(self, launcher: str) -> None:
        self.launcher = launcher
        self.taken: list[dict] = []
        self.begin = time.monotonic()
        self.stolen = stolen_seconds()

    def take(self) -> None:
        asked = subprocess.run([self.launcher, "--calibrate"], check=False,
                               capture_output=True, text=True)
        if asked.returncode == 0:
            sample = json.loads(asked.stdout)
            sample["at"] = time.monotonic() - self.begin
            self.taken.append(sample)

    def take_if_old(self) -> None:
        """Between rows: often enough to see a drift, not to slow it down."""
        if not self.taken or time.monotonic() - self.begin - \
                self.taken[-1]["at"] > CALIBRATE_EVERY:
            self.take()

    def notes(self):
        """What of it must be said: (kind, text)."""
        found = []
        for key, words in (("core_ns", "the processor"),
                           ("memory_ns", "the memory")):
            values = [sample[key] for sample in self.taken]
            if len(values) > 1 and max(values) > min(values) * (1 + DRIFT):
                change = 100 * (max(values) / min(values) - 1)
                found.append(("DRIFT", f"the same work for {words} took up to "
                              f"{change:.0f} % longer at one time than at "
                              "another: trust ratios, not times"))
        wall = (time.monotonic() - self.begin) * (os.cpu_count() or 1)
        share = (stolen_seconds() - self.stolen) / wall if wall else 0
        if share > STOLEN:
            found.append(("STEAL", f"the host took {100 * share:.0f} % of the "
                          "CPU time away"))
        return found
