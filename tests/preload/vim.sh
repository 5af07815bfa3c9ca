#!/bin/bash
# SPDX-License-Identifier: MIT
# vim in ex mode: substitution, sorting, undo, registers in a long text.
. "$(dirname "$0")/lib.sh"
vim=$(command -v vim || command -v vim.tiny) || skip "vim is not installed"
seq 30000 | sed 's/7/seven /g; s/$/ words on a line/' >"$work/text"
cat >"$work/script" <<'SCRIPT'
set undolevels=100
%s/seven \+\(\d*\)/<\1>/g
g/9 words/normal ddp
%sort /\d/
1,500yank a
$put a
g/11/move 0
%s/words/WORDS and more words/
undo
redo
1,10d
write! out
enew!
read /proc/self/maps
write! maps
quitall!
SCRIPT

workload() {
    with "$vim" -N -u NONE -i NONE -n -es -S "$work/script" "$work/text" || true
    wc -l <out
    sha256sum out
    proof <maps
}
compare
