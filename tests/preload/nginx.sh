#!/bin/bash
# SPDX-License-Identifier: MIT
# nginx with two workers under ab: static files, gzip, a proxy to itself.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin
need nginx ab
[ -x /usr/bin/python3 ] || skip "/usr/bin/python3 is not installed"

configure() {
    mkdir -p tmp root
    seq 1 200 >root/small.txt
    seq 1 60000 >root/big.txt
    cat >nginx.conf <<CONF
daemon off;
$([ "$(id -u)" -ne 0 ] || echo 'user root;')
worker_processes 2;
pid $PWD/nginx.pid;
error_log $PWD/error.log warn;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $PWD/tmp/a;
    proxy_temp_path $PWD/tmp/b;
    fastcgi_temp_path $PWD/tmp/c;
    uwsgi_temp_path $PWD/tmp/d;
    scgi_temp_path $PWD/tmp/e;
    gzip on;
    gzip_types text/plain;
    server {
        listen 127.0.0.1:$1;
        root $PWD/root;
        location /proxy/ { proxy_pass http://127.0.0.1:$1/; }
        location /echo { return 200 "\$request_method \$args\n"; }
    }
}
CONF
}

load() {
    ab -q -k -n "$2" -c 16 "${@:3}" "http://127.0.0.1:$port$1" >ab.log 2>&1 ||
        { cat ab.log >&2; die "ab failed on $1"; }
    awk -v path="$1" '/^Complete requests|^Failed requests|^Document Length/ {
        print path, $0 }' ab.log
    if grep -q '^Non-2xx' ab.log; then die "errors from $1"; fi
}

workload() {
    local port worker
    port=$(free_port)
    configure "$port"
    start nginx -p "$PWD" -c "$PWD/nginx.conf" -e "$PWD/error.log"
    answers "$port"
    proof <"/proc/$started/maps"
    for worker in $(pgrep -P "$started"); do
        proof <"/proc/$worker/maps"
    done
    load /small.txt 6000
    load /big.txt 400 -H "Accept-Encoding: gzip"
    load /proxy/small.txt 3000
    load /echo?hello 6000
    kill -HUP "$started"
    sleep 0.5
    load /small.txt 2000
    /usr/bin/python3 - "$port" <<'SCRIPT'
import hashlib, sys, urllib.request
for path in ("small.txt", "big.txt", "proxy/big.txt", "echo?a=1"):
    with urllib.request.urlopen("http://127.0.0.1:%s/%s" % (sys.argv[1], path)) as r:
        print(path, r.status, hashlib.sha256(r.read()).hexdigest())
SCRIPT
    kill -QUIT "$started"
    wait "$started"
    echo "ended with $?"
}
compare
