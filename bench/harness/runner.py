# SPDX-License-Identifier: MIT
"""Runs rows under allocators, interleaved, and keeps every sample."""

import json
import os
import resource
import signal
import subprocess
import sys
import time

DISTURBED = 0.10  # of all CPUs, used by others


def run_group(command, environment, timeout):
    """
    (exit status, stdout, stderr) of a process in a session of its own, so that
    its children end with it: one of a hanging idle-threads would hold the pipe.
    """
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, start_new_session=True) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:  # time-out and Ctrl-C alike
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    return process.returncode, out, err


def run_once(bench_work, row, allocator, seconds, seed, timeout):
    """One fresh process.  A dict with "status" and, when ok, its figures."""
    command = [bench_work, row.workload, "--seconds", str(seconds),
               "--seed", str(seed)]
    if row.threads:
        command += ["--threads", str(row.threads)]
    try:
        status, out, err = run_group(command, allocator.environment(),
                                     timeout)
    except subprocess.TimeoutExpired:
        return {"status": "TIMEOUT", "why": f"not done after {timeout:.0f} s"}
    words = err.strip().splitlines()
    if status < 0:
        name = signal.Signals(-status).name
        return {"status": "CRASHED", "why": f"{name} {' '.join(words[-1:])}"}
    if status != 0:
        return {"status": "FAILED", "why": " ".join(words[-1:]) or
                f"exit status {status}"}
    try:
        sample = json.loads(out)
    except json.JSONDecodeError:
        return {"status": "FAILED", "why": "its report is no JSON"}
    if not allocator.provides(sample["malloc_from"]):
        return {"status": "NOT LOADED",
                "why": f"malloc came from {sample['malloc_from']}"}
    sample["net_peak_kib"] = sample["peak_kib"] - sample["harness_kib"]
    sample["status"] = "ok"
    return sample


def _busy_seconds():
    """CPU seconds that anybody used since boot, and those stolen by a host."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = ticks
    return (user + nice + system + irq + softirq + steal) / os.sysconf(
        "SC_CLK_TCK")


def run_watched(bench_work, row, allocator, seconds, seed, timeout):
    """run_once, and how much of the CPUs others used meanwhile (0..1)."""
    begin, busy = time.monotonic(), _busy_seconds()
    mine = resource.getrusage(resource.RUSAGE_CHILDREN)
    sample = run_once(bench_work, row, allocator, seconds, seed, timeout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = (after.ru_utime - mine.ru_utime) + (after.ru_stime - mine.ru_stime)
    room = (time.monotonic() - begin) * os.cpu_count()
    # Ticks are 10 ms: in a short run one of them is noise, not load.
    others = _busy_seconds() - busy - own - 0.02
    sample["others"] = max(0.0, others / room)
    return sample


def run_calm(tries, *arguments):
    """The least disturbed of up to `tries` runs."""
    best = run_watched(*arguments)
    for _ in range(tries - 1):
        if best["others"] <= DISTURBED or best["status"] != "ok":
            break
        time.sleep(0.2)
        again = run_watched(*arguments)
        if again["others"] < best["others"]:
            best = again
    return best


class Progress:
    """One line on stderr: what runs, how much is done, the time left."""

    def __init__(self, total_cost, total_runs):
        self.total_cost = total_cost
        self.total_runs = total_runs
        self.cost = 0.0
        self.runs = 0
        self.begin = time.monotonic()
        self.shown = 0.0
        self.tty = sys.stderr.isatty()

    def left(self):
        elapsed = time.monotonic() - self.begin
        # The plan's costs until enough has been seen to scale them.
        scale = elapsed / self.cost if self.cost > 5 else 1.0
        return (self.total_cost - self.cost) * scale

    def show(self, row, allocator, repetition, repeat):
        now = time.monotonic()
        if not self.tty and now - self.shown < 15:
            return
        self.shown = now
        minutes, seconds = divmod(int(self.left() + 0.5), 60)
        line = (f"[{self.runs + 1}/{self.total_runs}] pass {repetition + 1} of "
                f"{repeat}: {row.name} / {allocator.name}, "
                f"{minutes}m{seconds:02d}s left")
        sys.stderr.write(f"\r{line:<78.78}" if self.tty else line + "\n")
        sys.stderr.flush()

    def done(self, cost):
        self.cost += cost
        self.runs += 1

    def end(self):
        if self.tty:
            sys.stderr.write("\r" + " " * 78 + "\r")


def plan(rows, allocators, repeat):
    """
    All runs in order: the allocators change fastest, so that a machine whose
    speed drifts hits all of them alike; who goes first changes each time.
    """
    runs = []
    for repetition in range(repeat):
        turn = repetition % len(allocators)
        order = allocators[turn:] + allocators[:turn]
        for row in rows:
            if row.once and repetition > 0:
                continue
            runs += [(repetition, row, allocator) for allocator in order
                     if allocator.name not in row.skip]
    return runs


def run_all(bench_work, rows, allocators, options):
    """
    (samples[row][allocator] = list of dicts, was it interrupted).  `options`
    has repeat, seconds, timeout (or None) and tries.
    """
    repeat, seconds = options.repeat, options.seconds
    samples = {row.name: {a.name: [] for a in allocators} for row in rows}
    runs = plan(rows, allocators, repeat)
    costs = [row.cost(seconds) for _, row, _ in runs]
    progress = Progress(sum(costs), len(runs))
    hopeless = set()
    try:
        for (repetition, row, allocator), cost in zip(runs, costs):
            progress.show(row, allocator, repetition, repeat)
            key = (row.name, allocator.name)
            if key not in hopeless:
                sample = run_calm(options.tries, bench_work, row, allocator,
                                  seconds, repetition + 1,
                                  options.timeout or 60 + 10 * cost)
                samples[row.name][allocator.name].append(sample)
                if sample["status"] == "TIMEOUT":
                    hopeless.add(key)  # one wait of that length is enough
            progress.done(cost)
    except KeyboardInterrupt:
        progress.end()
        return samples, True
    progress.end()
    return samples, False
