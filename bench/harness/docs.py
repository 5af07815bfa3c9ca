# SPDX-License-Identifier: MIT
"""The section of docs/benchmarks.md that `bench/compare --docs` writes."""

import os
import shlex

from . import results, targets, terminal

BEGIN = "<!-- begin: written by bench/compare --docs -->"
END = "<!-- end: written by bench/compare --docs -->"


def command_line(words: list[str]) -> str:
    return shlex.join(["bench/compare"] + words[1:])


def _machine_line(model: dict) -> str:
    machine = model["machine"]
    return (f"Printed from `{model['command']}` of {machine['date'][:10]}: "
            f"{machine['cpus']} × {machine['cpu']}, Linux "
            f"{machine['kernel']}, {machine['libc']}, THP "
            f"`{machine['thp']}`; up to {model['passes']} passes, "
            f"{model['seconds']} s a run.")


def _versions(model: dict) -> str:
    every = model["machine"]["allocators"]
    peers = [f"{name} {each['version']}" for name, each in every.items()
             if each["version"] and not each["version"].startswith("built")]
    return f"Versions: {', '.join(peers)}."


def section(model: dict, verdicts: list) -> str:
    """Markdown; the tables as the terminal shows them, 10 columns wide."""
    timed = [row for row in model["rows"] if not row["memory"]]
    lines = [_machine_line(model), _versions(model), ""]
    lines += [f"**{line}**" for line in model["headline"]]
    lines += ["", "```"]
    text = terminal.mean_tables(model)
    text += "\n" + terminal.ratios(
        model, timed, "TIME: x the best but the floor [x the floor]", "time")
    text += "\n" + terminal.ratios(
        model, timed, "PEAK MEMORY: x the leanest but the floor [x the floor]",
        "peak")
    memory = terminal.memory_table(model)
    text += "\n" + memory if memory else ""
    if verdicts:
        text += "\n\n" + targets.verdict_table(verdicts)
    lines += text.strip("\n").split("\n") + ["```", ""]
    lines += [f"- {kind}: {words}" for kind, words in model["notes"]]
    return "\n".join(lines).rstrip("\n")


def rewrite(place: str, root: str, fail) -> int:
    """Exit status; `fail` prints one line and ends."""
    path = os.path.join(root, "docs", "benchmarks.md")
    try:
        model, verdicts = results.load_model(place)
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        fail(f"{path} has no section to write: {BEGIN} ... {END}")
    try:
        results.write(path, "\n".join(
            [before + BEGIN, section(model, verdicts), END + after]))
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    print(f"{path}: tables of {model['machine']['date']}")
    return 0
