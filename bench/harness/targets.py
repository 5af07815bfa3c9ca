# SPDX-License-Identifier: MIT
"""
The figures that the allocator must reach, as far as a run can tell them.

Each verdict: a line of text, the number, the limit, and whether it passes.
The instruction counts of the fast path are pinned by tests/golden, not here.
"""

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
# Over all rows and programs: the comparison's own goal.
MEAN_TIME = 0.97  # times the best peer's geometric mean
NEAR, FAR = 1.03, 1.15  # times the best of a row
NOT_NEAR_SHARE = 0.25  # of the rows may be further away than NEAR


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


def _means(verdicts: Verdicts, timed: list[str], measure: str) -> dict:
    """{name: geometric mean} over the rows that all finished, and how many."""
    figures = verdicts.figures
    names = PEERS + ("liballoc",)
    shared = []
    for row in timed:
        medians = [median for name in names
                   if (median := figures.median(row, name, measure))]
        if len(medians) == len(names):
            shared.append(medians)
    if not shared:
        return {}
    means = {name: geometric_mean([medians[index] for medians in shared])
             for index, name in enumerate(names)}
    return means | {"rows": len(shared)}


def _peaks(verdicts: Verdicts, timed: list[str], own: list[str]) -> None:
    for row in own:
        verdicts.ratio(row, FAST_PEERS, 1.05, PEAK,
                       "peak memory, to the leanest fast peer")
    means = _means(verdicts, timed, PEAK)
    for name in PEERS if means else ():
        verdicts.add(f"geometric mean of peak memory over {means['rows']} "
                     f"rows, to {name}", means["liballoc"] / means[name], 1.0,
                     strict=True)


def _goal(verdicts: Verdicts, timed: list[str]) -> None:
    """Time over all rows: the mean, and how many rows are how near."""
    figures = verdicts.figures
    means = _means(verdicts, timed, TIME)
    if not means:
        return
    best = min(PEERS, key=means.__getitem__)
    verdicts.add(f"geometric mean of time over {means['rows']} rows, to the "
                 f"best peer ({best})", means["liballoc"] / means[best],
                 MEAN_TIME)
    ratios = [mine / least[1] for row in timed
              if (mine := figures.median(row, "liballoc", TIME)) and
              (least := figures.least(row, PEERS + ("liballoc",), TIME))]
    distant = sum(ratio > NEAR for ratio in ratios) / len(ratios)
    verdicts.add(f"share of rows not within {NEAR} x the fastest", distant,
                 NOT_NEAR_SHARE, "")
    verdicts.add(f"rows over {FAR} x the fastest", float(
        sum(ratio > FAR for ratio in ratios)), 0, "rows")


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
    timed = [row.name for row in rows if not row.memory]
    own = [row.name for row in rows if not row.memory and row.kind == "work"]
    _peaks(verdicts, timed, own)
    _goal(verdicts, timed)
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
        margin = "" if value is None or not limit \
            else f"{100 * (value / limit - 1):+7.1f} %"
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
