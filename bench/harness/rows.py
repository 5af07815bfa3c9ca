# SPDX-License-Identifier: MIT
"""The rows of the comparison: a workload with its threads and its figure."""

import fnmatch
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    name: str  # of the row: "larson@8"
    workload: str
    threads: int = 0  # 0: as the workload likes
    quick: bool = False  # part of --quick
    memory: str | None = None  # the figure, if it is not the time
    unit: str = "ns"
    fixed: float = 0.0  # seconds it takes whatever --seconds says
    once: bool = False  # one repetition tells as much as five
    skip: tuple = ()  # allocators it makes no sense for

    def cost(self, seconds):
        """Expected seconds of one run, for the time left."""
        return 0.05 + (self.fixed or seconds * 1.15 + 0.1)


def _bursts():
    quick = ("burst-64-1k-fifo", "burst-64-10k-random", "burst-64-100k-lifo",
             "burst-2k-10k-random")
    for size in ("64", "2k"):
        for count in ("1k", "10k", "100k"):
            for order in ("lifo", "fifo", "random"):
                name = f"burst-{size}-{count}-{order}"
                yield Row(name, name, quick=name in quick)


# The floor sends nothing home: on one-way flow it would only eat memory.
ROWS = [
    Row("churn-1k", "churn-1k", quick=True),
    Row("churn-64k", "churn-64k", quick=True),
    Row("churn-medium", "churn-medium", quick=True),
    Row("churn-large", "churn-large", quick=True),
    Row("churn-large-fill", "churn-large-fill"),
    Row("aligned-churn", "aligned-churn", quick=True),
    Row("oneway-64", "oneway-64", quick=True, skip=("floor",)),
    Row("oneway-2k", "oneway-2k", quick=True, skip=("floor",)),
    *_bursts(),
    Row("thread-churn", "thread-churn", quick=True),
    Row("larson@1", "larson", threads=1),
    Row("larson@2", "larson", threads=2, quick=True),
    Row("larson@8", "larson", threads=8),
    Row("realloc-grow", "realloc-grow", quick=True),
    Row("realloc-step", "realloc-step"),
    Row("calloc-large", "calloc-large", quick=True),
    Row("calloc-sparse", "calloc-sparse"),
    Row("frag-phase", "frag-phase", fixed=0.8),
    Row("tiny", "tiny", quick=True, memory="rss_kib", unit="KiB", fixed=0.01),
    Row("idle-threads", "idle-threads", quick=True, memory="kib_per_thread",
        unit="KiB/thread", fixed=0.4),
    Row("metadata", "metadata", memory="rss_over_live", unit="x live",
        fixed=1.5, once=True),
    Row("retain-trim", "retain-trim", memory="rss_over_live", unit="x live",
        fixed=4.0, once=True),
    Row("retain-idle", "retain-idle", memory="rss_over_live", unit="x live",
        fixed=13.0, once=True),
]


def listed(bench_work):
    """The names bench_work knows."""
    asked = subprocess.run([bench_work, "--list"], capture_output=True,
                           text=True, check=True)
    return [line.split()[0] for line in asked.stdout.splitlines()]


def _ask(word, workloads):
    """The rows that one word of --workloads stands for."""
    found = [row for row in ROWS if fnmatch.fnmatch(row.name, word)]
    if found:
        return found
    name, at, count = word.partition("@")
    base = next((row for row in ROWS if row.workload == name), None)
    if base and not at:
        return [row for row in ROWS if row.workload == name]
    if name in workloads and (not at or count.isdecimal() and int(count) > 0):
        extra = {} if base is None else {
            "memory": base.memory, "unit": base.unit, "fixed": base.fixed,
            "once": base.once, "skip": base.skip}
        return [Row(word, name, threads=int(count or 0), **extra)]
    return []


def choose(words, quick, workloads):
    """Rows for the words of --workloads; ValueError names a wrong one."""
    if not words:
        return [row for row in ROWS if row.quick or not quick]
    chosen = []
    for word in words:
        found = _ask(word, workloads)
        if not found:
            raise ValueError(f"unknown workload {word} "
                             "(bench/compare --list names them)")
        chosen += [row for row in found if row not in chosen]
    return chosen
