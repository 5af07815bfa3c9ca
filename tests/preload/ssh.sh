#!/bin/bash
# SPDX-License-Identifier: MIT
# ssh-keygen, and an sshd on the loopback with a client: data both ways.
. "$(dirname "$0")/lib.sh"
need ssh ssh-keygen
sshd=$(command -v sshd || command -v /usr/sbin/sshd) ||
    skip "sshd is not installed"
if [ "$(id -u)" -eq 0 ]; then mkdir -p /run/sshd; fi
seq 100000 >"$work/numbers"

workload() {
    local port i
    port=$(free_port)
    for i in host user; do
        with ssh-keygen -q -t ed25519 -N '' -f "$PWD/$i"
    done
    with ssh-keygen -q -t ecdsa -N '' -f "$PWD/ecdsa"
    with ssh-keygen -y -f ecdsa | cmp - <(cut -d' ' -f1,2 ecdsa.pub) 2>/dev/null
    cat >sshd.conf <<CONF
Port $port
ListenAddress 127.0.0.1
HostKey $PWD/host
AuthorizedKeysFile $PWD/user.pub
PermitRootLogin yes
UsePAM no
StrictModes no
PidFile none
CONF
    start "$sshd" -D -f "$PWD/sshd.conf" -E "$PWD/sshd.log"
    answers "$port"
    proof <"/proc/$started/maps"
    connect() {
        with ssh -F none -p "$port" -i "$PWD/user" -o BatchMode=yes \
            -o StrictHostKeyChecking=no -o UserKnownHostsFile="$PWD/known" \
            -o LogLevel=ERROR "$@" 127.0.0.1 "$remote"
    }
    remote='sha256sum' connect <"$work/numbers"
    remote='seq 100000' connect -C | sha256sum
    for i in 1 2 3; do
        remote="echo session $i" connect
    done
}
compare
