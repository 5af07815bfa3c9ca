#!/bin/bash
# SPDX-License-Identifier: MIT
# ffmpeg: a generated film through filters and three encoders, and back.
. "$(dirname "$0")/lib.sh"
need ffmpeg

f() { with ffmpeg -nostdin -v error -threads 2 "$@"; }

workload() {
    local source=testsrc2=duration=3:size=480x270:rate=25 sound=sine=440:duration=3
    local bit=(-fflags +bitexact -flags:v +bitexact -flags:a +bitexact)
    f -f lavfi -i $source -f lavfi -i $sound "${bit[@]}" -c:v mpeg4 -c:a aac a.mkv
    f -f lavfi -i $source -c:v libx264 -preset veryfast -x264-params threads=1 \
        "${bit[@]}" b.mp4
    f -i a.mkv -vf scale=240:-2,hflip "${bit[@]}" -c:v mjpeg -c:a flac c.mkv
    for i in a.mkv b.mp4 c.mkv; do
        f -i $i -f framemd5 - | sha256sum
    done
    hold ffmpeg -f s16le -i - held.wav
}
compare
