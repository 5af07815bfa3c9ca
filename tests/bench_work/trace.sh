#!/bin/bash
# SPDX-License-Identifier: MIT
# trace.sh BIN KNOWN LIBALLOC TRACES: the recorder misses nothing and invents
# nothing, traces come back as they were written, bad ones are refused.
set -eu
bin=$1 known=$2 liballoc=$3 traces=$4
export LC_ALL=C
unset LD_PRELOAD LIBALLOC_CONF
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() {
    echo "FAILED: $*" >&2
    exit 1
}

# figure FILE NAME: one line of bench_trace info.
figure() {
    "$bin/bench_trace" info "$1" | sed -n "s/^$2: //p"
}

# counts_differ BY END: what N more calls add to a recording is N, exactly;
# libc's own calls are in both.
counts_differ() {
    local name want got
    for n in 0 "$1"; do
        "$bin/bench_trace" record -o "$work/$n" -- "$known" "$n" "$2" \
            >/dev/null 2>&1 || die "record of $known $n $2"
    done
    for name in malloc calloc aligned realloc free "ended by another thread"; do
        case $name in
        free) want=$((2 * $1)) ;;
        "ended by another thread") want=$1 ;;
        *) want=$1 ;;
        esac
        got=$(($(figure "$work/$1" "$name") - $(figure "$work/0" "$name")))
        [ "$got" = "$want" ] ||
            die "$2, $LD_PRELOAD: $name: $got more instead of $want"
    done
    [ "$(figure "$work/$1" threads)" = 2 ] || die "$2: not two threads"
}

# The recorder before glibc's malloc and before liballoc's.
for LD_PRELOAD in "" "$liballoc"; do
    export LD_PRELOAD
    for end in exit _exit abort exec; do
        counts_differ 1000 $end
    done
done
unset LD_PRELOAD

# Each image of an exec has a file of its own, one that stops early is short.
"$bin/bench_trace" record --all -o "$work/exec" -- "$known" 500 exec >/dev/null
[ -e "$work/exec.1" ] || die "the program after exec was not recorded"
"$bin/bench_trace" record --max 100 -o "$work/max" -- "$known" 500 exit \
    >/dev/null
[ "$(figure "$work/max" calls)" -le 100 ] || die "--max 100 keeps more"

# A many-threaded program, played again under both allocators.
"$bin/bench_trace" record -o "$work/larson" -- "$bin/bench_work" larson \
    --threads 2 --ops 200000 >/dev/null
[ "$(figure "$work/larson" threads)" -ge 3 ] || die "larson has few threads"
for preload in "" "$liballoc"; do
    LD_PRELOAD=$preload timeout 60 "$bin/bench_work" replay \
        --trace "$work/larson" --seconds 0.1 >"$work/json" ||
        die "replay of larson, $preload"
    python3 - "$work/json" "$(figure "$work/larson" calls)" <<'PYTHON' ||
import json, sys
run = json.load(open(sys.argv[1]))
assert run["trace_calls"] == int(sys.argv[2]), run
assert run["ops"] == run["trace_calls"] * run["passes"], run
assert 0 < run["overhead_share"] < 100, run
PYTHON
        die "the replay's figures"
done

# Bad files: one line, status 2, by both readers.
# refused FILE WHY
refused() {
    local status=0
    "$bin/bench_trace" info "$1" >"$work/out" 2>"$work/err" || status=$?
    [ "$status" = 2 ] && [ "$(wc -l <"$work/err")" = 1 ] &&
        [ ! -s "$work/out" ] || die "info of $2: status $status"
    status=0
    "$bin/bench_work" replay --trace "$1" >"$work/out" 2>"$work/err" ||
        status=$?
    [ "$status" = 2 ] && [ "$(wc -l <"$work/err")" = 1 ] &&
        [ ! -s "$work/out" ] || die "replay of $2: status $status"
}
good=$work/1000
for bytes in 0 1 9 20 500 $(($(stat -c %s "$good") - 1)); do
    head -c "$bytes" "$good" >"$work/cut"
    refused "$work/cut" "the first $bytes bytes"
done
head -c 5000 /dev/urandom >"$work/random"
refused "$work/random" "random bytes"
refused "$work/none" "no file"
refused "$work" "a directory"
echo text | gzip >"$work/text"
refused "$work/text" "other text in gzip"
zcat "$good" | head -c 3000 | gzip >"$work/early"
refused "$work/early" "records that stop early"
{ zcat "$good"; echo more; } | gzip >"$work/late"
refused "$work/late" "bytes behind the end"
for trace in "$traces"/*.trace; do
    [ "$(figure "$trace" calls)" -gt 100000 ] || die "$trace is small"
done

# Wrong usage: status 2.  Nothing to record: status 1, no file.
for words in "" "record" "record -o $work/x" "record -o $work/x --" "info" \
    "nonsense" "record --max 0 -o $work/x -- true"; do
    status=0
    # shellcheck disable=SC2086
    "$bin/bench_trace" $words >/dev/null 2>"$work/err" || status=$?
    [ "$status" = 2 ] && [ "$(wc -l <"$work/err")" = 1 ] ||
        die "bench_trace $words: status $status"
done
status=0
"$bin/bench_trace" record -o "$work/x" -- /nonexistent 2>"$work/err" ||
    status=$?
[ "$status" = 1 ] && [ ! -e "$work/x" ] || die "a program that is not there"
echo "trace: recorded, played, refused"
