/* SPDX-License-Identifier: MIT */
/* Puts the page together; draws it anew for another theme or width. */
"use strict";

const WORTH_SAYING = 0.02; /* of the heap: advice below it is small print */
const MUCH_RESIDUE = 0.01; /* of the heap: the figures miss that much of it */

function showHeader() {
  const who = data.pid ? `${data.program} (pid ${data.pid})` : data.program;
  document.title = `heap of ${who}`;
  byId("title").textContent = who;
  byId("meta").textContent = `heap report · ${data.time} · ${data.kind}` +
    (data.stop_ms > 0 ? ` (${data.stop_ms.toFixed(1)} ms)` : "") +
    ` · ${bytes(data.rss)} resident in the process, ` +
    `${bytes(data.heap_rss)} of it the heap's`;
}

/* "63546 objects" with its digits in groups. */
function grouped(text) {
  return text.replace(/(?<![\w.])\d{5,}(?=[ .,;])/g, n => count(Number(n)));
}

/* Sizes in the sentence are what the eye looks for. */
function showHeadline() {
  const parts = data.headline.split(/(\d[\d.]* (?:[KMGTP]iB|B))/);
  let seen = 0; /* live is blue, what could go orange */
  byId("headline").replaceChildren(...parts.map((part, i) => {
    if (i % 2 === 0)
      return grouped(part);
    seen++;
    return make("b", {class: seen > 2 ? "waste" : ""}, part);
  }));
}

/* Figures that are off say so before they are read. */
function showCaution() {
  const found = data.ledger.reduce((sum, row) => sum + row.resident, 0);
  const caution = byId("caution");
  caution.hidden = !(data.torn > 0 || data.residue > MUCH_RESIDUE);
  caution.textContent = "These figures are rough: the process changed its " +
    `heap while it was read. They account for ${bytes(found)} of the ` +
    `${bytes(data.heap_rss)} that the kernel counts; with --stop the process ` +
    "stands still for the time of a copy.";
}

function showAdvice() {
  const list = byId("advice");
  const sorted = [...data.advice].sort((a, b) => b.bytes - a.bytes);
  const worth = it => it.bytes > data.heap_rss * WORTH_SAYING;
  list.replaceChildren();
  if (!sorted.some(worth))
    list.append(make("li", {}, make("b", {}, "nothing"),
      make("span", {}, "No single cause holds more than 2 % of the heap: " +
        "what is resident is in use.")));
  for (const it of sorted.filter(one => one.bytes > 0))
    list.append(make("li", {class: worth(it) ? "" : "small"},
      make("b", {}, bytes(it.bytes)), make("span", {}, grouped(it.text))));
}

function showTables() {
  const bySize = new Map();
  for (const [, size, memory, live, cached, slabs, full, partial, empty] of
    data.classes) {
    const sum = bySize.get(size) ?? {size, memory: 0, live: 0, cached: 0,
      slabs: 0, full: 0, partial: 0, empty: 0};
    const row = {memory, live, cached, slabs, full, partial, empty};
    for (const [key, value] of Object.entries(row))
      sum[key] += value;
    bySize.set(size, sum);
  }
  showTable("slabs-table", [
    bytesColumn("object", "size"), countColumn("slabs", "slabs"),
    bytesColumn("memory", "memory"), bytesColumn("live", "live"),
    bytesColumn("in caches", "cached"),
    partColumn("used", row => row.live / row.memory),
    countColumn("full", "full"), countColumn("partial", "partial"),
    countColumn("empty", "empty"),
  ], [...bySize.values()], {sort: 2});
  const who = {name: "thread", value: heapName, class: "text"};
  showTable("threads-table", [
    who, textColumn("state", "state"), bytesColumn("slabs", "slabs"),
    bytesColumn("live in them", "slab_live"), bytesColumn("bins", "binned"),
    bytesColumn("chunks in bins", "chunks_cached"),
    bytesColumn("page list", "listed"), bytesColumn("sending", "sending"),
  ], data.heaps, {sort: 2});
  showTable("arenas-table", [
    who, bytesColumn("memory", "arena"), bytesColumn("in use", "arena_live"),
    partColumn("used", row => row.arena ? row.arena_live / row.arena : 0),
    bytesColumn("free chunks", "free_chunks"), bytesColumn("top", "top"),
  ], data.heaps.filter(heap => heap.arena > 0), {sort: 1});
  showTable("caches-table", [
    textColumn("name", "name"), bytesColumn("object", "size"),
    countColumn("live", "live"), countColumn("slabs", "slabs"),
  ], data.caches, {sort: 3});
  showTable("vmas-table", [
    textColumn("start", "start"), bytesColumn("size", "size"),
    bytesColumn("rss", "rss"), bytesColumn("live", "live"),
    bytesColumn("unused", "held"), bytesColumn("swap", "swap"),
    bytesColumn("huge", "thp"), bytesColumn("lazyfree", "lazyfree"),
    textColumn("perm", "perm"), textColumn("name", "name"),
    textColumn("the heap's", "region"),
  ], data.vmas, {sort: 2});
}

function showPins() {
  showTable("pins-table", [
    textColumn("object", "address"), bytesColumn("size", "size"),
    bytesColumn("would go", "gain", "memory that goes back per object"),
    textColumn("holds a", "unit"), bytesColumn("resident", "resident"),
    countColumn("with others", "objects", "live objects of the slab or page"),
    countColumn("heap", "heap"),
  ], data.pins, {sort: 2, rows: 10});
  showTable("pin-groups-table", [
    {name: "size class", value: row => row.size, show: bytes},
    countColumn("heap", "heap"), countColumn("objects", "objects"),
    bytesColumn("of size", "bytes"),
    bytesColumn("hold free", "pinned", "goes back if all of them go"),
  ], data.pin_groups, {sort: 4, rows: 10});
}

function showTrust() {
  const lines = [`heapinspect ${data.version}. No contents of memory are in ` +
    "this page, and it loads nothing."];
  lines.push(data.torn || data.unverified
    ? `${data.torn} structures changed while they were read; ` +
      `${count(data.unverified)} pages and chunks are not verified.`
    : "All that was read is consistent.");
  if (!data.knows_residency)
    lines.push("Which pages were resident is not known: all count as such.");
  if (data.left_out.length > 0)
    lines.push("Not in this page, to keep it small: " +
      data.left_out.join("; ") + ".");
  byId("trust").replaceChildren(...[...lines, ...data.warnings]
    .map(line => make("div", {}, line)));
}

/* All whose colours depend on the theme. */
function draw() {
  showLedger();
  showMatrix();
  drawFlame();
  if (!window.d3)
    return;
  drawLedgerBar();
  drawMap();
  drawHolds();
  drawDeciles();
  drawBuddy();
}

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").textContent = name === "dark" ? "light" : "dark";
  draw();
}

function start() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  showHeader();
  showCaution();
  showHeadline();
  showAdvice();
  showTables();
  showPins();
  showHolds();
  showDeciles();
  showBuddy();
  showTrust();
  startFlame(data.flame);
  if (window.d3) {
    startMap();
  } else {
    document.body.classList.add("plain");
    byId("no-pictures").hidden = false;
  }
  setTheme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => setTheme(dark.matches ? "dark"
    : "light"));
  byId("theme").addEventListener("click", () => setTheme(theme() === "dark"
    ? "light" : "dark"));
  byId("print").addEventListener("click", () => window.print());
  let before = theme();
  window.addEventListener("beforeprint", () => {
    before = theme();
    setTheme("light");
    for (const node of document.querySelectorAll("details"))
      node.open = true;
  });
  window.addEventListener("afterprint", () => setTheme(before));
  let width = innerWidth;
  window.addEventListener("resize", () => {
    if (innerWidth !== width)
      draw();
    width = innerWidth;
  });
}

start();
