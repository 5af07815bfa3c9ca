/* SPDX-License-Identifier: MIT */
/* The ledger, bars, and the heat table of threads and size classes. */
"use strict";

const NEEDED = ["live", "overhead", "metadata"];

function ledgerRows() {
  const needed = row => NEEDED.includes(row.name);
  return [...data.ledger.filter(needed),
    ...data.ledger.filter(row => !needed(row))];
}

/* One bar: needed from the left, the rest behind a gap. */
function drawLedgerBar() {
  const width = byId("ledger-bar").clientWidth;
  const height = 62;
  const rows = ledgerRows().filter(row => row.resident > 0);
  const total = d3.sum(rows, row => row.resident);
  const gap = 6;
  const x = d3.scaleLinear([0, total || 1], [0, width - gap]);
  let at = 0;
  const parts = rows.map(row => {
    const shift = NEEDED.includes(row.name) ? 0 : gap;
    const part = {row, x: x(at) + shift, w: x(at + row.resident) - x(at)};
    at += row.resident;
    return part;
  });
  const svg = d3.create("svg").attr("width", width).attr("height", height)
    .attr("role", "img").attr("aria-label", data.headline);
  const groups = svg.selectAll("g").data(parts).join("g")
    .on("mousemove", (event, d) => showTip(event,
      `${d.row.name}: ${bytes(d.row.resident)}, ` +
      `${percent(d.row.resident, total)}\n${d.row.meaning}`))
    .on("mouseleave", hideTip);
  groups.append("rect").attr("x", d => d.x).attr("y", 0)
    .attr("width", d => Math.max(d.w, 1)).attr("height", 34)
    .attr("fill", d => shareColor(d.row.name));
  const wide = groups.filter(d => d.w > 8 + 7 * d.row.name.length);
  wide.append("text").attr("x", d => d.x + 6).attr("y", 22)
    .attr("font-weight", 600)
    .style("fill", d => inkOn(d3.color(shareColor(d.row.name)).formatRgb()))
    .text(d => bytes(d.row.resident));
  wide.append("text").attr("x", d => d.x + 2).attr("y", 50)
    .text(d => d.row.name);
  byId("ledger-bar").replaceChildren(svg.node());
}

function showLedger() {
  const total = data.ledger.reduce((sum, row) => sum + row.resident, 0);
  showTable("ledger-table", [
    {...textColumn("what", "name"), swatch: row => shareColor(row.name)},
    bytesColumn("resident", "resident", "memory that the kernel holds for it"),
    partColumn("of all", row => row.resident / (total || 1)),
    bytesColumn("addresses", "bytes", "resident or not"),
    countColumn("count", "count"),
    {name: "meaning", value: row => row.meaning, class: "text wide"},
  ], ledgerRows());
  byId("ledger-table").append(make("p", {class: "hint"},
    `Together ${bytes(total)}; the kernel counts ${bytes(data.heap_rss)} for ` +
    `these mappings: ${(100 * data.residue).toFixed(2)} % unexplained.`));
}

/* An axis with round binary sizes. */
function bytesAxis(y, most, width) {
  const step = 2 ** Math.ceil(Math.log2(Math.max(most, 4) / 4));
  return d3.axisLeft(y).tickValues(d3.range(0, most, step))
    .tickFormat(n => bytes(n).replace(".0 ", " ")).tickSize(-width);
}

/*
 * Stacked bars, live below and the rest above: rows of {label, live, rest,
 * tip}.
 */
function drawBars(host, rows, {width, height = 190, label = ""}) {
  const margin = {left: 62, right: 4, top: 8, bottom: 34};
  const most = d3.max(rows, row => row.live + row.rest) || 1;
  const x = d3.scaleBand(rows.map((row, i) => i),
    [margin.left, width - margin.right]).padding(0.15);
  const y = d3.scaleLinear([0, most], [height - margin.bottom, margin.top]);
  const svg = d3.create("svg").attr("width", width).attr("height", height);
  svg.append("g").attr("transform", `translate(${margin.left},0)`)
    .call(bytesAxis(y, most, width));
  const bar = (from, to, color) => svg.append("g").selectAll("rect").data(rows)
    .join("rect").attr("x", (row, i) => x(i)).attr("width", x.bandwidth())
    .attr("y", row => y(to(row)))
    .attr("height", row => y(from(row)) - y(to(row))).attr("fill", color)
    .on("mousemove", (event, row) => showTip(event, row.tip))
    .on("mouseleave", hideTip);
  bar(() => 0, row => row.live, useColor(1));
  bar(row => row.live, row => row.live + row.rest, useColor(0));
  svg.append("g").selectAll("text").data(rows).join("text")
    .attr("class", "soft").attr("text-anchor", "middle")
    .attr("x", (row, i) => x(i) + x.bandwidth() / 2)
    .attr("y", height - margin.bottom + 15).text(row => row.label);
  svg.append("text").attr("class", "soft").attr("text-anchor", "middle")
    .attr("x", (margin.left + width) / 2).attr("y", height - 3).text(label);
  host.append(svg.node());
}

function drawHolds() {
  const host = byId("holds-chart");
  host.replaceChildren();
  drawBars(host, data.holds.map(row => ({
    label: row.objects,
    live: row.resident - row.held,
    rest: row.held,
    tip: `${count(row.pages)} pages with ${row.objects} live objects:\n` +
      `${bytes(row.resident)} resident, ${bytes(row.held)} of it unused`,
  })), {width: host.clientWidth, label: "live objects in a page of 16 KiB"});
}

function showHolds() {
  showTable("holds-table", [
    {name: "live objects in it", value: row => row.objects, class: "text"},
    countColumn("pages", "pages"),
    countColumn("objects", "count"),
    bytesColumn("resident", "resident"),
    bytesColumn("not live", "held", "goes back if these objects were not here"),
  ], data.holds);
}

const DECILE_UNITS = [["pages", "system pages"], ["tiles", "2 MiB"],
  ["slabs", "slabs"]];

function decileName(i) {
  return i === 0 ? "0 %" : `–${i * 10}`;
}

function drawDeciles() {
  const host = byId("deciles-chart");
  host.replaceChildren();
  for (const [key, name] of DECILE_UNITS) {
    drawBars(host, data.deciles[key].map(([units, resident, live], i) => ({
      label: i === 0 ? "0" : String(i * 10),
      live,
      rest: resident - live,
      tip: `${count(units)} ${name}, ${decileName(i)} live:\n` +
        `${bytes(resident)} resident, ${bytes(live)} live`,
    })), {width: host.clientWidth, height: 118, label: `${name}: % live`});
  }
}

function showDeciles() {
  const rows = [...Array(11).keys()].map(i => Object.fromEntries([["i", i],
    ...DECILE_UNITS.flatMap(([key]) => [
      [key, data.deciles[key][i][0]], [key + "_bytes", data.deciles[key][i][1]],
    ])]));
  showTable("deciles-table", [
    {name: "live", value: row => row.i, show: decileName, class: "text"},
    ...DECILE_UNITS.flatMap(([key, name]) => [
      countColumn(name, key), bytesColumn("resident", key + "_bytes"),
    ]),
  ], rows);
}

function drawBuddy() {
  const host = byId("buddy-chart");
  const width = Math.min(host.clientWidth, 760);
  const height = 170;
  const margin = {left: 62, right: 4, top: 18, bottom: 34};
  const rows = data.buddy;
  const x = d3.scaleBand(rows.map(row => row.order),
    [margin.left, width - margin.right]).padding(0.15);
  const most = d3.max(rows, row => row.bytes) || 1;
  const y = d3.scaleLinear([0, most], [height - margin.bottom, margin.top]);
  const svg = d3.create("svg").attr("width", width).attr("height", height);
  svg.append("g").attr("transform", `translate(${margin.left},0)`)
    .call(bytesAxis(y, most, width));
  const groups = svg.selectAll("g.order").data(rows).join("g")
    .on("mousemove", (event, row) => showTip(event,
      `${count(row.blocks)} free blocks of ${bytes(row.size)}: ` +
      `${bytes(row.bytes)}\n${bytes(row.resident)} of it resident\n` +
      `${percent(row.unusable, 1)} of the free memory is in smaller blocks`))
    .on("mouseleave", hideTip);
  groups.append("rect").attr("x", row => x(row.order))
    .attr("width", x.bandwidth()).attr("y", row => y(row.bytes))
    .attr("height", row => y(0) - y(row.bytes)).attr("fill", "none")
    .attr("stroke", cssColor("--soft"));
  groups.append("rect").attr("x", row => x(row.order))
    .attr("width", x.bandwidth()).attr("y", row => y(row.resident))
    .attr("height", row => y(0) - y(row.resident)).attr("fill", useColor(0));
  groups.append("text").attr("class", "soft").attr("text-anchor", "middle")
    .attr("x", row => x(row.order) + x.bandwidth() / 2).attr("y", 12)
    .text(row => percent(row.unusable, 1));
  groups.append("text").attr("class", "soft").attr("text-anchor", "middle")
    .attr("x", row => x(row.order) + x.bandwidth() / 2)
    .attr("y", height - margin.bottom + 15)
    .text(row => bytes(row.size).replace(".0 ", " ").replace("iB", ""));
  svg.append("text").attr("class", "soft").attr("text-anchor", "middle")
    .attr("x", (margin.left + width) / 2).attr("y", height - 3)
    .text("size of a block; above: unusable for it");
  host.replaceChildren(svg.node());
}

function showBuddy() {
  showTable("buddy-table", [
    countColumn("order", "order"),
    bytesColumn("block", "size"),
    countColumn("blocks", "blocks"),
    bytesColumn("free", "bytes"),
    bytesColumn("resident", "resident", "free, and still paid for"),
    partColumn("unusable", row => row.unusable,
      "part of the free memory in blocks too small for this order"),
  ], data.buddy);
}

const MATRIX_THREADS = 16;

/* Size classes by doublings: the upper end of the one that `size` is in. */
function doubling(size) {
  return 2 ** Math.ceil(Math.log2(size));
}

function matrixCell(sum, title) {
  if (!sum || sum.memory === 0)
    return make("td", {class: "none"}, "·");
  const color = useColor(sum.live / sum.memory);
  return make("td", {
    style: `background:${color};color:${inkOn(color)}`,
    title: `${title}: ${bytes(sum.memory)}, ${bytes(sum.live)} live, ` +
      `${bytes(sum.cached)} in caches`,
  }, bytes(sum.memory), make("small", {}, percent(sum.live, sum.memory)));
}

/* doubling -> {memory, live, cached} of a heap's slabs, or of all. */
function matrixRow(heaps) {
  const ids = new Set(heaps.map(heap => heap.id));
  const row = new Map([[0, {memory: 0, live: 0, cached: 0}]]);
  for (const heap of heaps) {
    row.get(0).memory += heap.arena;
    row.get(0).live += heap.arena_live;
    row.get(0).cached += heap.chunks_cached;
  }
  for (const [id, size, memory, live, cached] of data.classes) {
    if (!ids.has(id))
      continue;
    const sum = row.get(doubling(size)) ?? {memory: 0, live: 0, cached: 0};
    sum.memory += memory;
    sum.live += live;
    sum.cached += cached;
    row.set(doubling(size), sum);
  }
  return row;
}

function showMatrix() {
  const ends = [0, ...[...new Set(data.classes.map(row => doubling(row[1])))]
    .sort((a, b) => a - b)];
  const title = end => end === 0 ? "arena"
    : "≤ " + bytes(end).replace(".0 ", " ");
  const table = make("table", {class: "matrix"}, make("thead", {},
    make("tr", {}, make("th", {class: "text"}, "thread"),
      ...ends.map(end => make("th", {}, title(end))))));
  const heaps = data.heaps.slice(0, MATRIX_THREADS);
  const lines = [...heaps.map(heap => [heapName(heap), [heap]]),
    ["all", data.heaps]];
  for (const [name, some] of lines) {
    const row = matrixRow(some);
    table.append(make("tr", {}, make("th", {class: "text", scope: "row"},
      name), ...ends.map(end => matrixCell(row.get(end),
      `${title(end)} of ${name}`))));
  }
  byId("matrix-table").replaceChildren(make("div", {class: "scroll"}, table));
  if (data.heaps.length > heaps.length)
    byId("matrix-table").append(make("p", {class: "hint"},
      `… ${data.heaps.length - heaps.length} more threads in the table below`));
}

function heapName(heap) {
  const who = heap.name || (heap.tid ? "tid" : heap.state);
  return `${heap.id} ${who}${heap.tid ? " " + heap.tid : ""}`;
}
