#!/bin/bash
# SPDX-License-Identifier: MIT
# bash: arrays, maps, strings, functions, pipes, many short children.
. "$(dirname "$0")/lib.sh"

cat >"$work/script" <<'SCRIPT'
declare -A count
words=()
for ((i = 0; i < 20000; i++)); do
    word="w$((i * 7919 % 1009))-$((i % 13))"
    words+=("$word")
    count[$word]=$((${count[$word]:-0} + 1))
done
echo "${#words[@]} words, ${#count[@]} different"
for key in "${!count[@]}"; do echo "$key ${count[$key]}"; done | sort | sha256sum
long=
for ((i = 0; i < 300; i++)); do long+=${words[i]^^}; done
long=${long//W/ww}
echo "${#long} ${long:100:40}"
fib() { (($1 < 2)) && echo "$1" || echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2))))); }
fib 11
mapfile -t lines < <(seq 1 50000)
echo "${#lines[@]} ${lines[49999]}"
printf '%s\n' "${words[@]:0:5000}" | while read -r word; do
    case $word in *-7) echo "$word" ;; esac
done | sort -u | wc -l
cat /proc/$$/maps >maps
SCRIPT

workload() {
    with bash "$work/script"
    proof <maps
}
compare
