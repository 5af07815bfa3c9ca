#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh LIBRARY PROGRAM SOURCE: the program must end as SOURCE's `expect`
# comment says (misuse.h describes it), in other modes as their comments say if
# there are such: by SIGABRT after exactly one line
# "liballoc: FUNCTION(): WORDS ... POINTER" on stderr, or otherwise.
# The last line of the output is the outcome in a word.
set -u
library=$1 program=$2 source=$3
ulimit -c 0
said() { sed -n "s|^/\* $1: \(.*\) \*/\$|\1|p" "$source"; }
expect=$(said expect)
case ${LIBALLOC_CONF-} in
*harden:*) other=$(said hardened) ;;
*slab_max:0*) other=$(said classic) ;;
*slab_after:0*) other=$(said slabs) ;;
*) other= ;;
esac
expect=${other:-$expect}
words=$(sed -n 's/^[^"]*"\([^"]*\)".*/\1/p' <<<"$expect")
function=$(sed -n 's/^[^"]*"[^"]*" in \([^ ]*\).*/\1/p' <<<"$expect")
function=${function:-free}
function=${function//operator./operator }
case $expect in
"abort or survive"*) function='[a-z_]+' expect="$expect anywhere" ;;
esac

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
# ended STATUS OUTCOME
ended() {
    [ "$status" -eq "$1" ] || fail "not the outcome \"$2\""
    [ -s "$dir/out" ] || fail "the misuse did not begin"
    ! grep -q '^liballoc: ' "$dir/err" || fail "a line of liballoc's"
    echo "$2"
    exit 0
}

case $expect in
"") fail "no expect comment" ;;
"abort or survive "*) [ "$status" -eq 0 ] && ended 0 "no harm" ;;
"no harm") ended 0 "no harm" ;;
fault) ended 139 fault ;;
through) ended 9 through ;;
esac
[ -n "$words" ] || fail "no words to expect"
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
echo "abort"
