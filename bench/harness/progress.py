# SPDX-License-Identifier: MIT
"""One line on stderr: what runs, how much is done, the time left."""

import sys
import time

QUIET_SECONDS = 15  # between two lines when stderr is no terminal


class Progress:
    """Costs are the plan's seconds, corrected by what runs really took."""

    def __init__(self, costs: list[float], deadline: float) -> None:
        self.left_cost = sum(costs)
        self.total = len(costs)
        self.runs = 0
        self.spent = 0.0  # really
        self.planned = 0.0  # of the same runs
        self.deadline = deadline
        self.shown = 0.0
        self.tty = sys.stderr.isatty()

    def left(self) -> float:
        scale = self.spent / self.planned if self.planned > 2 else 1.0
        return max(0.0, min(self.left_cost * scale,
                            self.deadline - time.monotonic()))

    def late(self) -> bool:
        return time.monotonic() > self.deadline

    def show(self, words: str) -> None:
        now = time.monotonic()
        if not self.tty and now - self.shown < QUIET_SECONDS:
            return
        self.shown = now
        minutes, seconds = divmod(int(self.left() + 0.5), 60)
        line = (f"[{self.runs + 1}/{self.total}] {words}, "
                f"{minutes}m{seconds:02d}s left")
        sys.stderr.write(f"\r{line:<78.78}" if self.tty else line + "\n")
        sys.stderr.flush()

    def done(self, cost: float, seconds: float) -> None:
        self.left_cost -= cost
        self.runs += 1
        self.planned += cost
        self.spent += seconds

    def end(self) -> None:
        if self.tty:
            sys.stderr.write("\r" + " " * 78 + "\r")
            sys.stderr.flush()
