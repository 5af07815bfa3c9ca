#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh LIBRARY DIRECTORY: the ways in which the loader brings a malloc in.
# DIRECTORY has the programs of this one's CMakeLists.txt.
set -u
library=$1
bin=$2
passed=0 failed=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
ulimit -c 0

# is SENTENCE LAST-LINE COMMAND...: status 0, that last line, a quiet stderr
is() {
    local sentence=$1 line=$2
    shift 2
    timeout -s KILL 120 env "$@" >"$dir/out" 2>"$dir/err"
    local status=$?
    if [ $status -eq 0 ] && [ ! -s "$dir/err" ] &&
        [[ $(tail -n 1 "$dir/out") == $line ]]; then
        passed=$((passed + 1))
        echo "ok loader.$sentence"
    else
        failed=$((failed + 1))
        echo "FAIL loader.$sentence: status $status"
        tail -n 5 "$dir/out" "$dir/err"
    fi
}

preload=LD_PRELOAD=$library
is phases_by_lazy_binding "all phases" "$preload" "$bin/phases_lazy"
is phases_by_immediate_binding "all phases" "$preload" "$bin/phases_now"
is phases_with_ld_bind_now "all phases" "$preload" LD_BIND_NOW=1 \
    "$bin/phases_lazy"
is phases_linked "all phases" "$bin/phases_linked"
for scope in local global; do
    is "dlopened_late_$scope" "both allocators*" \
        "$bin/late" "$library" $scope
    is "dlopened_late_${scope}_beside_a_preloaded_one" "both allocators*" \
        "$preload" "$bin/late" "$library" $scope
done

audit=LD_AUDIT=$bin/audit.so
for program in phases_lazy phases_now phases_linked; do
    is "${program}_audited" "all phases" "$audit" \
        AUDIT_LOG="$dir/events" "$preload" "$bin/$program"
    is "${program}_was_audited" "[1-9][0-9]*" cat "$dir/events"
done
is audited_and_late "both allocators*" "$audit" "$bin/late" "$library" global
is audited_and_tls_modules "1 passed, 0 failed" "$audit" "$preload" \
    TEST_SCALE=2 "${bin%/*}/test_modules"
is little_static_tls "all phases" "$preload" \
    GLIBC_TUNABLES=glibc.rtld.optional_static_tls=64 "$bin/phases_lazy"
is little_static_tls_and_late "both allocators*" \
    GLIBC_TUNABLES=glibc.rtld.optional_static_tls=64 "$bin/late" \
    "$library" local
is static_program "static: * heaps" "$bin/static"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
