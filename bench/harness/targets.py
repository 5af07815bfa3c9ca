# SPDX-License-Identifier: MIT
"""
The figures that the allocator must reach, as far as a run can tell them.

Each verdict: a line of text, the number, the limit, and whether it passes.
The instruction counts of the fast path are pinned by tests/golden, not here.
"""

import math

from .allocators import FAST_PEERS, PEERS
from .figures import PEAK, TIME, Figures, geometric_mean
from .rows import Row

NEEDED = ("liballoc", "floor") + PEERS

TO_FLOOR = {"churn-1k": 1.15, "churn-64k": 1.15}
NOT_SLOWER = ("churn-64k", "churn-medium", "churn-large", "oneway-64",
              "oneway-2k")
# calloc-sparse and churn-large-fill are shown but bind nobody: the first pays
# for memory that is not used, the second measures the memory bus.
WITHIN_TENTH = ("burst-*", "thread-churn", "larson@1", "larson@2", "larson@8",
                "realloc-grow", "realloc-step", "calloc-large",
                "aligned-churn")
MEMORY_ROWS = {"tiny", "idle-threads", "metadata", "retain-trim",
               "retain-idle"}


def concerned(row: Row) -> bool:
    return row.name not in ("calloc-sparse", "churn-large-fill")


def _in_group(name: str) -> bool:
    return any(name == word or word.endswith("*") and
               name.startswith(word[:-1]) for word in WITHIN_TENTH)


class Verdicts:
    def __init__(self, samples: dict) -> None:
        self.figures = Figures(samples)
        self.all: list[dict] = []

    def add(self, what: str, value: float | None, limit: float,
            unit: str = "x", strict=False) -> None:
        passes = value is not None and (
            value < limit if strict else value <= limit)
        self.all.append({"what": what, "value": value, "limit": limit,
                         "unit": unit, "passes": passes})

    def missing(self, what: str, limit: float, unit: str, row: str) -> None:
        trouble = self.figures.trouble(row, "liballoc")
        why = f" ({trouble[0]})" if trouble else " (no figure)"
        self.add(what + why, None, limit, unit)

    def ratio(self, row: str, rivals: tuple, limit: float, measure: str,
              words: str) -> None:
        """liballoc's median over the least of the rivals'."""
        mine = self.figures.median(row, "liballoc", measure)
        best = self.figures.least(row, rivals, measure)
        if mine is None or best is None:
            self.missing(f"{row}: {words}", limit, "x", row)
        else:
            self.add(f"{row}: {words} ({best[0]})", mine / best[1], limit)

    def plain(self, row: str, measure: str, limit: float, unit: str,
              words: str) -> None:
        mine = self.figures.median(row, "liballoc", measure)
        if mine is None:
            self.missing(f"{row}: {words}", limit, unit, row)
        else:
            self.add(f"{row}: {words}", mine, limit, unit)


def _times(verdicts: Verdicts, names: list[str]) -> None:
    for row, limit in TO_FLOOR.items():
        if row in names:
            verdicts.ratio(row, ("floor",), limit, TIME, "time, to")
    for row in NOT_SLOWER:
        if row in names:
            verdicts.ratio(row, PEERS, 1.0, TIME, "time, to the best peer")
    for row in names:
        if _in_group(row):
            verdicts.ratio(row, PEERS, 1.1, TIME, "time, to the best peer")


def _peaks(verdicts: Verdicts, names: list[str]) -> None:
    figures = verdicts.figures
    timed = [row for row in names if row not in MEMORY_ROWS]
    for row in timed:
        verdicts.ratio(row, FAST_PEERS, 1.05, PEAK,
                       "peak memory, to the leanest fast peer")
    shared = [row for row in timed if all(
        figures.median(row, name, PEAK) for name in PEERS + ("liballoc",))]
    if not shared:
        return
    means = {name: geometric_mean([figures.median(row, name, PEAK) or math.nan
                                   for row in shared])
             for name in PEERS + ("liballoc",)}
    for name in PEERS:
        verdicts.add(f"geometric mean of peak memory over {len(shared)} rows, "
                     f"to {name}", means["liballoc"] / means[name], 1.0,
                     strict=True)


def _footprint(verdicts: Verdicts, names: list[str]) -> None:
    figures = verdicts.figures
    if "tiny" in names:
        mine = figures.median("tiny", "liballoc", "rss_kib")
        glibc = figures.median("tiny", "glibc", "rss_kib")
        more = None if mine is None or glibc is None \
            else (mine - glibc) / 1024
        verdicts.add("tiny: resident beyond glibc", more, 0.3, "MiB")
    if "retain-trim" in names:
        verdicts.plain("retain-trim", "rss_over_live", 1.10, "x live",
                       "resident 1 s after malloc_trim(0)")
    if "retain-idle" in names:
        verdicts.plain("retain-idle", "rss_over_live", 1.10, "x live",
                       "resident after 10 s nearly idle")
    if "metadata" in names:
        verdicts.plain("metadata", "metadata_over_live", 0.015, "x live",
                       "metadata at 1 GiB live")
    if "idle-threads" in names:
        verdicts.plain("idle-threads", "kib_per_thread", 16.0, "KiB",
                       "touched per idle thread (100 of 16-128 B)")


def judge(samples: dict, rows) -> list:
    verdicts = Verdicts(samples)
    names = [row.name for row in rows]
    _times(verdicts, names)
    _peaks(verdicts, names)
    _footprint(verdicts, names)
    return verdicts.all


def _number(value: float | None):
    return "-" if value is None else f"{value:.3f}"


def verdict_table(verdicts: list) -> str:
    """Text: each with its number, its limit and the margin."""
    width = max([len(verdict["what"]) for verdict in verdicts] + [0])
    lines = ["TARGETS: number, limit, by how much (less is better)"]
    for verdict in verdicts:
        value, limit = verdict["value"], verdict["limit"]
        word = "PASS " if verdict["passes"] else "SHORT"
        margin = "" if value is None else f"{100 * (value / limit - 1):+7.1f} %"
        lines.append(f"{word} {verdict['what']:<{width}} {_number(value):>9} "
                     f"{limit:>6} {verdict['unit']:<6} {margin}")
    short = sum(not verdict["passes"] for verdict in verdicts)
    lines.append(f"{len(verdicts) - short} of {len(verdicts)} pass, "
                 f"{short} fall short")
    return "\n".join(lines)


def print_verdicts(verdicts: list) -> int:
    """The number of those that fall short."""
    print("\n" + verdict_table(verdicts))
    return sum(not verdict["passes"] for verdict in verdicts)
