#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh LIBRARY PROGRAM SOURCE: the program must end as SOURCE's `expect`
# comment says (misuse.h describes it): SIGABRT after exactly one line
# "liballoc: FUNCTION(): WORDS ... POINTER" on stderr.
set -u
library=$1 program=$2 source=$3
ulimit -c 0
expect=$(sed -n 's|^/\* expect: \(.*\) \*/$|\1|p' "$source")
words=$(sed -n 's/^[^"]*"\([^"]*\)".*/\1/p' <<<"$expect")
function=$(sed -n 's/^[^"]*"[^"]*" in \([^ ]*\).*/\1/p' <<<"$expect")
function=${function:-free}
case $expect in
"abort or survive"*) function='[a-z_]+' expect="$expect anywhere" ;;
esac
[ -n "$words" ] || { echo "$source: no expect comment"; exit 1; }

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
{
    timeout -s KILL 60 env LD_PRELOAD="$library" "$program" \
        >"$dir/out" 2>"$dir/err"
} 2>/dev/null
status=$?
fail() {
    echo "$1"
    echo "expected: $expect"
    echo "status $status; stdout, then stderr:"
    cat "$dir/out" "$dir/err"
    exit 1
}

case $expect in
"abort or survive "*) [ "$status" -eq 0 ] && { echo "survived, no harm"; exit 0; } ;;
esac
[ "$status" -eq 134 ] || fail "not ended by SIGABRT"
[ -s "$dir/out" ] || fail "the misuse did not begin"
[ "$(grep -c '^liballoc: ' "$dir/err")" -eq 1 ] ||
    fail "not exactly one line of liballoc's"
line=$(grep '^liballoc: ' "$dir/err")
[[ $line =~ ^liballoc:\ ($function)\(\):\ .*($words) ]] ||
    fail "the line is not \"liballoc: $function(): ... $words\""
if [[ $expect == *" anywhere" ]]; then
    [[ $line =~ 0x[0-9a-f]+ ]] || fail "the line names no pointer"
else
    grep -qwFf "$dir/out" <<<"$line" || fail "the line does not name the pointer"
fi
echo "$line"
