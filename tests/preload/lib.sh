# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# lib.sh: for the tests that run real programs.  A test sources this, defines
# workload() and calls compare.  compare runs the workload on glibc, on
# liballoc and on liballoc in classic mode, each in an empty directory, and
# demands the same standard output of all three.  In workload:
#
#   with COMMAND...     runs it on the allocator of this turn
#   start COMMAND...    the same in the background; its pid is $started
#   proof               a filter: /proc/PID/maps of the program on stdin; fails
#                       unless the allocator of this turn is in it
#
# Every test proves in this way that its program ran on liballoc.
# $LIBALLOC names the library; $MODES can leave a turn out.
set -eu
: "${LIBALLOC:?the path of liballoc.so}"
MODES=${MODES:-glibc liballoc classic}
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
with() {
    case $mode in
    glibc) LD_PRELOAD=libc.so.6 "$@" ;;
    liballoc) LD_PRELOAD=$library "$@" ;;
    classic) LIBALLOC_CONF=slab_max:0 LD_PRELOAD=$library "$@" ;;
    esac
}

start() {
    case $mode in
    glibc) LD_PRELOAD=libc.so.6 "$@" & ;;
    liballoc) LD_PRELOAD=$library "$@" & ;;
    classic) LIBALLOC_CONF=slab_max:0 LD_PRELOAD=$library "$@" & ;;
    esac
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

turn() {
    mode=$1
    mkdir "$work/$mode"
    chmod 755 "$work/$mode"
    (
        cd "$work/$mode"
        running=()
        trap stop_all EXIT
        workload
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
