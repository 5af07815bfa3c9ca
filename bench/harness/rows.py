# SPDX-License-Identifier: MIT
"""
The rows of the comparison: a workload with its threads and its figure.

What one run says of itself.  bench_work prints one JSON object on one line;
programs/ and `-- PROGRAM` are reported by bench_launch in the same words:

  ops, wall_ns, ns_per_op    work done, time of the measured part
  user_us, sys_us, faults    of the measured part; major_faults where known
  peak_kib, harness_kib      VmHWM of the process; what of it is not the heap's
  rss_kib, end_rss_kib       resident at the end of the measured part, at last
  rss_idle_kib               resident after a rest (optional)
  best_ns                    the fastest slice
  threads, seed              as they were taken
  malloc_from                the file whose malloc is called (bench_work)
  latency                    {"malloc": {p50,p99,p999,max}, "free": ...} in ns
  rss_timeline               [[ms, KiB], ...]
  misaligned                 blocks that were not aligned as asked

and whatever else a workload finds worth saying: unknown keys pass through to
results.json.  The harness adds status, why, others (CPU share used by others),
net_peak_kib (peak_kib - harness_kib).

`bench_work --list` names the workloads: NAME, family, threads, a sentence,
between tabs.  Those that HINTS does not know get a row as well.
"""

import dataclasses
import fnmatch
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    name: str  # of the row: "larson@8"
    workload: str
    threads: int = 0  # 0: as the workload likes
    kind: str = "work"  # bench_work; "program": programs/; "user": -- PROGRAM
    family: str = ""
    description: str = ""
    quick: bool = False  # part of --quick
    memory: str | None = None  # the figure, if it is not the time
    unit: str = "ns"  # of one op; "s": of the whole
    fixed: float = 0.0  # seconds it takes whatever --seconds says
    setup: float = 0.04  # seconds before and after the measured part
    passes: int = 0  # repetitions at most, unless --repeat says; 0: all
    skip: tuple = ()  # allocators it makes no sense for
    latency: bool = False  # also run once with every call timed
    callgrind: bool = False  # also counted by callgrind
    argv: tuple = ()  # of a user's program

    def cost(self, seconds: float) -> float:
        """Expected seconds of one run, for the time left."""
        return self.fixed or self.setup + seconds * 1.1


def _bursts():
    quick = ("burst-64-1k-fifo", "burst-64-10k-random", "burst-64-100k-lifo",
             "burst-2k-10k-random")
    for size in ("64", "2k"):
        for count in ("1k", "10k", "100k"):
            for order in ("lifo", "fifo", "random"):
                name = f"burst-{size}-{count}-{order}"
                yield Row(name, name, quick=name in quick)


# What is known of workloads beyond their names.  The floor sends nothing
# home: on one-way flow it would only eat memory.
HINTS = [
    Row("churn-1k", "churn-1k", quick=True, callgrind=True),
    Row("churn-64k", "churn-64k", quick=True, latency=True, callgrind=True,
        setup=0.13),
    Row("churn-medium", "churn-medium", quick=True, callgrind=True,
        setup=0.07),
    Row("churn-large", "churn-large", quick=True, setup=0.25),
    Row("churn-large-fill", "churn-large-fill"),
    Row("aligned-churn", "aligned-churn", quick=True, callgrind=True),
    Row("oneway-64", "oneway-64", quick=True, skip=("floor",)),
    Row("oneway-2k", "oneway-2k", quick=True, skip=("floor",)),
    *_bursts(),
    Row("thread-churn", "thread-churn", quick=True),
    Row("larson@1", "larson", threads=1, callgrind=True),
    Row("larson@2", "larson", threads=2, quick=True, latency=True),
    Row("larson@8", "larson", threads=8, latency=True),
    Row("realloc-grow", "realloc-grow", quick=True, setup=0.1),
    Row("realloc-step", "realloc-step"),
    Row("calloc-large", "calloc-large", quick=True, setup=0.1),
    Row("calloc-sparse", "calloc-sparse"),
    Row("frag-phase", "frag-phase", fixed=0.8, quick=True, passes=2),
    Row("mstress", "mstress", quick=True, latency=True),
    Row("cache-thrash", "cache-thrash", quick=True),
    Row("alloc-test", "alloc-test", quick=True, callgrind=True, setup=0.1),
    Row("thread-storm", "thread-storm", fixed=3.0, passes=3),
    Row("trace-python", "trace-python", quick=True, fixed=0.4, passes=3),
    Row("idle-peak", "idle-peak", memory="rss_idle_kib", unit="KiB at rest",
        fixed=3.5, passes=2),
    Row("tiny", "tiny", quick=True, memory="rss_kib", unit="KiB", fixed=0.01),
    Row("idle-threads", "idle-threads", quick=True, memory="kib_per_thread",
        unit="KiB/thread", fixed=0.4, passes=3),
    Row("metadata", "metadata", memory="rss_over_live", unit="x live",
        fixed=1.5, passes=1),
    Row("retain-trim", "retain-trim", memory="rss_over_live", unit="x live",
        fixed=4.0, passes=1),
    Row("retain-idle", "retain-idle", memory="rss_over_live", unit="x live",
        fixed=13.0, passes=1),
]

# Needs --trace; the traces shipped are workloads of their own.
NO_ROW = ("replay",)


@dataclass(frozen=True)
class Listed:
    name: str
    family: str
    threads: int
    description: str


def listed(bench_work: str) -> dict:
    """What bench_work says it can do, by name; older ones print no tabs."""
    asked = subprocess.run([bench_work, "--list"], capture_output=True,
                           text=True, check=True)
    found = {}
    for line in asked.stdout.splitlines():
        words = line.split("\t")
        if len(words) >= 4:
            threads = int(words[2]) if words[2].isdecimal() else 0
            each = Listed(words[0], words[1], threads, words[3])
        else:
            name, _, sentence = line.partition(" ")
            each = Listed(name, name.partition("-")[0], 0, sentence.strip())
        found[each.name] = each
    return found


def catalogue(workloads: dict, programs: list[Row]):
    """All rows: hinted ones that exist, then new workloads, then programs."""
    hinted = {hint.workload for hint in HINTS}
    rows = [_described(hint, workloads[hint.workload]) for hint in HINTS
            if hint.workload in workloads]
    for each in workloads.values():
        if each.name not in hinted and each.name not in NO_ROW:
            fixed = 1.0 if each.family == "trace" else 0.0
            rows.append(_described(
                Row(each.name, each.name, fixed=fixed,
                    passes=3 if fixed else 0), each))
    return rows + programs


def _described(row: Row, each: Listed) -> Row:
    return dataclasses.replace(row, family=each.family,
                               description=each.description)


def _ask(word: str, rows: list[Row]) -> list:
    """The rows that one word of --workloads stands for."""
    found = [row for row in rows if fnmatch.fnmatch(row.name, word)]
    if found:
        return found
    name, at, count = word.partition("@")
    same = [row for row in rows if row.workload == name]
    if not at:
        return same or [row for row in rows if row.family == word]
    if not same or same[0].kind != "work" or not count.isdecimal():
        return []
    if not 0 < int(count) <= 256:
        return []
    return [dataclasses.replace(same[0], name=word, threads=int(count))]


def choose(words: list[str], quick: bool, rows: list[Row]) -> list:
    """Rows for the words of --workloads; ValueError names a wrong one."""
    if not words:
        return [row for row in rows if row.quick or not quick]
    chosen = []
    for word in words:
        found = _ask(word, rows)
        if not found:
            raise ValueError(f"unknown workload {word} "
                             "(bench/compare --list names them)")
        chosen += [row for row in found if row not in chosen]
    return chosen


def spread_threads(rows: list[Row], counts: list[int]) -> list:
    """Each timed workload once for each count; memory rows stay as they are."""
    spread = {}
    for row in rows:
        if row.kind != "work" or row.memory or row.passes == 1:
            spread[row.name] = row
            continue
        for count in counts:
            name = f"{row.workload}@{count}"
            spread[name] = dataclasses.replace(row, name=name, threads=count,
                                               callgrind=False)
    return list(spread.values())
