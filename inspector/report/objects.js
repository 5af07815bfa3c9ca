/* SPDX-License-Identifier: MIT */
/* The objects of a tile: unpacked from its bytes, drawn a page at a time. */
"use strict";

const DETAIL_GAP = 16;
const DETAIL_RUN = 32;
const DETAIL_SLOT = 64;
const UNIT = 16;

/* [{offset, size, state, slot}] by offset from the tile's start. */
function unpackObjects(packed) {
  const bytesOf = base64(packed);
  const objects = [];
  let at = 0;
  let offset = 0;

  function number() {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytesOf[at++];
      value += (byte & 127) * scale;
      scale *= 128;
      if (byte < 128)
        return value;
    }
  }

  while (at < bytesOf.length) {
    const head = bytesOf[at++];
    if (head & DETAIL_GAP)
      offset += number() * UNIT;
    const size = number() * UNIT;
    const repeat = head & DETAIL_RUN ? number() + 2 : 1;
    for (let i = 0; i < repeat; i++) {
      objects.push({offset, size, state: data.states[head & 15],
        slot: (head & DETAIL_SLOT) !== 0});
      offset += size;
    }
  }
  return objects;
}

const STATE_TEXT = {
  live: "in the program's hands",
  binned: "free, in a thread's bin",
  spare: "free, on a bin's spare chain",
  remote: "freed by another thread, on its way home",
  free: "free",
  top: "the end of the arena, not cut yet",
  virgin: "never handed out yet",
  damaged: "makes no sense: see check",
};

function stateColor(state) {
  switch (state) {
    case "live": return useColor(1);
    case "binned": case "spare": case "remote":
      return shareColor("thread caches");
    case "free": return useColor(0);
    case "top": return shareColor("free pages");
    case "damaged": return shareColor("unknown");
    default: return null;
  }
}

const OBJECT_ROWS = 8;
const OBJECT_ROW_HEIGHT = 15;

/* The parts of objects in [from, from + page) of the tile, row by row. */
function drawObjects(host, objects, from, label) {
  const page = data.page;
  const width = host.clientWidth;
  const per = page / OBJECT_ROWS;
  const [node, context] = canvas(width, OBJECT_ROWS * OBJECT_ROW_HEIGHT);
  const here = objects.filter(o => o.offset < from + page &&
    o.offset + o.size > from);
  for (let r = 0; r < OBJECT_ROWS; r++)
    hatch(context, 0, r * OBJECT_ROW_HEIGHT, width, OBJECT_ROW_HEIGHT - 2);
  for (const o of here) {
    const color = stateColor(o.state);
    const start = Math.max(o.offset - from, 0);
    const end = Math.min(o.offset + o.size - from, page);
    for (let at = start; at < end;) {
      const row = Math.floor(at / per);
      const stop = Math.min(end, (row + 1) * per);
      const x = (at - row * per) / per * width;
      const w = (stop - at) / per * width;
      if (color) {
        context.fillStyle = color;
        context.fillRect(x + (at === start ? 0.5 : 0), row * OBJECT_ROW_HEIGHT,
          Math.max(w - (at === start ? 1 : 0.5), 0.5), OBJECT_ROW_HEIGHT - 2);
      }
      at = stop;
    }
  }
  const objectAt = event => {
    const box = node.getBoundingClientRect();
    const row = Math.floor((event.clientY - box.top) / OBJECT_ROW_HEIGHT);
    const offset = from + (row + (event.clientX - box.left) / width) * per;
    return here.find(o => o.offset <= offset && offset < o.offset + o.size);
  };
  node.addEventListener("mousemove", event => {
    const o = objectAt(event);
    if (!o)
      return hideTip();
    showTip(event, `${o.slot ? "slot" : "chunk"} of ${bytes(o.size)} at ` +
      `${label(o.offset)}\n${o.state}: ${STATE_TEXT[o.state]}`);
  });
  node.addEventListener("mouseleave", hideTip);
  node.setAttribute("aria-label", `${here.length} objects`);
  host.append(node);
  return here;
}
