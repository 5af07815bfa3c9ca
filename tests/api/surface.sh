#!/bin/sh
# SPDX-License-Identifier: MIT
# surface.sh LIBRARY: the exported symbols are those of surface.txt, each one
# of them, and nothing else but liballoc_*: the library is injected into other
# people's programs.
set -eu
library=$1
wanted=$(dirname "$0")/surface.txt
have=$(mktemp)
trap 'rm -f "$have"' EXIT
nm -D --defined-only --format=posix "$library" | awk '$2 != "A" {print $1}' |
    sed 's/@.*//' | sort -u >"$have"
count=$(wc -l <"$have")
bad=0
while read -r name; do
    grep -qxF -- "$name" "$have" || { echo "missing: $name"; bad=1; }
done <"$wanted"
for name in $(grep -v '^liballoc_' "$have"); do
    grep -qxF -- "$name" "$wanted" || { echo "exported: $name"; bad=1; }
done
if ! readelf -d "$library" | grep -q NODELETE; then
    echo "not linked with -z nodelete"
    bad=1
fi
if ! readelf -d "$library" | grep -Eq 'BIND_NOW|NOW'; then
    echo "not linked with -z now"
    bad=1
fi
for need in $(readelf -d "$library" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
    case $need in
    libc.so.6 | ld-linux-*.so.*) ;;
    *) echo "needs $need: only libc is allowed"; bad=1 ;;
    esac
done
echo "$count symbols looked at"
[ "$count" -gt 0 ] && [ "$bad" -eq 0 ]
