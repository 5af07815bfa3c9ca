#!/bin/bash
# SPDX-License-Identifier: MIT
# sqlite3: a million rows in memory, an index, groups, a join, a rollback.
. "$(dirname "$0")/lib.sh"
need sqlite3

cat >"$work/script.sql" <<'SCRIPT'
CREATE TABLE t(id INTEGER PRIMARY KEY, k INTEGER, name TEXT, body BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
INSERT INTO t SELECT i, i * 7919 % 100003, 'name-' || (i % 4999), zeroblob(i % 40) FROM n;
CREATE INDEX t_k ON t(k);
SELECT count(*), sum(k), sum(length(name)), sum(length(body)) FROM t;
SELECT name, count(*), min(k), max(k) FROM t GROUP BY name ORDER BY 2 DESC, 1 LIMIT 5;
SELECT count(*) FROM t a JOIN t b ON b.id = a.k WHERE a.id % 10 = 0;
BEGIN;
UPDATE t SET name = upper(name) || k WHERE id % 5 = 0;
SELECT count(DISTINCT name) FROM t;
DELETE FROM t WHERE k % 3 = 0;
SELECT count(*) FROM t;
ROLLBACK;
SELECT count(*), sum(length(name)) FROM t;
SELECT group_concat(name, ',') FROM (SELECT name FROM t WHERE id % 99991 = 1 ORDER BY id);
PRAGMA integrity_check;
.shell cat /proc/$PPID/maps >maps
SCRIPT

workload() {
    with sqlite3 :memory: <"$work/script.sql"
    proof <maps
}
compare
