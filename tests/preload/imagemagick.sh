#!/bin/bash
# SPDX-License-Identifier: MIT
# ImageMagick: a drawn picture through filters and four formats.
. "$(dirname "$0")/lib.sh"
need convert

workload() {
    with convert -size 500x400 gradient:red-blue -swirl 90 -blur 0x3 a.ppm
    with convert a.ppm -rotate 30 -resize 60% -colors 64 b.gif
    with convert a.ppm -sharpen 0x2 -quality 80 c.jpg
    with convert a.ppm -paint 3 -edge 1 -strip png:d.png
    with convert b.gif c.jpg d.png -append rgb:- | sha256sum
    sha256sum a.ppm
    hold convert ppm:- e.png
}
compare
