#!/bin/bash
# SPDX-License-Identifier: MIT
# dot, neato: a graph of sixty nodes laid out, as text and as SVG.
. "$(dirname "$0")/lib.sh"
need dot neato
{
    echo 'digraph g {'
    for i in $(seq 60); do
        echo "n$i [label=\"node $i\", shape=box];"
        echo "n$i -> n$((i * 7 % 61)); n$i -> n$((i / 2)) [label=\"e$i\"];"
    done
    echo '}'
} >"$work/graph"

workload() {
    with dot -Tplain "$work/graph" | sha256sum
    with dot -Tsvg "$work/graph" | sha256sum
    with neato -Tplain -Gstart=7 "$work/graph" | sha256sum
    with dot -Tplain "$work/graph" | sed -n '1p;$='
    hold dot -Tplain
}
compare
