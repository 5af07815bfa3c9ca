#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""workloads.py BENCH_WORK LIBRARY|- SECONDS [--without NAME,...]

Runs every workload of `bench_work --list` for SECONDS with LIBRARY preloaded
(-: none) and checks the line of JSON that each prints.
"""

import json
import os
import subprocess
import sys

NUMBERS = ("ops", "wall_ns", "ns_per_op", "user_us", "sys_us", "faults",
           "rss_kib", "end_rss_kib", "peak_kib", "harness_kib")
# Needs an argument; its test is trace.sh.
ARGUMENT = {"replay"}
TIMELINE = {"frag-phase", "retain-trim", "retain-idle", "idle-peak"}


def environment(library):
    clean = {name: value for name, value in os.environ.items()
             if name not in ("LD_PRELOAD", "LIBALLOC_CONF")}
    if library != "-":
        clean["LD_PRELOAD"] = library
    return clean


def listed(bench_work):
    lines = subprocess.run([bench_work, "--list"], check=True, text=True,
                           capture_output=True).stdout.splitlines()
    rows = [line.split("\t") for line in lines]
    assert all(len(row) == 4 and row[2].isdecimal() for row in rows), rows
    assert len({row[0] for row in rows}) == len(rows), "a name twice"
    return [row[0] for row in rows]


def complaint(name, run, library):
    """What is wrong with the JSON of a run, or None."""
    if run["name"] != name:
        return f"calls itself {run['name']}"
    for key in NUMBERS:
        if not isinstance(run.get(key), (int, float)) or run[key] < 0:
            return f"{key} is {run.get(key)}"
    if run["ops"] == 0 or run["wall_ns"] == 0 or run["peak_kib"] == 0:
        return "nothing was measured"
    if run["peak_kib"] < run["rss_kib"]:
        return "the peak is below what was resident"
    if library != "-" and os.path.basename(library) not in run["malloc_from"]:
        return f"malloc is that of {run['malloc_from']}"
    if name in TIMELINE:
        times = [ms for ms, _ in run["rss_timeline"]]
        if len(times) < 2 or times != sorted(times):
            return "the RSS timeline is not one"
    return None


def check(bench_work, name, seconds, library, options=()):
    done = subprocess.run([bench_work, name, "--seconds", seconds, *options],
                          text=True, capture_output=True, check=False,
                          timeout=240, env=environment(library))
    if done.returncode != 0 or done.stderr:
        return f"status {done.returncode}: {done.stderr.strip()[-300:]}", {}
    if done.stdout.count("\n") != 1:
        return "not one line", {}
    run = json.loads(done.stdout)
    return complaint(name, run, library), run


def check_latency(bench_work, seconds, library):
    """Percentiles rise, and only the program of --latency has them."""
    why, run = check(bench_work, "churn-1k", seconds, library, ["--latency"])
    for kind in ("malloc", "free"):
        each = run.get("latency", {}).get(kind, {"count": 0})
        if each["count"] < run.get("ops", 1):
            return why or f"{kind}: {each['count']} calls were timed"
        if not 0 < each["p50"] <= each["p99"] <= each["p999"] <= each["max"]:
            return why or f"{kind}: percentiles {each}"
    return why


def check_usage(bench_work):
    """Wrong words: one line on stderr, nothing on stdout, status 2."""
    for words in ([], ["nonsense"], ["churn-1k", "--threads", "0"],
                  ["churn-1k", "--seconds"], ["churn-1k", "--what", "1"],
                  ["replay"], ["replay", "--trace", "/nonexistent"],
                  ["churn-1k", "--touch", "much"],
                  ["trace-gcc", "--threads", "2"]):
        done = subprocess.run([bench_work, *words], text=True, check=False,
                              capture_output=True)
        if (done.returncode, done.stdout, done.stderr.count("\n")) != (2, "", 1):
            return f"bench_work {' '.join(words)}: {done}"
    return None


def main():
    bench_work, library, seconds = sys.argv[1:4]
    without = set(sys.argv[5].split(",")) if len(sys.argv) > 5 else set()
    wrong = []
    names = [name for name in listed(bench_work)
             if name not in without | ARGUMENT]
    for name in names:
        why, _ = check(bench_work, name, seconds, library)
        print(f"{name}: {why or 'ok'}", flush=True)
        wrong += [name] if why else []
    more = [check_usage(bench_work)]
    if os.path.exists(os.path.join(os.path.dirname(bench_work),
                                   "bench_latency")):
        more.append(check_latency(bench_work, seconds, library))
    wrong += [why for why in more if why]
    print(f"{len(names)} workloads, wrong: {wrong or 'none'}")
    return 1 if wrong or not names else 0


sys.exit(main())
