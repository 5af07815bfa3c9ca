#!/bin/bash
# SPDX-License-Identifier: MIT
# clangd, a language server: a C++ file opened, symbols, hover, completion.
. "$(dirname "$0")/lib.sh"
need clangd

uri=file://$work/main.cc
cat >"$work/main.cc" <<'SOURCE'
#include <map>
#include <string>
#include <vector>
std::map<std::string, std::vector<int>> table;
int total() { int s = 0; for (auto &p : table) for (int v : p.second) s += v; return s; }
int wrong() { return missing; }
int main() { return total(); }
SOURCE
text=$(sed ':a;N;$!ba;s/"/\\"/g;s/\n/\\n/g' "$work/main.cc")
at() { echo "{\"textDocument\":{\"uri\":\"$uri\"},\"position\":{\"line\":$1,\"character\":$2}}"; }
ask() { printf '{"jsonrpc":"2.0","id":%s,"method":"%s","params":%s}\n---\n' "$@"; }
{
    ask 0 initialize '{"capabilities":{}}'
    printf '{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{"uri":"%s","languageId":"cpp","version":1,"text":"%s"}}}\n---\n' "$uri" "$text"
    ask 1 textDocument/documentSymbol "{\"textDocument\":{\"uri\":\"$uri\"}}"
    ask 2 textDocument/hover "$(at 6 20)"
    ask 3 textDocument/definition "$(at 6 20)"
    ask 4 textDocument/completion "$(at 4 66)"
    ask 5 shutdown null
    echo '{"jsonrpc":"2.0","method":"exit"}'
} >"$work/requests"

workload() {
    with clangd -lit-test --background-index=false <"$work/requests" 2>log ||
        die "clangd ended with $?"
    hold clangd
}
compare
