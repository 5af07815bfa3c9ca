# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# lib.sh: for the real programs of bench/compare.  A script here sets `says`
# (one sentence) and `seconds` (of a full run, about), defines check, prepare
# and run, and calls program "$@".
#
#   SCRIPT info                 "quick<TAB>seconds<TAB>sentence"
#   SCRIPT check                exit 77 and one line when something is missing
#   SCRIPT prepare DIR          once, without any allocator
#   SCRIPT run DIR UNDER        once for each allocator and pass; UNDER COMMAND
#                               runs it on the allocator of this turn
#
# run prints "KEY NUMBER" lines that replace what bench_launch measured, such
# as wall_ns of the part that counts, and ops, its number of requests.
# SIZE=small is for --quick.
set -eu
export LC_ALL=C
says='' seconds=5 quick=no
SIZE=${SIZE:-full}

# size SMALL FULL: the one of this run.
size() {
    if [ "$SIZE" = small ]; then echo "$1"; else echo "$2"; fi
}

need() {
    local each
    for each in "$@"; do
        command -v "$each" >/dev/null || lacks "$each is not installed"
    done
}

lacks() {
    echo "$*"
    exit 77
}

now_ns() { date +%s%N; }

# A port on which nobody answers now; below those the kernel gives to clients.
free_port() {
    local port
    while :; do
        port=$((15000 + RANDOM % 17000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# answers PORT: waits up to 20 s until somebody does.
answers() {
    local _
    for _ in $(seq 200); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
        sleep 0.1
    done
    echo "nobody answers on port $1" >&2
    return 1
}

program() {
    case ${1:-} in
    info) printf '%s\t%s\t%s\n' "$quick" "$seconds" "$says" ;;
    check) check ;;
    prepare) cd "$2" && prepare ;;
    run) under=$3 && cd "$2" && run ;;
    *)
        echo "usage: ${0##*/} info | check | prepare DIR | run DIR UNDER" >&2
        exit 2
        ;;
    esac
}
