#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh LIBALLOC-RUN LIBRARY CC: what liballoc-run(1) promises.
# shellcheck disable=SC2016 # $ in single quotes: for the inner shell
set -u
run=$1 library=$2 cc=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cases=0 bad=0

# check WHAT STATUS TEXT COMMAND...: exit status, and a part of the output.
check() {
    local said status
    said=$("${@:4}" 2>&1)
    status=$?
    cases=$((cases + 1))
    if [ "$status" -ne "$2" ] || [[ $said != *"$3"* ]]; then
        bad=$((bad + 1))
        echo "$1: status $status (wanted $2), said: $said (wanted: $3)"
    fi
}

unset LD_PRELOAD LIBALLOC_CONF
check "the library is preloaded" 0 "$library" \
    "$run" sh -c 'grep -m 1 -o "/.*liballoc.so" /proc/$$/maps'
check "status is the program's" 7 "" "$run" sh -c 'exit 7'
check "arguments stay words" 0 "[a b][-c]" "$run" printf '[%s]' "a b" -c
check "-c sets LIBALLOC_CONF" 0 "dirty_min:1M" \
    "$run" -c dirty_min:1M sh -c 'echo $LIBALLOC_CONF'
check "-- ends the options" 0 "x" "$run" -- echo x
check "what was preloaded stays" 0 "$library:libc.so.6" \
    env LD_PRELOAD=libc.so.6 "$run" sh -c 'echo $LD_PRELOAD'
check "not found" 127 "liballoc-run: no-such-program: " "$run" no-such-program
check "not executable" 126 "liballoc-run: /etc/passwd: " "$run" /etc/passwd
check "no program" 125 "usage:" "$run"
check "unknown option" 125 "unknown option" "$run" --frobnicate true
check "-c without value" 125 "needs a value" "$run" -c
check "--help" 0 "Exit status" "$run" --help
check "--version" 0 "liballoc-run 0." "$run" --version
echo 'int main(void) { return 5; }' >"$work/main.c"
if "$cc" -static "$work/main.c" -o "$work/static" 2>/dev/null; then
    check "a static program" 5 "statically linked" "$run" "$work/static"
    printf '#!%s\n' "$work/static" >"$work/script"
    chmod +x "$work/script"
    check "its script" 5 "statically linked" "$run" "$work/script"
fi
mkdir "$work/bin"
cp "$run" "$work/bin/liballoc-run"
[ -e /usr/local/lib/liballoc.so ] || check "a library that is not there" 125 "liballoc.so: neither" \
    env -i PATH="$PATH" "$work/bin/liballoc-run" true
mkdir "$work/lib"
cp "$library" "$work/lib"
check "found beside the program" 0 "$work/lib/liballoc.so" \
    "$work/bin/liballoc-run" sh -c 'echo $LD_PRELOAD'
echo "run: $cases cases, $bad wrong"
[ "$bad" -eq 0 ] && [ "$cases" -gt 0 ]
