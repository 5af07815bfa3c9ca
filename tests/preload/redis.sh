#!/bin/bash
# SPDX-License-Identifier: MIT
# redis-server under redis-benchmark's pipelines, and a data set whose digest
# must not depend on the allocator.
. "$(dirname "$0")/lib.sh"
need redis-server redis-cli redis-benchmark

commands() {
    awk 'BEGIN {
        for (i = 0; i < 60000; i++) {
            printf "SET key:%d value-%d-%0*d\r\n", i, i, i % 300 + 1, i
            if (i % 3 == 0) printf "HSET hash:%d f%d %d\r\n", i % 500, i, i
            if (i % 4 == 0) printf "RPUSH list:%d item-%d\r\n", i % 200, i
            if (i % 5 == 0) printf "ZADD zset:%d %d m%d\r\n", i % 100, i * 7 % 1000, i
            if (i % 7 == 0) printf "DEL key:%d\r\n", i / 2
            if (i % 9 == 0) printf "APPEND key:%d %0*d\r\n", i / 3, i % 900 + 1, i
        }
    }'
}

workload() {
    local port
    port=$(free_port)
    start redis-server --bind 127.0.0.1 --port "$port" --save '' \
        --appendonly no --enable-debug-command yes --dir "$PWD" >server.log
    answers "$port"
    proof <"/proc/$started/maps"
    redis-benchmark -p "$port" -q -P 16 -c 20 -n 60000 -r 20000 -d 200 \
        -t set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100 >bench.log
    [ "$(tr '\r' '\n' <bench.log | grep -c 'requests per second')" -ge 9 ] ||
        die "redis-benchmark did not finish"
    redis-cli -p "$port" flushall
    commands | redis-cli -p "$port" --pipe | tail -1
    redis-cli -p "$port" dbsize
    redis-cli -p "$port" debug digest
    redis-cli -p "$port" memory doctor >/dev/null
    redis-cli -p "$port" debug reload
    redis-cli -p "$port" debug digest
    redis-cli -p "$port" shutdown nosave || true
    wait "$started"
    echo "ended with $?"
}
compare
