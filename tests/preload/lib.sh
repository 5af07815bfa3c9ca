# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# lib.sh: for the tests that run real programs.  A test sources this, defines
# workload() and calls compare.  compare runs the workload on glibc, on
# liballoc, in classic and in hardened mode, each in an empty directory, and
# demands the same standard output of all.  In workload:
#
#   with COMMAND...     runs it on the allocator of this turn
#   start COMMAND...    the same in the background; its pid is $started
#   proof               a filter: /proc/PID/maps of the program on stdin; fails
#                       unless the allocator of this turn is in it
#   prove               proof of what was started last, once it is loaded
#   hold COMMAND...     the same of a program that waits for its input
#
# Every test proves in this way that its program ran on liballoc.
# $LIBALLOC names the library; $MODES can leave a turn out.  Where $MEASURE
# names a file, a turn adds a line to it: TEST MODE SECONDS CPU-SECONDS KIB, the
# last of the largest process.  The mode `leaks` is scripts/check-false-leaks'.
set -eu
: "${LIBALLOC:?the path of liballoc.so}"
MODES=${MODES:-glibc liballoc classic hardened profiled}
export LC_ALL=C
unset LD_PRELOAD LIBALLOC_CONF
work=$(mktemp -d /tmp/liballoc-preload.XXXXXX)
chmod 755 "$work"
# A copy anyone may read: some programs run as another user.
cp "$LIBALLOC" "$work/"
library=$work/${LIBALLOC##*/}
chmod 755 "$library"
mode=
started=
running=()

stop_all() {
    local pid
    for pid in "${running[@]+"${running[@]}"}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${running[@]+"${running[@]}"}"; do
        wait "$pid" 2>/dev/null || true
    done
    running=()
}

clean_up() {
    stop_all
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

skip() {
    echo "SKIPPED: $*"
    exit 77
}

die() {
    echo "FAILED ($mode): $*" >&2
    exit 1
}

need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || skip "$program is not installed"
    done
}

# libc.so.6 first: Debian links redis-server with jemalloc, and the run to
# compare with is glibc's.
on_allocator() {
    export LD_PRELOAD=$library
    case $mode in
    glibc) LD_PRELOAD=libc.so.6 ;;
    classic) export LIBALLOC_CONF=slab_max:0 ;;
    hardened) export LIBALLOC_CONF=harden:1 ;;
    leaks) export LIBALLOC_CONF=${LEAKS_CONF:-leak_check:1,leak_exitcode:0} ;;
    profiled) export LIBALLOC_CONF=prof:1,prof_period:64K ;;
    esac
    exec "$@"
}

with() {
    (on_allocator "$@")
}

start() {
    on_allocator "$@" <&0 &
    started=$!
    running+=("$started")
}

proof() {
    local count
    count=$(grep -aFc "$library" || true)
    if [ "$mode" = glibc ] && [ "$count" -ne 0 ]; then
        die "liballoc is loaded in the run that must be glibc's"
    elif [ "$mode" != glibc ] && [ "$count" -eq 0 ]; then
        die "liballoc is not loaded in the program"
    fi
    echo "$mode" >>"$work/proofs"
}

# libc.so.6 is mapped after what is preloaded; amid exec there are no maps.
prove() {
    local maps
    for _ in $(seq 1000); do
        maps=$(cat "/proc/$started/maps" 2>/dev/null) || true
        if ! [ "/proc/$started/exe" -ef /proc/$$/exe ] &&
            grep -Fq /libc.so.6 <<<"$maps"; then
            proof <<<"$maps"
            return
        fi
        sleep 0.02
    done
    die "no maps of the program"
}

hold() {
    mkfifo hold
    exec 9<>hold
    start "$@" <hold >hold.log 2>&1
    prove
    kill -KILL "$started"
    wait "$started" 2>/dev/null || true
    exec 9>&-
    rm hold
}

# A port on which nobody answers now; below those the kernel gives to clients.
free_port() {
    local port
    while :; do
        port=$((15000 + RANDOM % 17000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

# answers PORT: waits up to 20 s until somebody does.
answers() {
    local i
    for i in $(seq 200); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
        [ "$i" = 200 ] || sleep 0.1
    done
    tail -n 5 ./*.log >&2 2>/dev/null || true
    die "nobody answers on port $1"
}

# In place of the shell that ran the workload: what it waited for is counted.
measure() {
    exec python3 - "${0##*/}" "$mode" "$began" "$MEASURE" <<'SCRIPT'
import resource, sys, time
test, mode, began, file = sys.argv[1:]
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(file, "a") as out:
    print(test.removesuffix(".sh"), mode, "%.1f" % (time.time() - float(began)),
          "%.1f" % (used.ru_utime + used.ru_stime), used.ru_maxrss, file=out)
SCRIPT
}

turn() {
    local began=$EPOCHREALTIME
    mode=$1
    mkdir "$work/$mode"
    chmod 755 "$work/$mode"
    (
        cd "$work/$mode"
        running=()
        trap stop_all EXIT
        workload || exit
        [ -n "${MEASURE:-}" ] || exit 0
        stop_all
        measure
    ) >"$work/out.$mode" 2>"$work/err.$mode" || {
        echo "the workload failed on $mode; the end of its output:"
        tail -n 20 "$work/out.$mode" "$work/err.$mode"
        exit 1
    }
    if grep -a '^liballoc: ' "$work/err.$mode"; then
        die "liballoc complained"
    fi
    grep -qx "$mode" "$work/proofs" || die "no proof which allocator it ran on"
    rm -rf "${work:?}/$mode"
}

compare() {
    local first="" seconds
    : >"$work/proofs"
    chmod 666 "$work/proofs"
    for each in $MODES; do
        seconds=$SECONDS
        turn "$each"
        echo "$each: $(wc -l <"$work/out.$each") lines of output," \
            "$((SECONDS - seconds)) s"
        [ -s "$work/out.$each" ] || die "no output, nothing to compare"
        first=${first:-$each}
        cmp "$work/out.$first" "$work/out.$each" || {
            diff "$work/out.$first" "$work/out.$each" | head -20
            die "its output is not that of $first"
        }
    done
    echo "same output: $MODES"
}
