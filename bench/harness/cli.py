# SPDX-License-Identifier: MIT
"""The command line: what is asked, and whether it can be done."""

import argparse
import os
import sys
from typing import NoReturn

from . import allocators, programs, results, rows, targets

EPILOG = """\
exit status: 0 done (--targets: all pass), 1 an allocator failed or was not
loaded (--targets: some fall short), 2 wrong usage, 130 interrupted (the
results up to there are written).  docs/benchmarks.md says what the rows mean
and what is counted of a PROGRAM.
"""
USAGE = "compare [OPTIONS] [-- PROGRAM ARGS...]"
THREADS_MOST = 256


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        fail(message)


def fail(message: str) -> NoReturn:
    """One clear line, exit status 2, nothing half-written."""
    print(f"compare: {message}", file=sys.stderr)
    sys.exit(2)


def _positive(convert, most):
    def parse(text: str):
        try:
            value = convert(text)
        except ValueError:
            value = 0
        if not 0 < value <= most:
            raise argparse.ArgumentTypeError(
                f"{text}: not a number over 0 and up to {most}")
        return value
    return parse


def _counts(text: str):
    return [_positive(int, THREADS_MOST)(word) for word in text.split(",")]


def parse(words: list[str], here: str):
    """(options, the user's PROGRAM ARGS or None)."""
    argv = None
    if "--" in words:
        at = words.index("--")
        words, argv = words[:at], words[at + 1:]
        if not argv:
            fail("which program? (-- PROGRAM ARGS...)")
    parser = Parser(prog="compare", epilog=EPILOG, usage=USAGE,
                    description="Runs the same work under every allocator, "
                    "interleaved, and compares.",
                    formatter_class=argparse.RawDescriptionHelpFormatter)
    _add_choices(parser.add_argument)
    _add_lengths(parser.add_argument)
    _add_outputs(parser.add_argument, os.path.dirname(here))
    options = parser.parse_args(words)
    if argv and (options.workloads or options.threads or options.targets):
        fail("--workloads, --threads and --targets are not for a PROGRAM")
    return options, argv


def _add_choices(add) -> None:
    add("--quick", action="store_true",
        help="fewer rows, short runs: under three minutes")
    add("--full", action="store_true",
        help="all rows and measures (default): within the hour")
    add("--allocators", metavar="A,B", help="only these (see --list)")
    add("--add", metavar="NAME=/PATH", action="append", default=[],
        help="one more library to preload")
    add("--env", metavar="NAME:VAR=VALUE", action="append", default=[],
        help="an environment variable for one allocator")
    add("--workloads", metavar="W,...",
        help="only these: NAME, NAME@THREADS, a family, or a pattern such as "
        "'burst-*'")
    add("--threads", metavar="1,2,8", type=_counts,
        help="each timed workload with so many threads")
    add("--targets", action="store_true",
        help="print the figures liballoc must reach: PASS or SHORT")
    add("--list", action="store_true", help="allocators and rows, then end")


def _add_lengths(add) -> None:
    add("--repeat", metavar="N", type=_positive(int, 1000),
        help="passes over all rows (default 5; --quick 3)")
    add("--seconds", metavar="S", type=_positive(float, 3600),
        help="of each timed run (default: what fits three minutes or an hour)")
    add("--timeout", metavar="S", type=_positive(float, 86400),
        help="of each run (default: ten times what is expected and 40 s; "
        "--quick: and 5 s)")
    add("--calm", action="store_true",
        help="repeat a run up to three times while others use the CPUs")
    for name, words in (("syscalls", "system calls of memory"),
                        ("instructions", "instructions, by callgrind")):
        add(f"--{name}", action="store_true",
            help=f"count {words} in runs of their own (part of --full)")


def _add_outputs(add, root: str) -> None:
    add("--build", metavar="DIR", default=os.path.join(root, "build"),
        help="where bin/bench_work and lib/ are (default: build)")
    add("--out", metavar="DIR", default=os.path.join(root, "results"),
        help="for report.html, results.json and results.csv (default: "
        "results)")
    add("--docs", metavar="DIR",
        help="rewrite the tables of docs/benchmarks.md from DIR/results.json")


def known_allocators(options: argparse.Namespace):
    """By name: the known ones and those of --add, with --env applied."""
    known = allocators.known(os.path.realpath(options.build))
    for word in options.add:
        name, equals, path = word.partition("=")
        if not name or not equals or not path:
            fail(f"--add {word}: NAME=/path/lib.so is wanted")
        if name in known:
            fail(f"--add {word}: the name {name} is taken")
        if any(letter in os.path.abspath(path) for letter in " :"):
            fail(f"--add {word}: LD_PRELOAD takes no path with ' ' or ':'")
        known[name] = allocators.Allocator(name, os.path.abspath(path))
    for word in options.env:
        name, colon, setting = word.partition(":")
        variable, equals, value = setting.partition("=")
        if name not in known or not colon or not variable or not equals:
            fail(f"--env {word}: NAME:VAR=VALUE is wanted, NAME an allocator")
        known[name].env[variable] = value
    return known


def _named(options: argparse.Namespace, known: dict):
    """Names asked for: these must be there.  None: whatever is there."""
    added = [word.partition("=")[0] for word in options.add]
    if options.allocators is None:
        return None, added
    names = [word for word in options.allocators.split(",") if word]
    for name in names:
        if name not in known:
            fail(f"unknown allocator {name} "
                 f"(known: {', '.join(known)}; or --add NAME=/path)")
    if not names:
        fail("--allocators: which?")
    return names, added


def choose_allocators(options: argparse.Namespace, known: dict, installer: str):
    """
    (chosen, why others are left out).  Those asked for must be there; of the
    others, those that are; Debian's are installed if that is allowed.
    """
    names, added = _named(options, known)
    wanted = set(added) | set(names or ())
    if options.targets:
        wanted |= set(targets.NEEDED)
    if names is not None:
        chosen = dict.fromkeys(names + added)
    elif options.targets:
        chosen = dict.fromkeys(list(targets.NEEDED) + added)
    else:
        chosen = dict.fromkeys(known)
    if options.targets:
        chosen.update(dict.fromkeys(targets.NEEDED))
    picked = [known[name] for name in chosen]
    allocators.install_peers(picked, installer)
    for allocator in picked:
        if allocator.name in wanted and allocator.missing():
            fail(allocator.missing())
    left_out = [why for a in picked if (why := a.missing())]
    return [a for a in picked if not a.missing()], left_out


def find_tool(options: argparse.Namespace, directory: str, name: str) -> str:
    path = os.path.join(os.path.realpath(options.build), directory, name)
    if not os.path.isfile(path):
        fail(f"{path} is missing: cmake -B build && cmake --build build -j2 "
             "(or --build DIR)")
    return path


def prepare_out(out: str) -> None:
    try:
        results.check_writable(out)
    except OSError as error:
        fail(f"cannot write into {out}: {error.strerror}")


def _available(chosen: list, directory: str, asked):
    """Without programs that are not installed; (rows, why not)."""
    left_out = []
    kept = []
    for row in chosen:
        why = programs.why_not(directory, row) if row.kind == "program" \
            else None
        if why and asked:
            fail(why)
        if why:
            left_out.append(why)
        else:
            kept.append(row)
    return kept, left_out


def choose_rows(options: argparse.Namespace, every: list, directory: str):
    """(rows, why others are left out)."""
    words = [word for word in (options.workloads or "").split(",") if word]
    if options.workloads is not None and not words:
        fail("--workloads: which?")
    try:
        chosen = rows.choose(words, options.quick, every)
    except ValueError as error:
        fail(str(error))
    if options.targets and not words:
        chosen = [row for row in chosen if targets.concerned(row)]
    if options.threads:
        chosen = rows.spread_threads(chosen, options.threads)
    return _available(chosen, directory, bool(words))


def user_rows(argv: list[str]):
    """(the one row, notes) for a PROGRAM."""
    try:
        command = programs.examine(argv)
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{argv[0]}: {error.strerror}")
    if programs.own_malloc(command[0]):
        fail(f"{argv[0]} exports a malloc of its own: preloading an "
             "allocator does nothing")
    return [programs.user_row(command)], []
