#!/bin/bash
# SPDX-License-Identifier: MIT
# node: an HTTP server that a client in the same process drives.
. "$(dirname "$0")/lib.sh"
need node

cat >"$work/server.js" <<'SCRIPT'
const http = require('http'), crypto = require('crypto'), zlib = require('zlib');
const fs = require('fs');
const store = new Map();
const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const body = Buffer.concat(parts);
    store.set(request.url, body);
    const answer = JSON.stringify({ url: request.url, n: body.length,
      sum: crypto.createHash('sha256').update(body).digest('hex') });
    response.end(zlib.gzipSync(answer));
  });
});
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
function ask(port, i) {
  return new Promise((resolve, reject) => {
    const body = Buffer.alloc((i * 7919) % 60000, 'x' + i);
    const request = http.request({ host: '127.0.0.1', port, agent,
      method: 'POST', path: '/' + (i % 300) }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () =>
        resolve(JSON.parse(zlib.gunzipSync(Buffer.concat(parts)).toString())));
    });
    request.on('error', reject);
    request.end(body);
  });
}
server.listen(0, '127.0.0.1', async () => {
  const port = server.address().port;
  const total = crypto.createHash('sha256');
  let bytes = 0;
  for (let round = 0; round < 30; round++) {
    const asked = [];
    for (let i = 0; i < 50; i++) asked.push(ask(port, round * 50 + i));
    for (const answer of await Promise.all(asked)) {
      total.update(answer.sum);
      bytes += answer.n;
    }
  }
  const objects = [];
  for (let i = 0; i < 200000; i++) objects.push({ i, s: 'v' + i, a: [i, i + 1] });
  console.log(store.size, bytes, total.digest('hex'),
    objects.filter((o) => o.a[1] % 7 === 0).length);
  fs.writeFileSync('maps', fs.readFileSync('/proc/self/maps'));
  agent.destroy();
  server.close();
});
SCRIPT

workload() {
    with node "$work/server.js"
    proof <maps
}
compare
