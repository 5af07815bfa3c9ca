#!/bin/bash
# SPDX-License-Identifier: MIT
# z3 and minisat: bit vectors, arrays, a pigeon too many.
. "$(dirname "$0")/lib.sh"
need z3 minisat perl

cat >"$work/theory.smt2" <<'SCRIPT'
(declare-const x (_ BitVec 24))
(declare-const y (_ BitVec 24))
(assert (= (bvmul x y) #x0f4243))
(assert (and (bvugt x #x000001) (bvugt y #x000001) (bvult x #x001000)))
(check-sat)
(declare-const a (Array Int Int))
(declare-const b (Array Int Int))
(assert (forall ((i Int)) (=> (<= 0 i 20) (= (select b i) (* 2 (select a i))))))
(assert (= (+ (select b 3) (select b 4)) 7))
(check-sat)
(reset)
(declare-fun f (Int) Int)
(declare-const n Int)
(assert (and (> n 10) (= (f (f n)) n) (not (= (f n) n)) (< (* n n) 400)))
(check-sat)
SCRIPT
# Eight pigeons, seven holes.
perl -e '$n = 7; @c = ();
    for $p (0 .. $n) { push @c, join " ", (map { $p * $n + $_ } 1 .. $n), 0 }
    for $h (1 .. $n) { for $p (0 .. $n) { for $q ($p + 1 .. $n) {
        push @c, join " ", -($p * $n + $h), -($q * $n + $h), 0 } } }
    print "p cnf ", ($n + 1) * $n, " ", scalar @c, "\n", map { "$_\n" } @c' \
    >"$work/pigeons.cnf"

workload() {
    with z3 "$work/theory.smt2"
    with z3 "$work/pigeons.cnf" | grep -v '^c'
    # 20: unsatisfiable.
    with minisat -verb=0 "$work/pigeons.cnf" answer || echo "ended with $?"
    cat answer
    hold z3 -in
}
compare
