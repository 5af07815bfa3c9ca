#!/bin/bash
# SPDX-License-Identifier: MIT
# env.sh LIBRARY PROBE [classic]: LIBALLOC_CONF, glibc's own environment,
# address space limits, AT_SECURE; each from a fresh process.
set -u
library=$1
probe=$2
base=${3:+slab_max:0}
passed=0 failed=0 skipped=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
unset LIBALLOC_CONF

# run "NAME=VALUE ..." verb args: stdout in $out, stderr in $err, status in $rc
run() {
    local settings=$1
    shift
    # shellcheck disable=SC2086 # settings are words
    out=$(env LD_PRELOAD="$library" ${base:+LIBALLOC_CONF=$base} $settings \
        "$probe" "$@" 2>"$dir/err")
    rc=$?
    err=$(cat "$dir/err")
    lines=$(wc -l <"$dir/err")
}

# is SENTENCE CONDITION...: one result line
is() {
    local sentence=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
        echo "ok env.$sentence"
    else
        failed=$((failed + 1))
        echo "FAIL env.$sentence (status $rc, out '$out', err '$err')"
    fi
}

# conf TEXT: as LIBALLOC_CONF, after the base of this mode
conf() { echo "LIBALLOC_CONF=${base:+$base,}$1"; }

said_once() { [ "$lines" -eq 1 ] && [ "$rc" -eq 0 ] && grep -q "^liballoc: .*$1" "$dir/err"; }
quiet() { [ "$rc" -eq 0 ] && [ "$lines" -eq 0 ]; }
prints() { [ "$rc" -eq 0 ] && [ "$out" = "$1" ]; }
prints_quietly() { prints "$1" && [ "$lines" -eq 0 ]; }

run "" maps
is the_probe_runs_on_liballoc prints loaded
run "" exit
is start_and_exit_are_quiet quiet

run "$(conf mmap_threshold:1048576)" tunable mmap_threshold
is a_tunable_of_liballoc_conf_is_taken prints_quietly 1048576
run "$(conf mmap_threshold:1048576,trim_threshold:65536)" tunable trim_threshold
is several_are_taken prints_quietly 65536
run "$(conf mmap_threshold:1048576)" hblks 2097152
is mmap_threshold_acts prints_quietly 1

run "$(conf no_such_thing:1)" exit
is an_unknown_name_is_said_once said_once no_such_thing
run "$(conf mmap_threshold:banana)" exit
is a_bad_value_is_said_once said_once mmap_threshold
run "$(conf mmap_threshold:banana)" tunable mmap_threshold
default_after_bad=$out
run "" tunable mmap_threshold
is a_bad_value_is_ignored prints "$default_after_bad"
run "$(conf mmap_threshold:99999999999999999999999)" exit
is a_value_past_64_bits_is_said_once said_once mmap_threshold
run "$(conf mmap_threshold:0)" exit
is a_value_out_of_range_is_said_once said_once mmap_threshold
run "$(conf mmap_threshold:-5)" exit
is a_negative_value_is_said_once said_once mmap_threshold
run "$(conf mmap_threshold:)" exit
is an_empty_value_is_said_once said_once mmap_threshold
run "$(conf mmap_threshold)" exit
is a_name_without_value_is_said_once said_once mmap_threshold
run "$(conf nonsense:1,mmap_threshold:1048576)" tunable mmap_threshold
is what_follows_a_bad_one_still_counts prints 1048576
run "$(conf nonsense:1,rubbish:2)" exit
is each_bad_one_has_its_line [ "$lines" -eq 2 ]
run "LIBALLOC_CONF=$base" exit
is empty_or_plain_conf_is_quiet quiet
run "$(conf "$(printf 'x%.0s' {1..5000}):1")" exit
is a_name_of_5000_letters_is_survived [ "$rc" -eq 0 ]
is a_name_of_5000_letters_is_one_short_line \
    [ "$lines" -eq 1 -a "${#err}" -lt 1000 ]

run "MALLOC_MMAP_THRESHOLD_=1048576" tunable mmap_threshold
is malloc_mmap_threshold_is_read prints_quietly 1048576
run "MALLOC_MMAP_THRESHOLD_=1048576" hblks 2097152
is malloc_mmap_threshold_acts prints_quietly 1
run "MALLOC_TRIM_THRESHOLD_=65536" tunable trim_threshold
is malloc_trim_threshold_is_read prints_quietly 65536
run "MALLOC_TOP_PAD_=262144" tunable top_pad
is malloc_top_pad_is_read prints_quietly 262144
run "MALLOC_MMAP_MAX_=0" hblks 67108864
is malloc_mmap_max_0_stops_mmapping prints_quietly 0
run "MALLOC_ARENA_MAX=1" tunable arena_max
is malloc_arena_max_is_read prints_quietly 1
run "MALLOC_PERTURB_=90" fill
is malloc_perturb_fills prints_quietly "a5 5a"
run "MALLOC_MMAP_THRESHOLD_=banana" exit
is rubbish_in_glibcs_variables_is_survived [ "$rc" -eq 0 ]
run "MALLOC_MMAP_THRESHOLD_=2097152 $(conf mmap_threshold:1048576)" \
    tunable mmap_threshold
is liballoc_conf_wins_over_glibcs_variables prints 1048576

run "" json
is json_parses eval '/usr/bin/python3 -m json.tool <<<"$out" >/dev/null'

run "$(conf stats:1)" exit
is stats_1_prints_malloc_stats_at_exit eval 'grep -q "in use bytes" <<<"$err"'

# 1 GB of address space: the zone must fall back to a smaller reservation.
for entry in malloc calloc realloc memalign aligned_alloc posix_memalign \
    valloc pvalloc; do
    out=$(ulimit -v 1000000 && env LD_PRELOAD="$library" \
        ${base:+LIBALLOC_CONF=$base} timeout 60 "$probe" oom $entry 65536 \
        2>"$dir/err")
    rc=$? err=$(cat "$dir/err")
    is "out_of_address_space_${entry}_is_enomem" prints "ENOMEM again"
done
for size in 48 3000 1000000 30000000; do
    out=$(ulimit -v 300000 && env LD_PRELOAD="$library" \
        ${base:+LIBALLOC_CONF=$base} timeout 60 "$probe" oom malloc $size \
        2>"$dir/err")
    rc=$? err=$(cat "$dir/err")
    is "out_of_address_space_in_pieces_of_$size" prints "ENOMEM again"
done
# A limit on data stops brk and private mappings alike.
out=$(ulimit -d 200000 && env LD_PRELOAD="$library" \
    ${base:+LIBALLOC_CONF=$base} timeout 60 "$probe" oom malloc 3000 \
    2>"$dir/err")
rc=$? err=$(cat "$dir/err")
is out_of_data_segment_is_enomem prints "ENOMEM again"

# AT_SECURE: a set-user-ID program is deaf to the environment.  The loader
# drops an LD_PRELOAD with a slash there, so this one links with the library,
# by the run path below, which an unprivileged user can read.
secure_place=/usr/local/lib/liballoc-test

skip() {
    echo "skip env.$1: $2"
    skipped=$((skipped + 1))
}

# as_nobody SETTINGS PROGRAM verb args
as_nobody() {
    # shellcheck disable=SC2086 # settings are words
    out=$(setpriv --reuid=65534 --regid=65534 --clear-groups env $1 \
        "${@:2}" 2>"$dir/err")
    rc=$? err=$(cat "$dir/err") lines=$(wc -l <"$dir/err")
}

secure_case() {
    local settings
    if [ "$(id -u)" -ne 0 ]; then
        skip at_secure "only root can make a set-user-ID program"
        return
    fi
    rm -rf "$secure_place"
    mkdir -p "$secure_place"
    cp "$library" "${probe}_linked" "$secure_place/"
    chmod -R a+rX "$secure_place"
    local copy=$secure_place/${probe##*/}_linked
    settings="LIBALLOC_CONF=mmap_threshold:1048576,bogus:1"
    settings="$settings MALLOC_MMAP_THRESHOLD_=1048576"
    chmod 4755 "$copy"
    as_nobody "" "$copy" secure
    if [ "$out" = 0 ]; then
        skip at_secure "set-user-ID bits have no effect on this file system"
    else
        as_nobody "" "$copy" maps
        is at_secure_program_runs_on_liballoc prints loaded
        as_nobody "$settings" "$copy" tunable mmap_threshold
        is at_secure_ignores_the_environment prints_quietly "$default_after_bad"
    fi
    chmod 755 "$copy"
    as_nobody "$settings" "$copy" tunable mmap_threshold
    is the_same_program_without_the_bit_listens prints 1048576
    rm -rf "$secure_place"
}
if [ -z "$base" ]; then
    secure_case
fi

[ "$skipped" -gt 0 ] && note=", $skipped skipped"
echo "$passed passed, $failed failed${note:-}"
[ "$failed" -eq 0 ]
