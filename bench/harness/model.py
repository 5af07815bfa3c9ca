# SPDX-License-Identifier: MIT
"""
The comparison as the report, the tables and docs/benchmarks.md show it: one
plain dict, computed once from the samples, kept in results.json as "model".
"""

from .allocators import BASELINE, LIMIT, OURS, Allocator
from .figures import PEAK, TIME, Figures, means, rivals_of
from .rows import Row

# Single numbers shown beside time and peak: name in the model, sample's key.
PLAIN = {"user_us": "user_us", "sys_us": "sys_us", "faults": "faults",
         "major_faults": "major_faults", "rss_kib": "rss_kib",
         "rss_idle_kib": "rss_idle_kib", "wall_ns": "wall_ns"}
NEAR = 1.03  # "within 3 % of the best"


def _last(figures: Figures, row: str, name: str, key: str):
    values = figures.values(row, name, key)
    return values[-1] if values else None


def _cell(figures: Figures, row: Row, name: str, extra) -> dict:
    trouble = figures.trouble(row.name, name)
    cell: dict = {"status": trouble[0] if trouble else "ok",
                  "why": trouble[1] if trouble else "",
                  "time": figures.summary(row.name, name, TIME),
                  "peak": figures.summary(row.name, name, PEAK)}
    for key, measure in PLAIN.items():
        cell[key] = figures.median(row.name, name, measure)
    if row.memory:
        cell["figure"] = figures.summary(row.name, name, row.memory)
    timeline = _last(figures, row.name, name, "rss_timeline")
    if timeline:
        cell["timeline"] = timeline
    ops = figures.median(row.name, name, "ops")
    if cell["time"] and ops:
        per_ns = ops / cell["wall_ns"] if row.kind == "program" else \
            1 / cell["time"]["median"]
        cell["ops_per_second"] = 1e9 * per_ns
    cell.update(extra)
    return cell


def _ratios(cells: dict, names: list[str]) -> None:
    """Each cell's times the best rival, and times the floor."""
    for measure in ("time", "peak", "figure"):
        medians = {name: cell[measure]["median"]
                   for name, cell in cells.items() if cell.get(measure)}
        rivals = [medians[name] for name in rivals_of(names)
                  if name in medians]
        best = min(rivals, default=None)
        floor = medians.get(LIMIT)
        for name, median in medians.items():
            if best:
                cells[name][f"{measure}_ratio"] = median / best
            if floor:
                cells[name][f"{measure}_of_floor"] = median / floor


def _row(figures: Figures, row: Row, names: list[str], outcome) -> dict:
    extra = outcome.extra.get(row.name, {})
    cells = {name: _cell(figures, row, name, extra.get(name, {}))
             for name in names if name not in row.skip and
             figures.taken(row.name, name)}
    _ratios(cells, names)
    return {"name": row.name, "family": row.family, "kind": row.kind,
            "description": row.description, "threads": row.threads,
            "unit": row.unit, "memory": row.memory, "cells": cells,
            "counted": outcome.counted.get(row.name)}


def _never(outcome, names: list[str]) -> list:
    """Rows without huge pages against the same as the machine is set."""
    with_thp, without = Figures(outcome.samples), Figures(outcome.never)
    found = []
    for row in outcome.never:
        cells = {}
        for name in names:
            pair = [(with_thp.median(row, name, measure),
                     without.median(row, name, measure))
                    for measure in (TIME, PEAK)]
            ratios = [after / before for before, after in pair
                      if before and after]
            if len(ratios) == len(pair):
                cells[name] = ratios
        found.append({"name": row, "cells": cells})
    return found


def _standing(rows: list, names: list[str]) -> dict:
    """How often each is within 3 % of the best, and its worst row, by time."""
    found = {}
    for name in rivals_of(names):
        ratios = [(row["cells"][name]["time_ratio"], row["name"])
                  for row in rows if not row["memory"] and
                  "time_ratio" in row["cells"].get(name, {})]
        if ratios:
            near = sum(ratio <= NEAR for ratio, _ in ratios)
            found[name] = {"near": near, "rows": len(ratios),
                           "worst": max(ratios)}
    return found


def _place(values: dict, name: str) -> str:
    order = sorted(values, key=values.__getitem__)
    return f"{name} is {order.index(name) + 1} of {len(order)}"


def _overlap(row: dict, measure: str, one, other) -> bool:
    """Do the passes of two allocators reach into each other's range?"""
    a, b = (row["cells"][name][measure] for name in (one, other))
    return a["n"] > 1 and max(a["min"], b["min"]) <= min(a["max"], b["max"])


def _sentence(model: dict, measure: str, best_word,
              words: str) -> str | None:
    """Who is best, and where liballoc stands; None without figures."""
    mean = model["means"][measure]
    values = {name: value for name, value in mean["values"].items()
              if name != LIMIT}
    if not values:
        return None
    rows = [row for row in model["rows"] if not row["memory"]]
    only = rows[0] if len(rows) == 1 else None
    # A user compares with what the program runs on now.
    base = "glibc" if only and only["kind"] == "user" else BASELINE
    best = min(values, key=values.__getitem__)
    text = f"{best_word} over {only['name'] if only else mean['rows']}"
    text += f"{'' if only else ' rows'}: {best}"
    if OURS in values and best != OURS:
        text += (f"; {_place(values, OURS)}, "
                 f"{values[OURS] / values[best]:.2f} × its {words}")
        if only and _overlap(only, measure, OURS, best):
            text += " (the passes overlap: noise may be all of it)"
    elif OURS in values and len(values) > 1:
        second = sorted(values, key=values.__getitem__)[1]
        text += (f", {values[best] / values[second]:.2f} × the {words} of "
                 f"the next, {second}")
    if base in values and base != best and OURS in values:
        text += f"; {values[OURS] / values[base]:.2f} × that of {base}"
    return text + "."


def headline(model: dict) -> list[str]:
    """Two sentences that say how it went."""
    if not model["means"]["time"]["values"]:
        return ["No row was finished by all: see below what went wrong."]
    said = [_sentence(model, "time", "Fastest", "time"),
            _sentence(model, "peak", "Leanest", "peak memory")]
    return [text for text in said if text]


def build(outcome, rows: list, allocators: list[Allocator], machine: dict,
          notes: list, options: dict):
    """The whole; `options` is what the user asked for, as text."""
    names = [a.name for a in allocators]
    figures = Figures(outcome.samples)
    plain = [_row(figures, row, names, outcome) for row in rows
             if any(outcome.samples[row.name].values())]
    timed = [row.name for row in rows if not row.memory]
    model = {"title": options["title"], "command": options["command"],
             "seconds": options["seconds"], "passes": outcome.passes,
             "machine": machine, "names": names, "rows": plain,
             "notes": notes, "interrupted": outcome.interrupted,
             "never": _never(outcome, names),
             "standing": _standing(plain, names)}
    model["means"] = {}
    for word, measure in (("time", TIME), ("peak", PEAK)):
        count, values = means(figures, timed, names, measure)
        model["means"][word] = {"rows": count, "values": values}
    model["headline"] = headline(model)
    return model
