#!/bin/bash
# SPDX-License-Identifier: MIT
# observe.sh LIBRARY DIRECTORY PLACE: debuggers, tracers, sanitizers and
# privileged programs with a preloaded or linked liballoc.  PLACE: where the
# set-user-ID program looks for its library.
set -u
library=$1
bin=$2
passed=0 failed=0 skipped=0
dir=$(mktemp -d)
secure=$3
trap 'rm -rf "$dir" "$secure"' EXIT
cd "$dir" || exit

skip() { skipped=$((skipped + 1)); echo "skip tools.$1: $2"; }
is() {
    local sentence=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok tools.$sentence"
    else
        failed=$((failed + 1))
        echo "FAIL tools.$sentence"
        tail -n 15 "$dir/out" "$dir/err"
    fi
}
# run COMMAND...: status in $rc, output in $dir/out and $dir/err
run() {
    timeout -s KILL 60 "$@" >"$dir/out" 2>"$dir/err"
    rc=$?
}
has() { grep -q -- "$1" "$dir/out"; }
frames() { [ "$(grep -c '^#[0-5] .*nested_crash (' "$dir/out")" -ge 6 ] && has "^#6 .*main ("; }

# gdb: a crash six frames deep, live and from the kernel's core.
if command -v gdb >/dev/null; then
    run gdb -nx -batch -ex "set env LD_PRELOAD $library" -ex run -ex bt \
        --args "$bin/blocks" crash
    is gdb_sees_the_frames_of_a_crash frames
    run gdb -nx -batch -ex "set env LD_PRELOAD $library" -ex "break malloc" \
        -ex run -ex bt -ex "delete" -ex continue --args "$bin/blocks" clean
    is gdb_stops_in_malloc_and_goes_on has "clean done"
    if [ "$(cat /proc/sys/kernel/core_pattern)" = core ]; then
        # 2 GB at most: the reservations must stay out of it.
        bash -c 'ulimit -c unlimited && ulimit -f 2000000 && \
            LD_PRELOAD=$1 exec "$2" crash' - "$library" "$bin/blocks" \
            >"$dir/out" 2>"$dir/err"
        core=$(echo core*)
        is a_crash_leaves_a_core test -s "$core"
        is the_core_is_small test "$(stat -c %s "$core")" -lt 20000000
        run gdb -nx -batch -ex bt "$bin/blocks" "$core"
        is gdb_reads_the_core frames
        rm -f "$core"
    else
        skip cores "the kernel hands them to a program: $(cat /proc/sys/kernel/core_pattern)"
    fi
else
    skip gdb "not installed"
fi

if command -v strace >/dev/null; then
    run strace -f -c -o "$dir/calls" env LD_PRELOAD="$library" "$bin/blocks" clean
    is strace_traces_it eval 'has "clean done" && grep -q mmap "$dir/calls"'
else
    skip strace "not installed"
fi
if perf stat -e task-clock true >/dev/null 2>&1; then
    run perf record -q -g -o "$dir/perf" env LD_PRELOAD="$library" \
        "$bin/blocks" clean
    is perf_records_it eval 'has "clean done" && [ -s "$dir/perf" ]'
else
    skip perf "not installed, or not allowed"
fi

# Sanitizers: their malloc serves the program, and one line of ours says so.
# gcc's run-time library refuses to come second, whoever is first; so say the
# option that lets it, or preload it first.
aside="liballoc: a sanitizer is in the program"
stands_aside() {
    [ "$rc" -eq 0 ] && has "clean done" &&
        [ "$(grep -c '^liballoc: ' "$dir/err")" -eq 1 ] &&
        grep -q "$aside" "$dir/err"
}
finds() { [ "$rc" -ne 0 ] && grep -q "AddressSanitizer: $1" "$dir/err"; }
sanitized() {
    local name=$1
    shift
    run env ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 "$@" \
        "$dir/$name" clean
    is "${name}_stands_aside" stands_aside
    run env ASAN_OPTIONS=detect_leaks=0:verify_asan_link_order=0 "$@" \
        "$dir/$name" use_after_free
    is "${name}_finds_a_use_after_free" finds heap-use-after-free
}
source=$(dirname "$0")/blocks.c
case $source in /*) ;; *) source=$OLDPWD/$source ;; esac
for cc in gcc clang; do
    if command -v $cc >/dev/null && $cc -g -fno-builtin -D_GNU_SOURCE \
        -fsanitize=address "$source" -o "$dir/${cc}_asan" 2>"$dir/err"; then
        sanitized ${cc}_asan LD_PRELOAD="$library"
    else
        skip ${cc}_asan "cannot build such programs"
    fi
done
if [ -e "$dir/gcc_asan" ]; then
    cp "$dir/gcc_asan" "$dir/gcc_asan_first"
    sanitized gcc_asan_first \
        LD_PRELOAD="$(gcc -print-file-name=libasan.so):$library"
fi

# A set-user-ID program: no file, no word, whatever the environment says.
as_nobody() {
    (cd "$dir/open" && setpriv --reuid=65534 --regid=65534 --clear-groups env \
        LIBALLOC_CONF=stats:1,dump_signal:12,perturb:85,zero_free:0,bogus:1 \
        LIBALLOC_DUMP="$dir/open/snapshot.%n" MALLOC_PERTURB_=85 \
        MALLOC_ARENA_MAX=1 timeout 60 "$@") >"$dir/out" 2>"$dir/err"
    rc=$?
}
if [ "$(id -u)" -ne 0 ]; then
    skip secure "only root can make a set-user-ID program"
else
    mkdir -p "$secure" "$dir/open"
    chmod 755 "$dir"
    chmod 777 "$dir/open"
    cp "$library" "$bin/secure" "$secure/"
    chmod -R a+rX "$secure"
    chmod 755 "$secure/secure"
    as_nobody "$secure/secure"
    is without_the_bit_stats_are_printed grep -q "in use bytes" "$dir/err"
    is without_the_bit_the_signal_writes_a_file \
        test -s "$dir/open/snapshot.0"
    rm -f "$dir"/open/*
    chmod 4755 "$secure/secure"
    as_nobody "$secure/secure"
    if [ "$(head -n 1 "$dir/out")" = "secure 0" ]; then
        skip secure "set-user-ID bits have no effect on this file system"
    else
        is a_secure_program_dies_of_the_signal test $rc -eq 140
        is a_secure_program_says_nothing test ! -s "$dir/err"
        is a_secure_program_writes_no_file \
            test -z "$(find "$dir/open" -type f)"
    fi
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
