# SPDX-License-Identifier: MIT
"""Medians, spreads and means of samples."""

import math
import statistics

TIME = "ns_per_op"
PEAK = "net_peak_kib"


class Figures:
    """What the samples say, asked by row, allocator and measure."""

    def __init__(self, samples):
        self.samples = samples

    def values(self, row, allocator, measure):
        return [sample[measure]
                for sample in self.samples.get(row, {}).get(allocator, [])
                if sample["status"] == "ok" and measure in sample]

    def median(self, row, allocator, measure):
        """None where there is no sample."""
        values = self.values(row, allocator, measure)
        return statistics.median(values) if values else None

    def spread(self, row, allocator, measure):
        """(largest - smallest) / median, in per cent; None below two samples."""
        values = self.values(row, allocator, measure)
        middle = statistics.median(values) if values else 0
        if len(values) < 2 or not middle:
            return None
        return 100 * (max(values) - min(values)) / middle

    def least(self, row, allocators, measure):
        """(allocator, median) of the smallest; None if none has one."""
        found = [(median, name) for name in allocators
                 if (median := self.median(row, name, measure)) is not None]
        return (min(found)[1], min(found)[0]) if found else None

    def trouble(self, row, allocator):
        """The first status that is not ok, with its reason; None if all are."""
        for sample in self.samples.get(row, {}).get(allocator, []):
            if sample["status"] != "ok":
                return sample["status"], sample["why"]
        return None


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))
