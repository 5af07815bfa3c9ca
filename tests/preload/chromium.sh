#!/bin/bash
# SPDX-License-Identifier: MIT
# Chromium without a head on a local page: script, layout, a picture.  Its own
# allocator serves most of it; here both live in one process.
. "$(dirname "$0")/lib.sh"
browser=/usr/lib/chromium/chromium
[ -x $browser ] || browser=$(command -v chromium) ||
    skip "chromium is not installed"
cat >"$work/page.html" <<'PAGE'
<!doctype html><title>page</title><div id=out>nothing</div><canvas id=c></canvas>
<script>
const rows = [];
for (let i = 0; i < 50000; i++) rows.push({ i, s: 'v' + i * 7919 % 10007 });
rows.sort((a, b) => a.s < b.s ? -1 : a.s > b.s ? 1 : a.i - b.i);
const table = document.createElement('table');
for (const r of rows.slice(0, 500)) table.insertRow().insertCell().textContent = r.s;
document.body.append(table);
const c = document.getElementById('c').getContext('2d');
for (let i = 0; i < 300; i++) { c.fillStyle = `rgb(${i % 256},0,9)`; c.fillRect(i, i % 99, 5, 5); }
const p = c.getImageData(7, 7, 1, 1).data;
document.getElementById('out').textContent = [rows[4711].s, table.rows.length,
  table.offsetHeight > 1000, p.join()].join(' ');
</script>
PAGE
chmod 644 "$work/page.html"

workload() {
    start $browser --headless --no-sandbox --disable-gpu --no-first-run \
        --disable-dev-shm-usage --user-data-dir="$PWD/profile" \
        --virtual-time-budget=5000 --dump-dom "file://$work/page.html" \
        >dom 2>browser.log
    prove
    wait "$started" || die "the browser ended with $?"
    grep -o '<div.*</div>' dom
    sha256sum <dom
}
compare
