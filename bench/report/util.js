/* SPDX-License-Identifier: MIT */
/* Elements, numbers, and how each allocator is drawn. */

const model = JSON.parse(document.getElementById("model").textContent);
const haveCharts = typeof Plot !== "undefined" && typeof d3 !== "undefined";

/* Okabe and Ito's palette, and a symbol each: colour is never the only sign. */
const STYLES = {
  "liballoc": ["#d55e00", "star"],
  "liballoc-classic": ["#e69f00", "triangle"],
  "liballoc-hardened": ["#8f4a12", "diamond"],
  "glibc": ["#8b8d92", "square"],
  "jemalloc": ["#1878bd", "circle"],
  "mimalloc": ["#009e73", "diamond2"],
  "tcmalloc": ["#56b4e9", "hexagon"],
  "tbbmalloc": ["#cc79a7", "wye"],
  "scudo": ["#a89a00", "plus"],
  "floor": ["currentColor", "times"],
};
const SPARE = [["#7b5cd6", "asterisk"], ["#4d6b2c", "triangle2"],
               ["#b0306a", "square2"]];

const names = model.names;
const styles = Object.fromEntries(names.map((name, i) =>
  [name, STYLES[name] || SPARE[i % SPARE.length]]));
const colors = names.map((name) => styles[name][0]);

/* element("td", {class: "text"}, child or text, ...) */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) made.append(child);
  }
  return made;
}

/* Three digits or so: 5.75, 83.1, 1702, 4.1M. */
function short(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e9) return (value / 1e9).toFixed(1) + "G";
  if (size >= 1e6) return (value / 1e6).toFixed(1) + "M";
  if (size >= 100) return Math.round(value).toString();
  return size < 10 ? value.toFixed(2) : value.toFixed(1);
}

function nanoseconds(value) {
  if (value >= 1e9) return short(value / 1e9) + " s";
  if (value >= 1e6) return short(value / 1e6) + " ms";
  if (value >= 1e3) return short(value / 1e3) + " µs";
  return short(value) + " ns";
}

function mebibytes(kib) {
  return kib === null || kib === undefined ? "–" : short(kib / 1024) + " MiB";
}

/* A row's time in the unit it is told in. */
function timeText(row, value) {
  return row.unit === "s" ? nanoseconds(value) : short(value) + " ns";
}

function heading(text, note) {
  const id = text.toLowerCase().replace(/[^a-z]+/g, "-");
  return [element("h2", {id}, text),
    note ? element("p", {class: "soft"}, note) : null];
}

/* Allocators that have this measure in the row, in the usual order. */
function present(row, measure) {
  return names.filter((name) => row.cells[name] && row.cells[name][measure]);
}

/* Rows in which somebody has it. */
function rowsWith(measure) {
  return model.rows.filter((row) => present(row, measure).length > 0);
}

const STROKED = new Set(["plus", "times", "asterisk"]);
const HEXAGON = {draw(context, size) {
  const r = Math.sqrt(size / 2.598); /* a hexagon's area is 2.598 r² */
  for (let i = 0; i < 6; i++) {
    const angle = Math.PI / 3 * i;
    context[i ? "lineTo" : "moveTo"](r * Math.cos(angle), r * Math.sin(angle));
  }
  context.closePath();
}};

function symbolType(name) {
  const kind = styles[name][1];
  return kind === "hexagon" ? HEXAGON
    : d3["symbol" + kind[0].toUpperCase() + kind.slice(1)];
}

function isStroked(name) {
  return STROKED.has(styles[name][1]);
}

function symbolMark(name) {
  const svg = d3.create("svg").attr("width", 14).attr("height", 14)
    .attr("viewBox", "-7 -7 14 14").attr("aria-hidden", "true");
  svg.append("path").attr("d", d3.symbol(symbolType(name), 60)())
    .attr("fill", isStroked(name) ? "none" : styles[name][0])
    .attr("stroke", styles[name][0])
    .attr("stroke-width", isStroked(name) ? 2 : 0.5);
  return svg.node();
}

function legend() {
  return element("div", {class: "legend", role: "list"}, names.map((name) => {
    const mark = haveCharts ? symbolMark(name)
      : element("b", {style: `color:${styles[name][0]}`}, "■");
    return element("span", {role: "listitem"}, mark, name);
  }));
}
