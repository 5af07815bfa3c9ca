#!/bin/bash
# SPDX-License-Identifier: MIT
# emacs in batch: buffers, lists, regular expressions, the byte compiler.
. "$(dirname "$0")/lib.sh"
need emacs

cat >"$work/script.el" <<'SCRIPT'
(dotimes (i 20000) (insert (format "%d line %d\n" (mod (* i 7919) 10007) i)))
(sort-numeric-fields 1 (point-min) (point-max))
(goto-char (point-min))
(while (re-search-forward "line \\([0-9]+\\)7" nil t) (replace-match "<\\1>"))
(princ (format "%d %s\n" (buffer-size) (secure-hash 'sha256 (current-buffer))))
(let ((h (make-hash-table :test 'equal)))
  (dotimes (i 50000) (puthash (format "k%d" (mod i 9973)) (make-string (mod i 70) ?x) h))
  (princ (format "%d\n" (hash-table-count h))))
(dotimes (_ 3) (garbage-collect))
(princ (format "%S\n" (funcall (byte-compile '(lambda (n) (let ((s 0)) (dotimes (i n s) (setq s (+ s i)))))) 100000)))
(call-process "cp" nil nil nil (format "/proc/%d/maps" (emacs-pid)) "maps")
SCRIPT

workload() {
    with emacs -Q --batch -l "$work/script.el"
    proof <maps
}
compare
