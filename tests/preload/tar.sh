#!/bin/bash
# SPDX-License-Identifier: MIT
# tar and xz with two threads, there and back.
. "$(dirname "$0")/lib.sh"
need tar xz
mkdir -p "$work/tree"
for i in $(seq 400); do
    mkdir -p "$work/tree/d$((i % 23))"
    seq $((i * 13)) $((i * 13 + 2000)) >"$work/tree/d$((i % 23))/f$i"
done

workload() {
    with tar -C "$work" --sort=name --mtime=@1700000000 --owner=0 --group=0 \
        --numeric-owner -cf t.tar tree
    sha256sum t.tar
    with xz -T2 --block-size=500KiB -4 -k t.tar
    sha256sum t.tar.xz
    with xz -T2 -t t.tar.xz && echo "the archive is whole"
    mkdir back
    with tar -C back -xf t.tar.xz
    diff -r "$work/tree" back/tree && echo "the trees are the same"
    with tar -tvf t.tar.xz --numeric-owner | sha256sum
    # What tar runs at a checkpoint has tar as its parent's parent, or parent.
    with tar -cf /dev/null --checkpoint=1 --checkpoint-action=exec='cat /proc/$PPID/maps >>maps' \
        -C "$work" tree/d1
    proof <maps
    with xz -T2 -c -f /proc/self/maps | xz -dc | proof
}
compare
