# SPDX-License-Identifier: MIT
"""The tables on the terminal, results.json and results.csv."""

import csv
import io
import json
import os
import platform
import shutil
import tempfile
import time

from . import allocators as known_allocators
from .figures import PEAK, TIME, Figures, geometric_mean
from .runner import DISTURBED

CELL = 15


def short(value):
    """Three digits or so: 5.75, 83.1, 1702, 4.1M."""
    if value is None:
        return "-"
    if value >= 1e6:
        return f"{value / 1e6:.1f}M"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def print_grid(title, names, lines):
    """`lines` are (row, [cell]); cut into blocks that fit the terminal."""
    label = max([len(row) for row, _ in lines] + [8]) + 1
    # In a file or a pipe there is no width to fit.
    width = shutil.get_terminal_size((0, 0)).columns or 10000
    room = max(1, (width - label) // CELL)
    for first in range(0, len(names), room):
        print(f"\n{title}")
        part = names[first:first + room]
        print(" " * label + "".join(f"{name[:CELL - 1]:>{CELL}}"
                                    for name in part))
        for row, cells in lines:
            print(f"{row:<{label}}" + "".join(
                f"{cell:>{CELL}}" for cell in cells[first:first + room]))


def value_cell(figures, row, name, measure, scale=1.0):
    """The median and its spread, or what went wrong."""
    trouble = figures.trouble(row.name, name)
    if trouble:
        return trouble[0]
    median = figures.median(row.name, name, measure)
    if median is None:
        return "-"
    spread = figures.spread(row.name, name, measure)
    tail = f" ~{min(spread, 999):.0f}%" if spread is not None else ""
    return short(median / scale) + tail


def ratio_cell(figures, row, name, measure, rivals):
    """Times the best of the rivals; then, in brackets, times the floor."""
    median = figures.median(row.name, name, measure)
    best = figures.least(row.name, rivals, measure)
    floor = figures.median(row.name, "floor", measure)
    if median is None:
        return "-"
    times_best = f"{median / best[1]:.2f}" if best and best[1] else "-"
    times_floor = f" [{median / floor:.2f}]" if floor else ""
    return times_best + times_floor


def print_means(figures, rows, names, rivals):
    """Geometric means of the ratios over the rows that all have."""
    for title, measure in (("time", TIME), ("peak memory", PEAK)):
        shared = [row.name for row in rows if all(
            figures.median(row.name, name, measure) for name in rivals)]
        if not shared:
            continue
        cells = []
        for name in names:
            ratios = [figures.median(row, name, measure) /
                      figures.least(row, rivals, measure)[1] for row in shared
                      if figures.median(row, name, measure)]
            # The floor skips rows: its mean would compare different things.
            complete = len(ratios) == len(shared)
            cells.append(f"{geometric_mean(ratios):.2f}" if complete else "-")
        print_grid(f"GEOMETRIC MEAN of {title} over {len(shared)} rows, "
                   "x the best of each row", names, [("all", cells)])


def print_tables(samples, rows, allocators):
    figures = Figures(samples)
    names = [allocator.name for allocator in allocators]
    rivals = [name for name in names if name != "floor"]
    timed = [row for row in rows if not row.memory]
    memory = [row for row in rows if row.memory]
    if timed:
        print_grid("TIME: ns per operation, median ~spread (max-min)", names,
                   [(row.name, [value_cell(figures, row, name, TIME)
                                for name in names]) for row in timed])
        print_grid("TIME: x the best but the floor [x the floor]", names,
                   [(row.name, [ratio_cell(figures, row, name, TIME, rivals)
                                for name in names]) for row in timed])
        print_grid("PEAK MEMORY: MiB (VmHWM without the harness' arrays)",
                   names,
                   [(row.name, [value_cell(figures, row, name, PEAK, 1024)
                                for name in names]) for row in timed])
        print_grid("PEAK MEMORY: x the leanest but the floor [x the floor]",
                   names,
                   [(row.name, [ratio_cell(figures, row, name, PEAK, rivals)
                                for name in names]) for row in timed])
        print_means(figures, timed, names, rivals)
    if memory:
        print_grid("MEMORY", names,
                   [(f"{row.name}, {row.unit}",
                     [value_cell(figures, row, name, row.memory)
                      for name in names]) for row in memory])
    print_notes(figures, rows, names)


def print_disturbed(samples):
    taken = [sample for by_name in samples.values()
             for list_ in by_name.values() for sample in list_]
    bad = sum(sample["others"] > DISTURBED for sample in taken)
    if bad:
        print(f"! {bad} of {len(taken)} runs were disturbed: other work used "
              f"over {100 * DISTURBED:.0f} % of the CPUs (see --calm)")


def print_notes(figures, rows, names):
    """What was not as it should be, one line each."""
    print()
    print_disturbed(figures.samples)
    for row in rows:
        for name in names:
            trouble = figures.trouble(row.name, name)
            if trouble:
                print(f"! {row.name} / {name}: {trouble[0]}: {trouble[1]}")
            wrong = figures.values(row.name, name, "misaligned")
            if wrong:
                print(f"! {row.name} / {name}: {sum(wrong):.0f} blocks were "
                      "not aligned as asked")


def state_of_machine(allocators):
    thp = "/sys/kernel/mm/transparent_hugepage/enabled"
    try:
        with open(thp, encoding="ascii") as file:
            thp_mode = file.read().strip()
    except OSError:
        thp_mode = "?"
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "thp": thp_mode,
        "load": os.getloadavg(),
        "allocators": {a.name: {"path": a.path, "env": a.env,
                                "version": known_allocators.version(a)}
                       for a in allocators},
    }


def _write(path, text):
    """Whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def _csv(samples):
    plain = ("ops", "wall_ns", "ns_per_op", "best_ns", "user_us", "sys_us",
             "others", "faults", "rss_kib", "peak_kib", "harness_kib", "net_peak_kib")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("row", "allocator", "repetition", "status", *plain,
                     "extra"))
    for row, by_allocator in samples.items():
        for name, taken in by_allocator.items():
            for index, sample in enumerate(taken):
                extra = ";".join(
                    f"{key}={value}" for key, value in sample.items()
                    if key not in plain and isinstance(value, float))
                writer.writerow((row, name, index, sample["status"],
                                 *(sample.get(key, "") for key in plain),
                                 extra))
    return text.getvalue()


def write_results(out, samples, machine, options, verdicts, interrupted):
    results = {"machine": machine, "options": options,
               "interrupted": interrupted, "samples": samples,
               "targets": verdicts}
    _write(os.path.join(out, "results.json"), json.dumps(results, indent=1))
    _write(os.path.join(out, "results.csv"), _csv(samples))
