#!/bin/bash
# SPDX-License-Identifier: MIT
# tunables.sh TUNABLES-DOC SOURCE: docs/tunables.md and the marked part of
# man/liballoc.7 are what the generator makes of tunables.def.
set -u
generator=$1 source=$2
bad=0
if ! "$generator" markdown | diff -u "$source/docs/tunables.md" -; then
    echo "to mend it: build/bin/tunables-doc markdown > docs/tunables.md"
    bad=1
fi
if ! "$generator" man | diff -u <(sed '1,/^\.\\" tunables: begin/d
    /^\.\\" tunables: end/,$d' "$source/man/liballoc.7") -; then
    echo "to mend it: put build/bin/tunables-doc man between the marks of man/liballoc.7"
    bad=1
fi
[ "$bad" -eq 0 ] && echo "tunables: both pages are as generated"
exit "$bad"
