# SPDX-License-Identifier: MIT
"""Medians, spreads, ratios and means of samples."""

import math
import statistics
from collections.abc import Iterable

from .allocators import LIMIT

TIME = "ns_per_op"
PEAK = "net_peak_kib"


class Figures:
    """What the samples say, asked by row, allocator and measure."""

    def __init__(self, samples: dict) -> None:
        self.samples = samples

    def taken(self, row: str, allocator: str) -> list[dict]:
        """All samples, failed ones too."""
        return self.samples.get(row, {}).get(allocator, [])

    def values(self, row: str, allocator: str, measure: str):
        return [sample[measure] for sample in self.taken(row, allocator)
                if sample["status"] == "ok" and
                sample.get(measure) is not None]

    def median(self, row: str, allocator: str, measure: str) -> float | None:
        """None where there is no sample."""
        values = self.values(row, allocator, measure)
        return statistics.median(values) if values else None

    def spread(self, row: str, allocator: str, measure: str) -> float | None:
        """(largest - smallest) / median, in per cent; None below two."""
        values = self.values(row, allocator, measure)
        middle = statistics.median(values) if values else 0
        if len(values) < 2 or not middle:
            return None
        return 100 * (max(values) - min(values)) / middle

    def summary(self, row: str, allocator: str, measure: str) -> dict | None:
        """Median, least, most, MAD and count; None where there is no sample."""
        values = self.values(row, allocator, measure)
        if not values:
            return None
        middle = statistics.median(values)
        mad = statistics.median(abs(value - middle) for value in values)
        return {"median": middle, "min": min(values), "max": max(values),
                "mad": mad, "n": len(values)}

    def least(self, row: str, allocators: Iterable[str],
              measure: str) -> tuple[str, float] | None:
        """(allocator, median) of the smallest; None if none has one."""
        found = [(median, name) for name in allocators
                 if (median := self.median(row, name, measure)) is not None]
        return (min(found)[1], min(found)[0]) if found else None

    def trouble(self, row: str, allocator: str) -> tuple[str, str] | None:
        """The first status that is not ok, with its reason; None if all are."""
        for sample in self.taken(row, allocator):
            if sample["status"] != "ok":
                return sample["status"], sample["why"]
        return None


def geometric_mean(values: list[float]) -> float:
    return math.exp(sum(math.log(value) for value in values) / len(values))


def rivals_of(names: list[str]) -> list[str]:
    """Those that a best is chosen from: the floor is a limit, not a rival."""
    return [name for name in names if name != LIMIT]


def means(figures: Figures, rows: list[str], names: list[str],
          measure: str) -> tuple[int, dict]:
    """
    (number of rows, {allocator: geometric mean of ratios to the row's best}).
    Only rows that every rival finished count; an allocator that lacks one of
    them (the floor) gets no mean: it would be one of other rows.
    """
    rivals = rivals_of(names)
    working = [name for name in rivals
               if any(figures.median(row, name, measure) for row in rows)]
    shared = [row for row in rows if working and all(
        figures.median(row, name, measure) for name in working)]
    found = {}
    for name in names:
        ratios = [median / best[1] for row in shared
                  if (median := figures.median(row, name, measure)) and
                  (best := figures.least(row, working, measure))]
        if shared and len(ratios) == len(shared):
            found[name] = geometric_mean(ratios)
    return len(shared), found
