#!/bin/bash
# SPDX-License-Identifier: MIT
# lua: tables, strings, closures, coroutines, collections.
. "$(dirname "$0")/lib.sh"
lua=$(command -v lua5.4 || command -v lua) || skip "lua is not installed"

cat >"$work/script.lua" <<'SCRIPT'
local words, seen, sum = {}, {}, 0
for i = 1, 200000 do
  local w = "w" .. (i * 7919 % 10007) .. string.rep("x", i % 50)
  words[#words + 1] = w
  seen[w] = (seen[w] or 0) + 1
end
table.sort(words)
for i = 1, #words, 97 do sum = (sum * 31 + #words[i] + words[i]:byte(-1)) % 1e9 end
print(#words, sum, words[4711])
local function tree(n) return n > 0 and { tree(n - 1), tree(n - 1) } or {} end
local function size(t) return 1 + (t[1] and size(t[1]) + size(t[2]) or 0) end
for _ = 1, 5 do print(size(tree(14))); collectgarbage() end
local co = coroutine.wrap(function() for i = 1, 1e5 do coroutine.yield({ i }) end end)
local n = 0
for _ = 1, 1e5 do n = n + co()[1] end
print(n, #table.concat(words, ","):gsub("x+", "y"))
io.open("maps", "w"):write(io.open("/proc/self/maps"):read("a")):close()
SCRIPT

workload() {
    with "$lua" "$work/script.lua"
    proof <maps
}
compare
