#!/bin/bash
# SPDX-License-Identifier: MIT
# PostgreSQL: initdb, pgbench with eight clients, and books that balance.
. "$(dirname "$0")/lib.sh"
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
if [ -z "$bin" ] || [ ! -x "$bin/initdb" ] || [ ! -x "$bin/pgbench" ]; then
    skip "PostgreSQL is not installed"
fi
as_user=()
if [ "$(id -u)" -eq 0 ]; then
    id postgres >/dev/null 2>&1 || skip "there is no user postgres"
    # The server refuses root.
    as_user=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi

sql() { "${as_user[@]}" "$bin/psql" -X -h "$PWD" -p "$port" -d postgres -Atq -c "$1"; }

workload() {
    local port backend maps
    port=$(free_port)
    chmod 777 .
    export HOME=$PWD
    with "${as_user[@]}" "$bin/initdb" -D "$PWD/data" -A trust -N >initdb.log
    start "${as_user[@]}" "$bin/postgres" -D "$PWD/data" -h 127.0.0.1 \
        -p "$port" -k "$PWD" -c fsync=off -c logging_collector=off \
        -c shared_buffers=64MB >server.log 2>&1
    answers "$port"
    proof <"/proc/$started/maps"
    for backend in $(pgrep -P "$started"); do
        # Some have ended by now: they have no maps.
        maps=$(cat "/proc/$backend/maps" 2>/dev/null) || continue
        [ -z "$maps" ] || proof <<<"$maps"
    done
    sql "SELECT 1" >/dev/null || { sleep 1; sql "SELECT 1" >/dev/null; }
    "${as_user[@]}" "$bin/pgbench" -h "$PWD" -p "$port" -i -q -s 4 postgres \
        >init.log 2>&1
    with "${as_user[@]}" "$bin/pgbench" -h "$PWD" -p "$port" -c 8 -j 2 -T 5 \
        postgres >bench.log 2>&1 || { cat bench.log >&2; die "pgbench failed"; }
    grep -q 'number of failed transactions: 0 ' bench.log ||
        { cat bench.log >&2; die "transactions failed"; }
    sql "SELECT (SELECT sum(abalance) FROM pgbench_accounts) =
                (SELECT sum(delta) FROM pgbench_history),
                (SELECT sum(tbalance) FROM pgbench_tellers) =
                (SELECT sum(bbalance) FROM pgbench_branches),
                (SELECT count(*) FROM pgbench_accounts),
                (SELECT count(*) > 100 FROM pgbench_history)"
    sql "SELECT count(*), sum(x), count(DISTINCT md5(x::text))
         FROM generate_series(1, 100000) x"
    sql "SELECT x % 10, string_agg(x::text, ',' ORDER BY md5(x::text))
         FROM generate_series(1, 1000) x GROUP BY 1 ORDER BY 1" | sha256sum
    kill -INT "$started"
    wait "$started"
    echo "ended with $?"
}
compare
