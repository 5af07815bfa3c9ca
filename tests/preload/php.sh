#!/bin/bash
# SPDX-License-Identifier: MIT
# php with its blocks from malloc: USE_ZEND_ALLOC=0.  -n: it loads
# its extensions with RTLD_DEEPBIND, which gives them glibc's free() for blocks
# of the preloaded malloc(); no preloaded allocator survives that.
. "$(dirname "$0")/lib.sh"
need php

cat >"$work/script.php" <<'SCRIPT'
<?php
$rows = [];
for ($i = 0; $i < 100000; $i++)
    $rows["k" . ($i * 7919 % 50021)] = ["n" => $i, "s" => str_repeat("ab", $i % 40)];
ksort($rows);
$text = serialize($rows);
echo count($rows), " ", strlen($text), " ", hash("sha256", $text), "\n";
var_dump(unserialize($text) == $rows);
echo md5(json_encode($rows)), " ", md5(preg_replace('/(ab)+/', 'c', $text)), "\n";
class Node { public $next, $other; }
for ($i = 0; $i < 100000; $i++) { $a = new Node; $a->other = $a; $a->next = new Node; }
var_dump(gc_collect_cycles() >= 0);
file_put_contents("maps", file_get_contents("/proc/self/maps"));
SCRIPT

workload() {
    USE_ZEND_ALLOC=0 with php -n -d memory_limit=-1 "$work/script.php"
    proof <maps
}
compare
