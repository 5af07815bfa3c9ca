#!/bin/bash
# SPDX-License-Identifier: MIT
# tunables.sh TUNABLES-DOC SOURCE: docs/tunables.md and the marked part of
# man/liballoc.7 are what the generator makes of tunables.def.
set -u
generator=$1 source=$2
bad=0
if ! "$generator" markdown | diff -u "$source/docs/tunables.md" -; then
    bad=1
fi
if ! "$generator" man | diff -u <(sed '1,/^\.\\" tunables: begin/d
    /^\.\\" tunables: end/,$d' "$source/man/liballoc.7") -; then
    bad=1
fi
if [ "$bad" -ne 0 ]; then
    echo "to mend it: cmake --build build --target update-docs"
    exit 1
fi
echo "tunables: both pages are as generated"
