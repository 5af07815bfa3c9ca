#!/bin/bash
# SPDX-License-Identifier: MIT
# google.sh BENCH_GOOGLE LIBALLOC: every benchmark runs briefly under both
# allocators; the JSON is Google Benchmark's; liballoc's own functions are
# measured where they are and said to be skipped where not.
set -eu
program=$1 liballoc=$2
unset LD_PRELOAD LIBALLOC_CONF
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

LD_PRELOAD='' "$program" --benchmark_min_time=0.0005 \
    --benchmark_out="$work/glibc.json" >"$work/log" 2>&1
LD_PRELOAD=$liballoc "$program" --benchmark_min_time=0.0005 \
    --benchmark_out="$work/liballoc.json" >"$work/log" 2>&1
python3 - "$work" "$liballoc" <<'PYTHON'
import json, sys
work, library = sys.argv[1:]
glibc = json.load(open(work + "/glibc.json"))
liballoc = json.load(open(work + "/liballoc.json"))
assert "libc.so" in glibc["context"]["malloc_from"], glibc["context"]
assert liballoc["context"]["malloc_from"] == library, liballoc["context"]

def ran(report):
    return {row["name"] for row in report["benchmarks"]
            if not row.get("error_occurred")}

def skipped(report):
    return {row["name"]: row["error_message"] for row in report["benchmarks"]
            if row.get("error_occurred")}

assert not skipped(liballoc), skipped(liballoc)
own = skipped(glibc)
assert own and all(name.startswith("liballoc_") and
                   why == "skipped: needs liballoc"
                   for name, why in own.items()), own
assert ran(liballoc) == ran(glibc) | set(own)
for row in liballoc["benchmarks"]:
    assert row["real_time"] > 0.1 and row["iterations"] > 0, row
families = {name.split("/")[0] for name in ran(liballoc)}
wanted = {"malloc_free", "calloc_free", "aligned_alloc_64", "lifo", "fifo",
          "random", "realloc_growth", "realloc_shrink", "realloc_in_place",
          "liballoc_cache", "liballoc_pages", "malloc_usable_size",
          "thread_life"}
assert wanted <= families, wanted - families
print(len(liballoc["benchmarks"]), "benchmarks,", len(own), "skipped on glibc")
PYTHON
status=0
"$program" --nonsense >/dev/null 2>&1 || status=$?
[ "$status" = 2 ] || { echo "an unknown option: status $status"; exit 1; }
