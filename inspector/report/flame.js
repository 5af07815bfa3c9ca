/* SPDX-License-Identifier: MIT */
/*
 * The flame graph: stacks of sampled allocations, the outermost function on
 * top.  One set of frames, several weights; of two targets, what changed.
 */
"use strict";

const FLAME_ROW = 19;
const FLAME_LEAST = 0.5; /* pixels: narrower frames are not drawn */
const FLAME_LETTER = 7;

let flame = null; /* data.flame, and what the user chose */

function flameValue(node) {
  return node.values[flame.metric];
}

function flameBefore(node) {
  return flame.before ? node.before[flame.metric] : 0;
}

/* As wide as the larger of the two: what is gone is seen as well. */
function flameWidth(node) {
  return Math.max(flameValue(node), flameBefore(node));
}

function flameShow(n) {
  return flame.metrics[flame.metric].bytes ? bytes(n) : count(n);
}

function startFlame(source) {
  const section = byId("flame");
  if (!source) {
    section.hidden = true;
    return;
  }
  const nodes = source.nodes.map(([name, parent, ...values], i) => ({
    name: source.names[name], parent, values, children: [], depth: 0,
    before: source.before ? source.before[i] : null}));
  nodes.slice(1).forEach(node => {
    node.depth = nodes[node.parent].depth + 1;
    nodes[node.parent].children.push(node);
  });
  const wanted = source.metrics.findIndex(m => m.key === "inuse_space");
  flame = {...source, nodes, metric: wanted, root: nodes[0], search: null};
  flameControls();
}

/* Metric, search, back. */
function flameControls() {
  const select = make("select", {id: "flame-metric",
    "aria-label": "what the width means"});
  flame.metrics.forEach((metric, i) => {
    const option = make("option", {value: i}, metric.meaning);
    option.disabled = !metric.known;
    select.append(option);
  });
  select.value = flame.metric;
  select.addEventListener("change", () => {
    flame.metric = Number(select.value);
    drawFlame();
  });
  const search = make("input", {id: "flame-search", type: "search",
    placeholder: "search functions", "aria-label": "search functions"});
  search.addEventListener("input", () => {
    flame.search = search.value.toLowerCase() || null;
    drawFlame();
  });
  const all = make("button", {id: "flame-all", type: "button"}, "all");
  all.addEventListener("click", () => flameZoom(flame.nodes[0]));
  byId("flame-graph").replaceChildren(
    make("p", {class: "controls"}, select, search, all,
      make("span", {id: "flame-sum"})),
    make("div", {id: "flame-frames"}));
}

function flameZoom(node) {
  flame.root = node;
  drawFlame();
}

function flameMatches(node) {
  return flame.search !== null &&
    node.name.toLowerCase().includes(flame.search);
}

/* Red grew, blue shrank; else warm tones by name, so that equals look so. */
function flameColor(node) {
  const dark = theme() === "dark";
  if (flameMatches(node))
    return dark ? "rgb(190, 90, 220)" : "rgb(214, 120, 240)";
  if (flame.before) {
    const change = flameValue(node) - flameBefore(node);
    const part = Math.abs(change) / (flameWidth(node) || 1);
    const from = dark ? [74, 80, 88] : [226, 226, 220];
    const to = change >= 0 ? [217, 91, 0] : [63, 143, 232];
    const mix = from.map((c, i) => Math.round(c + (to[i] - c) * part));
    return `rgb(${mix.join(", ")})`;
  }
  let hash = 0;
  for (let i = 0; i < node.name.length; i++)
    hash = (hash * 31 + node.name.charCodeAt(i)) >>> 0;
  const light = dark ? 150 : 190;
  return `rgb(${light + 20 + hash % 36}, ${light - 50 + (hash >> 6) % 60}, ` +
    `${dark ? 60 : 90})`;
}

function flameTip(node) {
  const value = flameValue(node);
  const lines = [node.name,
    `${flameShow(value)}, ${percent(value, flameValue(flame.nodes[0]))}`];
  if (flame.before) {
    const change = value - flameBefore(node);
    lines.push(`before: ${flameShow(flameBefore(node))}, ` +
      `${change < 0 ? "\u2212" : "+"}${flameShow(Math.abs(change))}`);
  }
  return lines.join("\n");
}

const SVG_NAMES = "http://www.w3.org/2000/svg";

function svgNode(tag, attributes) {
  const node = document.createElementNS(SVG_NAMES, tag);
  for (const [key, value] of Object.entries(attributes))
    node.setAttribute(key, value);
  return node;
}

function drawFrame(svg, node, x, y, width) {
  const color = flameColor(node);
  const group = svgNode("g", {class: "frame", tabindex: "0"});
  group.append(svgNode("rect", {x, y, width: Math.max(width - 0.5, 0.3),
    height: FLAME_ROW - 1, fill: color}));
  if (width > 4 * FLAME_LETTER) {
    const text = svgNode("text", {x: x + 3, y: y + FLAME_ROW - 6});
    const letters = Math.floor((width - 6) / FLAME_LETTER);
    text.style.fill = inkOn(color);
    text.textContent = node.name.length > letters
      ? node.name.slice(0, letters - 1) + "\u2026" : node.name;
    group.append(text);
  }
  group.setAttribute("aria-label", flameTip(node));
  group.addEventListener("mousemove", event => showTip(event, flameTip(node)));
  group.addEventListener("mouseleave", hideTip);
  group.addEventListener("click", () => flameZoom(node));
  group.addEventListener("keydown", event => {
    if (event.key === "Enter")
      flameZoom(node);
  });
  svg.append(group);
}

/* Callers of the root across the whole width, then what it calls. */
function drawFlame() {
  if (!flame)
    return;
  const frames = byId("flame-frames");
  const width = frames.clientWidth || 960;
  const svg = svgNode("svg", {width, role: "img",
    "aria-label": "flame graph"});
  const callers = [];
  for (let node = flame.root; node !== flame.nodes[0];) {
    node = flame.nodes[node.parent];
    callers.unshift(node);
  }
  callers.forEach((node, i) => drawFrame(svg, node, 0, i * FLAME_ROW, width));
  const scale = width / (flameWidth(flame.root) || 1);
  let deepest = 0;
  const open = [[flame.root, 0]];
  while (open.length > 0) {
    const [node, x] = open.pop();
    const wide = flameWidth(node) * scale;
    if (wide < FLAME_LEAST)
      continue;
    drawFrame(svg, node, x, node.depth * FLAME_ROW, wide);
    deepest = Math.max(deepest, node.depth);
    let at = x;
    const sorted = [...node.children].sort(
      (a, b) => flameWidth(b) - flameWidth(a));
    for (const child of sorted) {
      open.push([child, at]);
      at += flameWidth(child) * scale;
    }
  }
  svg.setAttribute("height", (deepest + 1) * FLAME_ROW + 4);
  frames.replaceChildren(svg);
  showFlameSum();
  showFlameTable();
}

/* Of a search: what its functions and all they call hold together. */
function flameFound() {
  let sum = 0;
  const open = [flame.root];
  while (open.length > 0) {
    const node = open.pop();
    if (flameMatches(node))
      sum += flameValue(node);
    else
      open.push(...node.children);
  }
  return sum;
}

function showFlameSum() {
  const value = flameValue(flame.root);
  let text = flameShow(value);
  if (flame.search !== null) {
    const found = flameFound();
    text = `${flameShow(found)} of ${text} (${percent(found, value)}) found`;
  }
  byId("flame-sum").textContent = text;
}

/* What each function allocates itself, below the root. */
function showFlameTable() {
  const rows = new Map();
  const open = [flame.root];
  while (open.length > 0) {
    const node = open.pop();
    const row = rows.get(node.name) ?? {name: node.name, self: 0, before: 0};
    row.self += flameValue(node);
    row.before += flameBefore(node);
    for (const child of node.children) {
      row.self -= flameValue(child);
      row.before -= flameBefore(child);
    }
    rows.set(node.name, row);
    open.push(...node.children);
  }
  const list = [...rows.values()].filter(row => row.self || row.before);
  const columns = [textColumn("function", "name"),
    {name: "itself", value: row => row.self, show: flameShow}];
  if (flame.before)
    columns.push({name: "before", value: row => row.before, show: flameShow},
      {name: "change", value: row => row.self - row.before,
        show: n => (n < 0 ? "\u2212" : "+") + flameShow(Math.abs(n))});
  showTable("flame-table", columns, list,
    {sort: flame.before ? 3 : 1, rows: 15});
}
