# SPDX-License-Identifier: MIT
"""What was not as it should be, for every output: (kind, text) pairs."""

from . import machine
from .figures import Figures
from .rows import Row

ORDER = ("NOT LOADED", "CRASHED", "TIMEOUT", "FAILED", "IMPLAUSIBLE",
         "CALLS MISSING", "MISALIGNED", "INTERRUPTED", "DISTURBED", "DRIFT",
         "STEAL", "LOAD")


def _troubles(figures: Figures, rows: list[Row], names: list[str]):
    for row in rows:
        for name in names:
            trouble = figures.trouble(row.name, name)
            if trouble:
                yield trouble[0], f"{row.name} / {name}: {trouble[1]}"
            wrong = figures.values(row.name, name, "misaligned")
            if sum(wrong):
                yield ("MISALIGNED", f"{row.name} / {name}: {sum(wrong):.0f} "
                       "blocks were not aligned as asked")


def _disturbed(samples: dict):
    taken = [sample for by_name in samples.values()
             for list_ in by_name.values() for sample in list_]
    bad = sum(sample["others"] > machine.DISTURBED for sample in taken)
    if bad:
        yield ("DISTURBED", f"{bad} of {len(taken)} runs: other work used "
               f"over {100 * machine.DISTURBED:.0f} % of the CPUs (--calm "
               "repeats such runs)")


def _partly_mapped(samples: dict):
    for row, by_name in samples.items():
        for name, taken in by_name.items():
            ok = [s for s in taken if s["status"] == "ok" and "mapped" in s]
            if ok and 0 < ok[0]["mapped"] < ok[0]["processes"]:
                yield ("PARTLY", f"{row} / {name}: {ok[0]['mapped']} of "
                       f"{ok[0]['processes']} processes had it loaded")
            if ok and not ok[0]["traced"]:
                yield ("PEAK", f"{row} / {name}: ptrace is not allowed here: "
                       "the peak is ru_maxrss, loading is not proven")


def collect(outcome, rows: list[Row], names: list[str], left_out: list[str],
            load: str | None) -> list:
    """All of them, the gravest first."""
    figures = Figures(outcome.samples)
    found = list(outcome.notes)
    found += _troubles(figures, rows, names)
    found += _disturbed(outcome.samples)
    found += _partly_mapped(outcome.samples)
    found += [("LEFT OUT", why) for why in left_out]
    if load:
        found.append(("LOAD", load))
    if machine.thp_mode() in ("?", "never"):
        found.append(("THP", "transparent huge pages are "
                      f"{machine.thp_mode()} on this machine: only measured "
                      "so"))
    rank = {kind: index for index, kind in enumerate(ORDER)}
    return sorted(found, key=lambda note: rank.get(note[0], len(ORDER)))
