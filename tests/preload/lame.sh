#!/bin/bash
# SPDX-License-Identifier: MIT
# lame: twenty seconds of sound to mp3, at two rates, and back.
. "$(dirname "$0")/lib.sh"
need lame perl
perl -e 'for $i (0 .. 441000) {
    print pack "s<2", 9000 * sin($i * $i / 9e5), 7000 * sin($i / 40) }' \
    >"$work/sound"

workload() {
    with lame --quiet -r -s 44.1 -b 128 "$work/sound" fixed.mp3
    with lame --quiet -r -s 44.1 -V 4 "$work/sound" variable.mp3
    with lame --quiet --decode fixed.mp3 fixed.wav
    sha256sum ./*.mp3 fixed.wav
    hold lame -r -s 44.1 - held.mp3
}
compare
