/* SPDX-License-Identifier: MIT */
/*
 * The map: mappings -> tiles of 2 MiB -> pages of 16 KiB -> objects.  Colour is
 * the used part of what is resident; hatched is not resident; a frame is a
 * huge page.
 */
"use strict";

const TILE_WORDS = 6;
const CELL_BYTES = 4;
const HUGE = 1;

/* What is looked at; null: not that deep yet. */
const zoom = {stretch: null, tile: null, page: null};

function unpackStretch(stretch, number) {
  const raw = base64(stretch.tiles);
  const words = new Uint32Array(raw.buffer, 0, raw.length / 4);
  const tiles = [];
  for (let i = 0; i < words.length / TILE_WORDS; i++) {
    const [size, live, cached, resident, held, huge] =
      words.subarray(i * TILE_WORDS, (i + 1) * TILE_WORDS);
    const from = i === 0 ? 0 : i * data.tile / data.page - stretch.lead;
    tiles.push({stretch: number, index: i, from, size, live, cached, resident,
      held, huge, cells: null, objects: null});
  }
  const sum = key => tiles.reduce((total, tile) => total + tile[key], 0);
  return {...stretch, number, tiles, heap: true, size: sum("size"),
    live: sum("live"), cached: sum("cached"), resident: sum("resident"),
    held: sum("held")};
}

function unpackCells(packed) {
  const raw = base64(packed);
  const cells = [];
  for (let i = 0; i < raw.length; i += CELL_BYTES) {
    cells.push({
      live: raw[i] / 255 * data.page,
      held: raw[i + 1] / 255 * data.page,
      kind: data.kinds[raw[i + 2] & 15],
      quarters: raw[i + 2] >> 4,
      cached: (raw[i + 3] >> 1) / 127 * data.page,
      huge: (raw[i + 3] & HUGE) !== 0,
    });
  }
  return cells;
}

let stretches = [];

function unpackMap() {
  stretches = data.stretches.map(unpackStretch);
  for (const [s, t, packed] of data.cells)
    stretches[s].tiles[t].cells = unpackCells(packed);
  for (const [s, t, , packed] of data.objects) {
    const tile = stretches[s].tiles[t];
    tile.objects = [...tile.objects ?? [], ...unpackObjects(packed)]
      .sort((a, b) => a.offset - b.offset);
  }
}

function usedPart(it) {
  return it.resident > 0 ? (it.resident - it.held) / it.resident : 0;
}

function describe(it) {
  const used = it.resident - it.held;
  return `${bytes(it.resident)} of ${bytes(it.size)} resident; of that ` +
    `${bytes(used)} used (${percent(used, it.resident)}), ` +
    `${bytes(it.held)} unused`;
}

function tilePlace(tile) {
  return place(stretches[tile.stretch].start, tile.from * data.page);
}

/* Fades by the part that is resident; hatched if nothing is. */
function paint(context, it, x, y, w, h) {
  if (it.resident === 0) {
    hatch(context, x, y, w, h, it.live > 0 ? cssColor("--untouched") : null);
    return;
  }
  context.fillStyle = cssColor("--absent");
  context.fillRect(x, y, w, h);
  context.globalAlpha = 0.3 + 0.7 * Math.min(it.resident / it.size, 1);
  context.fillStyle = useColor(usedPart(it));
  context.fillRect(x, y, w, h);
  context.globalAlpha = 1;
}

function frame(context, x, y, w, h, color, width) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.strokeRect(x + width / 2, y + width / 2, w - width, h - width);
}

/*
 * A grid of squares in a canvas: paintOne(context, item, x, y, w, h), a tip
 * and a click an item; `chosen` has a frame.
 */
function drawGrid(host, items, {columns, w, h, paintOne, tip, click, chosen}) {
  const rows = Math.ceil(items.length / columns);
  const [node, context] = canvas(columns * w, rows * h);
  items.forEach((item, i) => {
    const x = i % columns * w;
    const y = Math.floor(i / columns) * h;
    paintOne(context, item, x, y, w > 4 ? w - 1 : w, h > 4 ? h - 1 : h);
    if (item === chosen)
      frame(context, x, y, w > 4 ? w - 1 : w, h > 4 ? h - 1 : h,
        cssColor("--mark"), 2);
  });
  const itemAt = event => {
    const box = node.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / w);
    const row = Math.floor((event.clientY - box.top) / h);
    return column < columns ? items[row * columns + column] : undefined;
  };
  node.addEventListener("mousemove", event => {
    const item = itemAt(event);
    if (item)
      showTip(event, tip(item));
    else
      hideTip();
  });
  node.addEventListener("mouseleave", hideTip);
  node.addEventListener("click", event => {
    const item = itemAt(event);
    if (item)
      click(item);
  });
  const step = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns,
    ArrowUp: -columns};
  node.addEventListener("keydown", event => {
    const next = items[items.indexOf(chosen) + (step[event.key] ?? NaN)];
    if (next) {
      event.preventDefault();
      click(next);
      host.querySelector("canvas")?.focus();
    }
  });
  node.setAttribute("aria-label", `${items.length} parts`);
  host.append(node);
}

function level(id, text) {
  const host = byId(id);
  host.replaceChildren();
  host.className = "level";
  if (text)
    host.append(make("p", {}, ...text));
  return host;
}

/* Heap stretches and the rest of the process, by address, width by RSS. */
function stripItems() {
  const others = data.vmas.filter(vma => vma.region === "" && vma.rss > 0)
    .map(vma => ({heap: false, start: vma.start, resident: vma.rss,
      size: vma.size, name: vma.name || "anonymous", held: 0}));
  const items = [...stretches.filter(s => s.resident > 0), ...others];
  return data.hashed ? items : items.sort((a, b) =>
    BigInt(a.start) < BigInt(b.start) ? -1 : 1);
}

function drawStrip() {
  const host = level("strip");
  const width = host.clientWidth;
  const height = 30;
  const items = stripItems();
  const total = d3.sum(items, item => item.resident);
  const weight = item => Math.max(item.resident, total / 400);
  const x = d3.scaleLinear([0, d3.sum(items, weight) || 1], [0, width]);
  let at = 0;
  const boxes = items.map(item => {
    const box = {item, x: x(at), w: x(weight(item))};
    at += weight(item);
    return box;
  });
  const svg = d3.create("svg").attr("width", width).attr("height", height + 18);
  const groups = svg.selectAll("g").data(boxes).join("g")
    .style("cursor", d => d.item.heap ? "pointer" : "default")
    .on("mousemove", (event, d) => showTip(event,
      `${d.item.name} at ${d.item.start}\n` + (d.item.heap ? describe(d.item)
        : `not the heap's; ${bytes(d.item.resident)} resident`)))
    .on("mouseleave", hideTip)
    .on("click", (event, d) => d.item.heap && zoomTo(d.item.number));
  groups.append("rect").attr("x", d => d.x).attr("y", 0.5)
    .attr("width", d => Math.max(d.w - 1, 0.5)).attr("height", height - 1)
    .attr("fill", d => d.item.heap ? useColor(usedPart(d.item))
      : cssColor("--hatch"))
    .attr("stroke", d => d.item.number === zoom.stretch && d.item.heap
      ? cssColor("--mark") : "none").attr("stroke-width", 2);
  groups.filter(d => d.w > 70).append("text").attr("x", d => d.x + 2)
    .attr("y", height + 13).attr("class", "soft")
    .text(d => `${d.item.name.split("/").pop()} ${bytes(d.item.resident)}`
      .slice(0, Math.floor(d.w / 6.6)));
  host.append(svg.node());
}

const TILES_HEIGHT = 250;

function tileSize(items, width) {
  const fit = Math.floor(Math.sqrt(width * TILES_HEIGHT / items));
  return Math.max(4, Math.min(24, fit));
}

function drawTiles() {
  const stretch = stretches[zoom.stretch];
  if (!stretch)
    return level("tiles");
  const host = level("tiles", [make("b", {}, stretch.name), " at ",
    stretch.start, ": " + describe(stretch)]);
  const size = tileSize(stretch.tiles.length, host.clientWidth);
  drawGrid(host, stretch.tiles, {
    columns: Math.max(1, Math.floor(host.clientWidth / size)), w: size, h: size,
    chosen: stretch.tiles[zoom.tile],
    paintOne: (context, tile, x, y, w, h) => {
      paint(context, tile, x, y, w, h);
      if (tile.huge > tile.resident / 2 && w > 6)
        frame(context, x, y, w, h, cssColor("--mark"), 1);
    },
    tip: tile => `${bytes(data.tile)} at ${tilePlace(tile)}\n${describe(tile)}`,
    click: tile => zoomTo(stretch.number, tile.index),
  });
}

/* A page's quarters that are not resident are hatched. */
function paintCell(context, cell, x, y, w, h) {
  const resident = cell.size;
  const color = useColor(usedPart(cell));
  for (let q = 0; q < 4; q++) {
    const left = x + Math.round(q * w / 4);
    const right = x + Math.round((q + 1) * w / 4);
    if (cell.quarters >> q & 1) {
      context.fillStyle = color;
      context.fillRect(left, y, right - left, h);
    } else {
      hatch(context, left, y, right - left, h,
        cell.live > 0 ? cssColor("--untouched") : null);
    }
  }
  if (w > 14 && resident > 0) {
    context.fillStyle = cell.quarters === 15 ? inkOn(color)
      : cssColor("--ink");
    context.font = "11px system-ui, sans-serif";
    context.fillText(KINDS[cell.kind] ?? "?", x + 3, y + 12);
  }
  if (cell.huge)
    frame(context, x, y, w, h, cssColor("--mark"), 1);
}

/* The used part is known by the page, the resident one by its quarters. */
function cellFigures(cell, index) {
  const quarters = [0, 1, 2, 3].filter(q => cell.quarters >> q & 1).length;
  const resident = Math.max(quarters * data.page / 4, cell.held);
  return {...cell, index, size: data.page, resident};
}

const PAGE_COLUMNS = 32;

function drawPages() {
  const tile = stretches[zoom.stretch]?.tiles[zoom.tile];
  if (!tile)
    return level("pages");
  const host = level("pages", [make("b", {}, "tile"), " at ",
    tilePlace(tile), ": " + describe(tile)]);
  if (!tile.cells) {
    host.append(make("p", {class: "hint"}, "The pages of this tile are not " +
      "in the report: it holds those of the tiles with most unused memory."));
    return host;
  }
  const cells = tile.cells.map(cellFigures);
  const width = Math.max(8, Math.floor(host.clientWidth / PAGE_COLUMNS));
  drawGrid(host, cells, {
    columns: PAGE_COLUMNS, w: width, h: 22,
    chosen: cells[zoom.page],
    paintOne: paintCell,
    tip: cell => `page at ${cellPlace(tile, cell.index)}: ${cell.kind}\n` +
      `${bytes(cell.resident)} resident, ${bytes(cell.live)} in use, ` +
      `${bytes(cell.cached)} in caches, ${bytes(cell.held)} held for nothing`,
    click: cell => zoomTo(zoom.stretch, zoom.tile, cell.index),
  });
  return host;
}

function cellPlace(tile, index) {
  return place(stretches[tile.stretch].start, (tile.from + index) * data.page);
}

/* Offset of a tile's first cell from the round address below it. */
function tileLead(tile) {
  return tile.index === 0 ? stretches[tile.stretch].lead * data.page : 0;
}

function drawPageObjects() {
  const tile = stretches[zoom.stretch]?.tiles[zoom.tile];
  if (!tile?.cells || zoom.page === null)
    return level("objects");
  const cell = cellFigures(tile.cells[zoom.page], zoom.page);
  const host = level("objects", [make("b", {}, `page of ${cell.kind}`), " at ",
    cellPlace(tile, zoom.page)]);
  if (!tile.objects) {
    host.append(make("p", {class: "hint"}, "The single objects of this tile " +
      "are not in the report; heapinspect vis shows them."));
    return host;
  }
  const lead = tileLead(tile);
  const here = drawObjects(host, tile.objects, lead + zoom.page * data.page,
    offset => place(stretches[tile.stretch].start,
      tile.from * data.page + offset - lead));
  host.firstChild.append(": " + objectsText(here));
  return host;
}

function objectsText(objects) {
  const counts = new Map();
  for (const o of objects)
    counts.set(o.state, (counts.get(o.state) ?? 0) + 1);
  if (counts.size === 0)
    return "no object begins in this tile here; a larger one reaches into it, " +
      "or it is free";
  return [...counts].map(([state, n]) => `${count(n)} ${state}`).join(", ");
}

function crumb(text, go) {
  const button = make("button", {type: "button"}, text);
  button.addEventListener("click", go);
  return button;
}

function drawCrumbs() {
  const nav = byId("crumbs");
  const parts = [crumb("process", () => zoomTo())];
  const stretch = stretches[zoom.stretch];
  const tile = stretch?.tiles[zoom.tile];
  if (stretch)
    parts.push(crumb(`${stretch.name} ${bytes(stretch.size)}`,
      () => zoomTo(zoom.stretch)));
  if (tile)
    parts.push(crumb(`tile ${tilePlace(tile)}`,
      () => zoomTo(zoom.stretch, zoom.tile)));
  if (tile && zoom.page !== null)
    parts.push(crumb(`page ${cellPlace(tile, zoom.page)}`, () => {}));
  nav.replaceChildren(...parts.flatMap((part, i) => i === 0 ? [part]
    : [make("i", {}, "›"), part]));
}

function zoomTo(stretch = null, tile = null, page = null) {
  Object.assign(zoom, {stretch, tile, page});
  hideTip();
  drawMap();
}

function drawMap() {
  drawLegend();
  drawCrumbs();
  drawStrip();
  drawTiles();
  drawPages();
  drawPageObjects();
}

function drawLegend() {
  const ramp = [0, 0.25, 0.5, 0.75, 1].map(part => `${useColor(part)}`);
  const sample = paintSample => {
    const [node, context] = canvas(16, 12);
    paintSample(context);
    return node;
  };
  byId("legend").replaceChildren(
    make("span", {}, "resident, unused", make("i", {style:
      `width:130px;height:12px;background:linear-gradient(90deg,${ramp})`}),
    "all used"),
    make("span", {}, sample(c => hatch(c, 0, 0, 16, 12)),
      "free, not resident"),
    make("span", {}, sample(c => hatch(c, 0, 0, 16, 12,
      cssColor("--untouched"))), "in use, not resident"),
    make("span", {}, sample(c => {
      c.fillStyle = useColor(1);
      c.fillRect(0, 0, 16, 12);
      frame(c, 0, 0, 16, 12, cssColor("--mark"), 1);
    }), "huge page"),
    make("span", {}, make("i", {style: "width:16px;height:12px;background:" +
      stateColor("binned")}), "object in a thread's cache"),
    make("span", {title: Object.entries(KINDS).map(([name, letter]) =>
      `${letter} ${name}`).join(", ")},
    "S slab, A arena, B free, L listed, R run, M mmap"));
}

/* Unused memory beside live objects: whole free pages are easier to get. */
function pinned(tile) {
  return (tile.cells ?? []).reduce((sum, cell) =>
    sum + (cell.live > 0 ? cell.held : 0), 0);
}

/* Where to begin: the tile with most pinned memory, of those shown best. */
function worstTile() {
  const all = stretches.flatMap(stretch => stretch.tiles);
  const known = all.filter(tile => tile.objects);
  return (known.length > 0 ? known : all.filter(tile => tile.cells))
    .reduce((worst, tile) =>
      worst && pinned(worst) >= pinned(tile) ? worst : tile, null);
}

function startMap() {
  unpackMap();
  const tile = worstTile();
  if (tile) {
    const held = tile.cells.map(cell => cell.live > 0 ? cell.held : 0);
    Object.assign(zoom, {stretch: tile.stretch, tile: tile.index,
      page: held.indexOf(Math.max(...held))});
  }
  const tiles = stretches.flatMap(stretch => stretch.tiles)
    .filter(it => it.held > 0).sort((a, b) => b.held - a.held).slice(0, 200);
  showTable("tile-table", [
    {name: "address", value: tilePlace, class: "text"},
    bytesColumn("resident", "resident"),
    bytesColumn("live", "live"),
    bytesColumn("in caches", "cached"),
    bytesColumn("unused", "held", "resident, but of no live object"),
    partColumn("used", usedPart),
    bytesColumn("in huge pages", "huge"),
  ], tiles, {sort: 4, onClick: it => zoomTo(it.stretch, it.index)});
}
