#!/bin/bash
# SPDX-License-Identifier: MIT
# tree.sh BUILD CC LIBDIR: installs BUILD to a fresh place, moves it, and
# builds a program against it by pkg-config, by find_package, and statically.
set -eu
build=$1 cc=$2 libdir=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "install: $*"; exit 1; }
# expect COMMAND...: a program that says whose malloc it has.
expect() {
    local said
    said=$("$@") || fail "$* ended with $?"
    [[ $said == "liballoc "[0-9]* ]] || fail "$* said \"$said\""
    echo "ok: $(basename "$1")"
}

cmake --install "$build" --prefix "$work/first" >"$work/log" ||
    { cat "$work/log"; fail "cmake --install"; }
mv "$work/first" "$work/moved"
tree=$work/moved
for file in "$libdir/liballoc.so" "$libdir/liballoc.a" bin/liballoc-run \
    include/liballoc.h include/liballoc/layout/root.h \
    share/man/man7/liballoc.7 share/man/man1/liballoc-run.1; do
    [ -e "$tree/$file" ] || fail "no $file"
done
[ -z "$(find "$tree" -path '*/layout/*' ! -name '*.h' -type f ! -name '*.def')" ] ||
    fail "strange files beside the headers"

if command -v pkg-config >/dev/null; then
    export PKG_CONFIG_PATH=$tree/$libdir/pkgconfig
    # shellcheck disable=SC2046 # the flags are words
    "$cc" "$here/user.c" -o "$work/by_pkgconfig" \
        $(pkg-config --cflags --libs liballoc) -Wl,-rpath,"$tree/$libdir"
    expect "$work/by_pkgconfig"
    [ "$(pkg-config --modversion liballoc)" != "" ] || fail "no version"
    "$cc" -x c -fsyntax-only -I"$(pkg-config --variable=layoutdir liballoc)" \
        -include layout/root.h /dev/null || fail "layout/root.h alone"
else
    echo "no pkg-config here: that part is left out"
fi

if ! cmake -S "$here/package" -B "$work/package" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_PREFIX_PATH="$tree" >"$work/log" 2>&1 ||
    ! cmake --build "$work/package" >"$work/log" 2>&1; then
    cat "$work/log"
    fail "find_package(liballoc)"
fi
expect "$work/package/shared"
expect "$work/package/static"
readelf -d "$work/package/static" | grep -q liballoc.so &&
    fail "liballoc::static is not static"

"$cc" -I"$tree/include" "$here/user.c" -o "$work/preloaded" \
    -L"$tree/$libdir" -lalloc
expect "$tree/bin/liballoc-run" "$work/preloaded"
"$tree/bin/liballoc-run" true || fail "liballoc-run true"
echo "install: the moved tree works"
