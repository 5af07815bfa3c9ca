#!/bin/bash
# SPDX-License-Identifier: MIT
# pandoc: a long text to HTML, LaTeX, an office document, and back.
. "$(dirname "$0")/lib.sh"
need pandoc
for i in $(seq 300); do
    printf '# Head %d\n\nSome *text* with `code` and [a link](x%d).\n\n' "$i" "$i"
    printf -- '- item %d\n- item **b**\n\n' "$i"
done >"$work/text.md"

workload() {
    export SOURCE_DATE_EPOCH=1700000000
    with pandoc "$work/text.md" -t html | sha256sum
    with pandoc "$work/text.md" -t latex | sha256sum
    with pandoc "$work/text.md" -o out.odt
    with pandoc out.odt -t markdown | sha256sum
    hold pandoc -t html
}
compare
