#!/bin/bash
# SPDX-License-Identifier: MIT
# LibreOffice: a table and a text to office documents and back to text.
. "$(dirname "$0")/lib.sh"
need soffice
for i in $(seq 400); do echo "<h2>Head $i</h2><p>Some <b>text</b> $i</p>"; done \
    >"$work/text.html"

workload() {
    local parent child office=(soffice "-env:UserInstallation=file://$PWD/profile" --headless)
    start "${office[@]}" --convert-to odt:writer8 --infilter="HTML (StarWriter)" \
        "$work/text.html" >log 2>&1
    # soffice starts the program that does the work.
    for _ in $(seq 1000); do
        child=$(pgrep -P "$started" soffice.bin) && break
        sleep 0.02
    done
    parent=$started
    started=$child prove
    wait "$parent" || die "soffice ended with $?"
    with "${office[@]}" --convert-to docx text.odt >log 2>&1
    with "${office[@]}" --convert-to txt:Text text.docx >log 2>&1
    sha256sum <text.txt
    wc -l <text.txt
}
compare
