#!/bin/bash
# SPDX-License-Identifier: MIT
# openssl: digests, RSA and EC signatures, encryption there and back.
. "$(dirname "$0")/lib.sh"
need openssl
seq 1 400000 >"$work/plain"
openssl genrsa -out "$work/rsa.pem" 2048 2>/dev/null
openssl ecparam -genkey -name prime256v1 -noout -out "$work/ec.pem"

workload() {
    local plain=$work/plain key=00112233445566778899aabbccddeeff
    for digest in md5 sha1 sha256 sha512 sha3-256 blake2b512; do
        with openssl dgst "-$digest" -r <"$plain"
    done
    with openssl rsa -in "$work/rsa.pem" -pubout -out rsa.pub 2>/dev/null
    with openssl dgst -sha256 -sign "$work/rsa.pem" -out rsa.sig "$plain"
    sha256sum rsa.sig
    with openssl dgst -sha256 -verify rsa.pub -signature rsa.sig "$plain"
    with openssl ec -in "$work/ec.pem" -pubout -out ec.pub 2>/dev/null
    with openssl dgst -sha256 -sign "$work/ec.pem" -out ec.sig "$plain"
    with openssl dgst -sha256 -verify ec.pub -signature ec.sig "$plain"
    for cipher in aes-128-cbc aes-128-ctr camellia-128-cbc; do
        with openssl enc "-$cipher" -K $key -iv $key -in "$plain" -out coded
        sha256sum coded
        with openssl enc -d "-$cipher" -K $key -iv $key -in coded -out back
        cmp back "$plain" && echo "$cipher: back again"
    done
    with openssl genrsa -out new.pem 2048 2>/dev/null
    with openssl req -x509 -key new.pem -subj /CN=test -days 2 -out cert.pem
    with openssl verify -CAfile cert.pem cert.pem
    with openssl base64 -in "$plain" | sha256sum
    # Base64 of its own maps: it reads them itself.
    with openssl base64 -in /proc/self/maps | base64 -d | proof
}
compare
