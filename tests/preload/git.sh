#!/bin/bash
# SPDX-License-Identifier: MIT
# git: commits, merge, clone, gc with threads, fsck on a generated repository.
. "$(dirname "$0")/lib.sh"
need git

g() { with git -C "$1" "${@:2}"; }

grow() {
    local i file
    for i in $(seq "$2" "$3"); do
        file=dir$((i % 7))/file$((i % 11)).txt
        mkdir -p "$1/dir$((i % 7))"
        seq "$i" $((i + 400)) | sed "s/5/five-$i /" >>"$1/$file"
        g "$1" add -A
        GIT_AUTHOR_DATE="$((1700000000 + i)) +0000" \
            GIT_COMMITTER_DATE="$((1700000000 + i)) +0000" \
            g "$1" commit -q -m "change $i"
    done
}

workload() {
    export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a
    export GIT_COMMITTER_EMAIL=a@b
    with git init -q -b main one
    g one config gc.auto 0
    g one config pack.threads 2
    grow one 1 30
    g one checkout -q -b side HEAD~10
    mkdir one/side && seq 1 20000 >one/side/numbers
    grow one 31 40
    g one checkout -q main
    GIT_AUTHOR_DATE="1800000000 +0000" GIT_COMMITTER_DATE="1800000000 +0000" \
        g one merge -q -X theirs -m merge side
    g one rev-parse HEAD
    g one log --stat -p | sha256sum
    with git clone -q --no-local one two
    g two repack -q -a -d -f --depth=50 --window=50
    g two gc -q --aggressive --prune=now
    g two fsck --full --strict
    g two rev-list --objects --all | sort | sha256sum
    g two blame -s dir1/file1.txt | sha256sum
    g two grep -c five-2 | sort | head -5
    g two diff --stat HEAD~20 HEAD | tail -1
    g two archive HEAD | sha256sum
    # An alias runs in a child of git: its parent is git itself.
    g two -c alias.maps='!cat /proc/$PPID/maps' maps | proof
}
compare
