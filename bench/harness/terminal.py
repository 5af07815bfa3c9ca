# SPDX-License-Identifier: MIT
"""The tables on the terminal, from the model."""

import shutil

CELL = 15
SPREAD_MOST = 999  # per cent that fit a cell


def short(value: float | None) -> str:
    """Three digits or so: 5.75, 83.1, 1702, 4.1M."""
    if value is None:
        return "-"
    if value >= 1e6:
        return f"{value / 1e6:.1f}M"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def grid(title: str, names: list[str], lines: list, width=None) -> str:
    """
    Text of a table; `lines` are (row, [cell]); cut into blocks that fit the
    terminal.  In a file or a pipe there is no width to fit.
    """
    label = max([len(row) for row, _ in lines] + [8]) + 1
    if width is None:
        width = shutil.get_terminal_size((0, 0)).columns or 10000
    room = max(1, (width - label) // CELL)
    text = []
    for first in range(0, len(names), room):
        part = names[first:first + room]
        text.append(f"\n{title}")
        text.append(" " * label + "".join(f"{name[:CELL - 1]:>{CELL}}"
                                          for name in part))
        for row, cells in lines:
            text.append(f"{row:<{label}}" + "".join(
                f"{cell:>{CELL}}" for cell in cells[first:first + room]))
    return "\n".join(text)


def value_cell(row: dict, name: str, measure: str, scale: float = 1.0) -> str:
    """The median and its spread, or what went wrong."""
    cell = row["cells"].get(name)
    if not cell:
        return "-"
    if cell["status"] != "ok":
        return cell["status"]
    figure = cell.get(measure)
    if not figure:
        return "-"
    median = figure["median"]
    text = short(median / scale)
    if figure["n"] > 1 and median:
        spread = 100 * (figure["max"] - figure["min"]) / median
        text += f" ~{min(spread, SPREAD_MOST):.0f}%"
    return text


def ratio_cell(row: dict, name: str, measure: str) -> str:
    """Times the best of the rivals; then, in brackets, times the floor."""
    cell = row["cells"].get(name, {"status": "ok"})
    if cell["status"] != "ok":
        return cell["status"]
    if f"{measure}_ratio" not in cell:
        return "-"
    text = f"{cell[f'{measure}_ratio']:.2f}"
    if f"{measure}_of_floor" in cell:
        text += f" [{cell[f'{measure}_of_floor']:.2f}]"
    return text


def _values(model: dict, rows: list[dict], title: str, measure: str,
            scale: float) -> str:
    names = model["names"]
    return grid(title, names, [(row["name"], [
        value_cell(row, name, measure, scale) for name in names])
        for row in rows])


def ratios(model: dict, rows: list[dict], title: str, measure: str) -> str:
    names = model["names"]
    return grid(title, names, [(row["name"], [
        ratio_cell(row, name, measure) for name in names]) for row in rows])


def mean_tables(model: dict) -> str:
    text = []
    for word, words in (("time", "time"), ("peak", "peak memory")):
        mean = model["means"][word]
        if mean["values"]:
            text.append(grid(
                f"GEOMETRIC MEAN of {words} over {mean['rows']} rows, x the "
                "best of each row", model["names"],
                [("all", [f"{mean['values'][name]:.2f}"
                          if name in mean["values"] else "-"
                          for name in model["names"]])]))
    return "\n".join(text)


def memory_table(model: dict) -> str:
    """Of rows whose figure is not the time; "" when there is none."""
    memory = [row for row in model["rows"] if row["memory"]]
    if not memory:
        return ""
    return grid("MEMORY", model["names"], [
        (f"{row['name']}, {row['unit']}",
         [value_cell(row, name, "figure") for name in model["names"]])
        for row in memory])


def tables(model: dict) -> str:
    """All tables, without the notes."""
    every = [row for row in model["rows"] if not row["memory"]]
    timed = [row for row in every if row["unit"] == "ns"]
    whole = [row for row in every if row["unit"] == "s"]
    text = []
    if timed:
        text.append(_values(model, timed, "TIME: ns per operation, median "
                            "~spread (max-min)", "time", 1))
    if whole:
        text.append(_values(model, whole, "TIME: seconds, median ~spread "
                            "(max-min)", "time", 1e9))
    if every:
        text.append(ratios(model, every, "TIME: x the best but the floor "
                           "[x the floor]", "time"))
        text.append(_values(model, every, "PEAK MEMORY: MiB (VmHWM without "
                            "the harness' arrays)", "peak", 1024))
        text.append(ratios(model, every, "PEAK MEMORY: x the leanest but the "
                           "floor [x the floor]", "peak"))
    text += [memory_table(model), mean_tables(model)]
    return "\n".join(part for part in text if part)


def notes(model: dict):
    return "\n".join(f"! {kind}: {text}" for kind, text in model["notes"])
