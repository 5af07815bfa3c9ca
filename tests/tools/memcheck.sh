#!/bin/bash
# SPDX-License-Identifier: MIT
# memcheck.sh LIBRARY DIRECTORY: what Memcheck says of the mistakes of blocks.c,
# preloaded, linked and static, as a user would type it.  By default valgrind
# puts its own malloc in front of any; with somalloc=nouserintercepts, and in a
# static program, ours stays, and makes its blocks known by client requests: so
# in hardened mode, whose quick paths must not pass by them.
set -u
library=$1
bin=$2
passed=0 failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
ulimit -c 0
command -v valgrind >/dev/null || { echo "SKIPPED: no valgrind"; exit 77; }

# says MODE STATUS MISTAKE WORDS...: the exit status, each of the words
says() {
    local mode=$1 want=$2 mistake=$3 program=$bin/blocks preload='' conf='' word
    local options=(-q --leak-check=full --error-exitcode=9)
    shift 3
    case $mode in
    preloaded*) preload=$library ;;
    linked*) program=$bin/blocks_linked ;;
    static*) program=$bin/blocks_static ;;
    esac
    [[ $mode == *_ours* ]] &&
        options+=(--soname-synonyms=somalloc=nouserintercepts)
    [[ $mode == *_hardened ]] && conf=harden:1
    LD_PRELOAD=$preload LIBALLOC_CONF=$conf timeout -s KILL 100 valgrind "${options[@]}" \
        "$program" "$mistake" >"$log" 2>&1
    local status=$? missing=
    for word in "$@"; do
        grep -q -- "$word" "$log" || missing+=" \"$word\""
    done
    # A clean run says nothing but "done".
    [ "$mistake" = clean ] && [ "$(wc -l <"$log")" -ne 1 ] && missing=silence
    if [ $status -eq "$want" ] && [ -z "$missing" ]; then
        passed=$((passed + 1))
        echo "ok memcheck.${mode}_$mistake"
    else
        failed=$((failed + 1))
        echo "FAIL memcheck.${mode}_$mistake: status $status, missing:$missing"
        head -n 40 "$log"
    fi
}

# In a static program glibc's own start looks wrong to Memcheck, so none of
# them is silent.
for mode in preloaded preloaded_ours preloaded_ours_hardened linked \
    linked_ours static_ours; do
    [ $mode = static_ours ] || says $mode 0 clean "clean done"
    says $mode 9 leak "1,234 bytes in 1 blocks are definitely lost" \
        ": allocate" ": leak"
    says $mode 9 overrun "Invalid write of size 1" ": overrun" \
        "0 bytes after a block of size 100 alloc'd" ": allocate"
    says $mode 9 use_after_free "Invalid write of size 1" \
        "50 bytes inside a block of size 200 free'd" \
        ": use_after_free" ": allocate"
    says $mode 9 double_free "Invalid free()" ": double_free" \
        "0 bytes inside a block of size 300 free'd"
    says $mode 9 uninitialised "depends on uninitialised value" \
        ": uninitialised"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
