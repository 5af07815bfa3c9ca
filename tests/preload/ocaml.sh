#!/bin/bash
# SPDX-License-Identifier: MIT
# ocaml: a program by both compilers, and in the interpreter.
. "$(dirname "$0")/lib.sh"
need ocaml ocamlc ocamlopt

cat >"$work/main.ml" <<'SOURCE'
module M = Map.Make (String)
let () =
  let m = ref M.empty in
  for i = 0 to 100000 do
    let k = "k" ^ string_of_int (i * 7919 mod 10007) in
    m := M.update k (function None -> Some [ i ] | Some l -> Some (i :: l)) !m
  done;
  Printf.printf "%d %d\n" (M.cardinal !m)
    (M.fold (fun k l s -> (s * 31) + Hashtbl.hash (k, List.length l) land 0xffff) !m 0);
  let b = Buffer.create 16 in
  for i = 0 to 100000 do Buffer.add_string b (string_of_int i) done;
  print_endline (Digest.to_hex (Digest.string (Buffer.contents b)));
  Gc.compact ();
  let i = open_in_bin "/proc/self/maps" and o = open_out_bin "maps" in
  (try while true do output_char o (input_char i) done with End_of_file -> ());
  close_out o
SOURCE

workload() {
    cp "$work/main.ml" .
    with ocamlc -o bytes main.ml
    with ocamlopt -S -o native main.ml
    sha256sum main.s
    with ./native
    proof <maps
    with ocamlrun ./bytes
    proof <maps
    with ocaml main.ml
    proof <maps
}
compare
