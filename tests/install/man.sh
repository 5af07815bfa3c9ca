#!/bin/bash
# SPDX-License-Identifier: MIT
# man.sh SOURCE: every page renders without a warning (groff, mandoc: what is
# there), names itself, and every function of liballoc.h has a page.
set -u
cd "$1" || exit
shopt -s nullglob
pages=(man/*.[1-9])
bad=0 tools=0
if command -v groff >/dev/null; then
    tools=$((tools + 1))
    for page in "${pages[@]}"; do
        said=$(groff -man -ww -Tutf8 -z "$page" 2>&1)
        [ -z "$said" ] || { echo "$said"; bad=1; }
    done
fi
if command -v mandoc >/dev/null; then
    tools=$((tools + 1))
    mandoc -T lint -W warning "${pages[@]}" || bad=1
fi
for page in "${pages[@]}"; do
    name=$(basename "${page%.*}")
    grep -A 1 '^\.SH NAME' "$page" | grep -q -- "${name//-/.*}" ||
        { echo "$page: not of its own name"; bad=1; }
done
for function in $(grep -o '\bliballoc_[a-z_]*(' include/liballoc.h |
    tr -d '(' | sort -u); do
    cat "${pages[@]}" | sed -n '/^\.SH NAME/,/^\.SH SYN/p' |
        grep -q "\b$function\b" || { echo "no page for $function()"; bad=1; }
done
echo "man: ${#pages[@]} pages, $tools formatters"
[ "${#pages[@]}" -gt 0 ] || bad=1
[ "$tools" -gt 0 ] || { echo "SKIPPED: neither groff nor mandoc"; exit 77; }
exit "$bad"
