# SPDX-License-Identifier: MIT
"""Runs rows under allocators, interleaved, and keeps every sample."""

import os
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from . import extras, machine, programs, work
from .allocators import Allocator
from .figures import TIME, Figures
from .progress import Progress
from .rows import Row
from .work import Tools

QUICK_SMALLER = 0.15  # of a program's full time, small
PROBE_TIMEOUT = 20  # seconds
# In runs of their own, in this order.
MEASURES = ("latency", "statistics", "system calls", "instructions")
COUNTS = ("system calls", "instructions")  # that no neighbour changes
GIVE_UP = 3  # allocators that a row took too long under: it is the row
PATIENCE, QUICK_PATIENCE = 40, 5  # seconds beyond ten times what is expected
TRIES_PAUSE = 0.2  # seconds, for others to end


@dataclass
class Settings:
    """How the rows are run."""
    repeat: int
    seconds: float  # of each timed run
    timeout: float | None  # of each run; None: from what is expected
    tries: int  # of a disturbed run
    deadline: float  # monotonic: no further pass of a row starts after it
    end: float  # monotonic: nor any measure in a run of its own
    wanted: frozenset  # of "syscalls", "instructions", "latency", "thp"
    quick: bool = False


@dataclass
class Outcome:
    samples: dict  # [row][allocator]: a list of dicts
    never: dict = field(default_factory=dict)  # the same with THP off
    extra: dict = field(default_factory=dict)  # [row][allocator]: one dict
    counted: dict = field(default_factory=dict)  # [row]: see count_calls
    notes: list = field(default_factory=list)  # (kind, text)
    interrupted: bool = False
    passes: int = 0  # begun


def cost(row: Row, settings: Settings) -> float:
    if row.kind == "program" and settings.quick:
        return row.fixed * QUICK_SMALLER
    return row.cost(settings.seconds)


def choose_seconds(rows: list[Row], nallocators: int, repeat: int,
                   budget: float, quick: bool) -> float:
    """
    Seconds for each timed run, so that all passes fit the budget; between
    0.03 and 0.5, even if they then do not (the deadline cuts passes).
    """
    settings = Settings(repeat, 0.0, None, 1, 0.0, 0.0, frozenset(), quick)
    base, timed = 0.0, 0
    for row in rows:
        runs = nallocators * min(repeat, row.passes or repeat)
        base += runs * cost(row, settings)
        timed += 0 if row.fixed else runs
    room = (budget - base) / (timed * 1.1) if timed else 0.5
    return round(max(0.03, min(0.5, room)), 3)


def plan(rows: list[Row], allocators: list[Allocator], repeat: int) -> list:
    """
    All runs in order: the allocators change fastest, so that a machine whose
    speed drifts hits all of them alike; who goes first changes each time.
    """
    runs = []
    for repetition in range(repeat):
        turn = repetition % len(allocators)
        order = allocators[turn:] + allocators[:turn]
        for row in rows:
            if row.passes and repetition >= row.passes:
                continue
            runs += [(repetition, row, allocator) for allocator in order
                     if allocator.name not in row.skip]
    return runs


class Comparison:
    """The state of one comparison; `outcome` is whole after every run."""

    def __init__(self, tools: Tools, rows: list[Row],
                 allocators: list[Allocator], settings: Settings) -> None:
        self.tools = tools
        self.rows = rows
        self.allocators = allocators
        self.settings = settings
        self.calibration = machine.Calibration(tools.launch)
        self.hopeless: set[tuple[str, str]] = set()
        self.unloaded: dict[str, str] = {}  # allocator: whose malloc it was
        self.outcome = Outcome(samples=self._empty())

    def _empty(self) -> dict:
        return {row.name: {a.name: [] for a in self.allocators}
                for row in self.rows}

    def _probe(self) -> None:
        """
        Programs cannot be asked whose malloc they call.  What a small
        workload says holds for them as well: the order of preloading is the
        same.
        """
        if not any(row.kind != "work" for row in self.rows):
            return
        row = Row("tiny", "tiny", memory="rss_kib")
        for allocator in self.allocators:
            sample = work.run_work(self.tools, row, allocator,
                                   {"seconds": 0.01}, PROBE_TIMEOUT)
            if sample["status"] == "NOT LOADED":
                self.unloaded[allocator.name] = sample["why"]

    def run_once(self, row: Row, allocator: Allocator, seed: int,
                 thp: str | None = None) -> dict:
        if row.kind != "work" and allocator.name in self.unloaded:
            return {"status": "NOT LOADED", "others": 0.0,
                    "why": self.unloaded[allocator.name]}
        limit = self.settings.timeout or 10 * cost(row, self.settings) + \
            (QUICK_PATIENCE if self.settings.quick else PATIENCE)
        if row.kind == "program":
            return work.watched(programs.run_program, self.tools, row,
                                allocator, limit, thp)
        if row.kind == "user":
            limit = self.settings.timeout or 86400
            return work.watched(work.run_user, self.tools, row, allocator,
                                limit, thp)
        options = {"seconds": self.settings.seconds, "seed": seed}
        return work.watched(work.run_work, self.tools, row, allocator,
                            options, limit, thp)

    def run_calm(self, row: Row, allocator: Allocator, seed: int,
                 thp: str | None = None) -> dict:
        """The least disturbed of up to `tries` runs."""
        best = self.run_once(row, allocator, seed, thp)
        for _ in range(self.settings.tries - 1):
            if best["others"] <= machine.DISTURBED or best["status"] != "ok":
                break
            time.sleep(TRIES_PAUSE)
            again = self.run_once(row, allocator, seed, thp)
            if again["others"] < best["others"]:
                best = again
        return best

    def _one(self, row: Row, allocator: Allocator, seed: int, samples: dict,
             thp: str | None = None) -> None:
        key = (row.name, allocator.name)
        if key in self.hopeless:
            return
        if sum(name == row.name for name, _ in self.hopeless) >= GIVE_UP:
            sample = {"status": "TIMEOUT", "others": 0.0,
                      "why": f"not tried after {GIVE_UP} others took too long"}
        else:
            sample = self.run_calm(row, allocator, seed, thp)
        samples[row.name][allocator.name].append(sample)
        if sample["status"] == "TIMEOUT":
            self.hopeless.add(key)  # one wait of that length is enough

    def _passes(self) -> None:
        """Stops between rows at the deadline: each row is compared whole."""
        runs = plan(self.rows, self.allocators, self.settings.repeat)
        costs = [cost(row, self.settings) for _, row, _ in runs]
        progress = Progress(costs, self.settings.deadline)
        before = None
        try:
            for (repetition, row, allocator), each in zip(runs, costs):
                if (repetition, row) != before:
                    # The first pass is run whatever the time.
                    if progress.late() and repetition > 0:
                        self._cut(repetition)
                        break
                    before = (repetition, row)
                    self.calibration.take_if_old()
                self._begin_pass(repetition)
                progress.show(f"pass {repetition + 1} of "
                              f"{self.settings.repeat}: {row.name} / "
                              f"{allocator.name}")
                begin = time.monotonic()
                self._one(row, allocator, repetition + 1,
                          self.outcome.samples)
                progress.done(each, time.monotonic() - begin)
        finally:
            progress.end()

    def _begin_pass(self, repetition: int) -> None:
        if repetition >= self.outcome.passes:
            self.outcome.passes = repetition + 1

    def _cut(self, repetition: int) -> None:
        self.outcome.notes.append(
            ("CUT", f"the time was up in pass {repetition + 1} of "
             f"{self.settings.repeat}: later rows have a sample less"))

    def _late(self, what: str) -> bool:
        """Is the time for everything up?  Then `what` is said to be undone."""
        if time.monotonic() < self.settings.end:
            return False
        self.outcome.notes.append(("CUT", f"the time was up: {what}"))
        return True

    def _count(self) -> None:
        # Rows about memory do a fixed, small or long, piece of work.
        rows = [row for row in self.rows
                if not row.memory and row.passes != 1]
        progress = Progress([1.0] * len(rows), self.settings.end)
        try:
            for row in rows:
                if self._late(f"from {row.name} on, calls were not counted"):
                    break
                progress.show(f"calls: {row.name}")
                begin = time.monotonic()
                self._count_row(row)
                progress.done(1.0, time.monotonic() - begin)
        finally:
            progress.end()

    def _count_row(self, row: Row) -> None:
        counted = extras.count_calls(self.tools, row, 1)
        if counted:
            self.outcome.counted[row.name] = counted
        note = extras.missing_calls(row, counted)
        if note:
            self.outcome.notes.append(note)

    def _extra_jobs(self):
        """(row, allocator, name of the measure, function)."""
        figures = Figures(self.outcome.samples)
        names = [a.name for a in self.allocators]
        for row in self.rows:
            if row.memory or row.passes == 1:
                continue
            work_ns = 2e7  # 20 ms at full speed
            ops = extras.steady_ops(figures.median, row, names, work_ns)
            few = extras.steady_ops(figures.median, row, names,
                                    extras.CALLGRIND_NS)
            for allocator in self.allocators:
                if figures.median(row.name, allocator.name, TIME):
                    yield from self._jobs_of(row, allocator, ops, few)

    def _jobs_of(self, row: Row, allocator: Allocator, ops: int | None, few):
        wanted = self.settings.wanted
        tools = self.tools
        if "latency" in wanted and row.latency:
            yield (row, allocator, "latency", lambda: extras.latency(
                tools, row, allocator, max(0.05, self.settings.seconds)))
        if "syscalls" in wanted and extras.have("strace"):
            yield (row, allocator, "system calls", lambda:
                   extras.system_calls(tools, row, allocator, ops))
        if "syscalls" in wanted and allocator.name.startswith("liballoc"):
            yield (row, allocator, "statistics", lambda:
                   extras.own_account(tools, row, allocator))
        if "instructions" in wanted and row.callgrind and few and \
                extras.have("valgrind"):
            yield (row, allocator, "instructions", lambda:
                   extras.instructions(tools, row, allocator, few))

    def _extras(self) -> None:
        # One measure after the other: what is cut is the last ones.
        jobs = sorted(self._extra_jobs(), key=lambda job: MEASURES.index(
            job[2]))
        self._measure([job for job in jobs if job[2] not in COUNTS], 1)
        self._measure([job for job in jobs if job[2] in COUNTS],
                      os.cpu_count() or 1)

    def _measure(self, jobs: list, at_once: int) -> None:
        """Runs the jobs in order, so many at once, until it is too late."""
        progress = Progress([1.0] * len(jobs), self.settings.end)
        pool = ThreadPoolExecutor(at_once)
        running = {}
        begin = time.monotonic()

        def reap(most: int) -> None:
            nonlocal begin
            while len(running) > most:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    place = running.pop(future)
                    place.update(future.result())
                    now = time.monotonic()
                    progress.done(1.0, now - begin)
                    begin = now

        try:
            for row, allocator, what, function in jobs:
                reap(at_once - 1)
                if self._late(f"from {row.name} / {allocator.name} on, no "
                              f"{what}"):
                    break
                progress.show(f"{what}: {row.name} / {allocator.name}")
                extra = self.outcome.extra.setdefault(row.name, {})
                place = extra.setdefault(allocator.name, {})
                running[pool.submit(function)] = place
            reap(0)
        finally:
            pool.shutdown(cancel_futures=True)
            progress.end()

    def _never(self) -> None:
        """One more pass without huge pages, where the machine has any."""
        if "thp" not in self.settings.wanted or machine.thp_mode() == "never":
            return
        rows = [row for row in self.rows if row.passes != 1 and
                not row.memory and row.kind != "program"]
        self.outcome.never = {row.name: {a.name: [] for a in self.allocators}
                              for row in rows}
        runs = plan(rows, self.allocators, 1)
        progress = Progress([cost(row, self.settings) for _, row, _ in runs],
                            self.settings.end)
        try:
            for _, row, allocator in runs:
                if self._late(f"from {row.name} on, no pass without THP"):
                    break
                progress.show(f"THP never: {row.name} / {allocator.name}")
                begin = time.monotonic()
                self._one(row, allocator, 1, self.outcome.never, "never")
                progress.done(cost(row, self.settings),
                              time.monotonic() - begin)
        finally:
            progress.end()

    def run(self) -> Outcome:
        """Everything; what Ctrl-C leaves undone is left out."""
        try:
            self._probe()
            self._passes()
            self._count()
            self._never()
            self._extras()
        except KeyboardInterrupt:
            self.outcome.interrupted = True
            self.outcome.notes.append(
                ("INTERRUPTED", "stopped by Ctrl-C: what was measured up to "
                 "there is shown"))
        self.calibration.take()
        self.outcome.notes += self.calibration.notes()
        return self.outcome
