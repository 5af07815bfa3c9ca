/* SPDX-License-Identifier: MIT */
/* Tables: the heat tables, every measure, and sorting by a click. */

const HOT = 4; /* times the best: the darkest shade */
const SHADE = 78; /* per cent of the heat colour there */

/* Cells sort by data-value; empty ones come last, whatever the direction. */
function sortBy(table, column, descending) {
  const body = table.tBodies[0];
  const value = (line) => {
    const text = line.cells[column].dataset.value;
    return text === undefined || text === "" ? null : text;
  };
  const compare = (a, b) => {
    const x = value(a), y = value(b);
    if (x === null || y === null) return (x === null) - (y === null);
    const order = isNaN(x) || isNaN(y) ? x.localeCompare(y) : x - y;
    return descending ? -order : order;
  };
  body.append(...[...body.rows].sort(compare));
  const header = table.tHead.rows[0].cells;
  for (const th of header) th.removeAttribute("aria-sort");
  header[column].setAttribute("aria-sort",
    descending ? "descending" : "ascending");
}

/* lines: arrays of td; titles: strings.  Each title sorts by its column. */
function sortable(titles, lines, attributes) {
  const table = element("table", attributes);
  const header = titles.map((title, column) => {
    const button = element("button", {type: "button",
      title: "sort by this column"}, title);
    const isText = lines[0] && lines[0][column].classList.contains("text");
    const th = element("th", {scope: "col", class: isText ? "text" : null},
      button);
    button.addEventListener("click", () => sortBy(table, column,
      th.getAttribute("aria-sort") === "ascending"));
    return th;
  });
  table.append(element("thead", {}, element("tr", {}, header)),
    element("tbody", {}, lines.map((cells) => element("tr", {}, cells))));
  return element("div", {class: "scroll"}, table);
}

function textCell(text, title) {
  return element("td", {class: text === "liballoc" ? "text ours" : "text",
    "data-value": text, title}, text);
}

function numberCell(text, value, title) {
  return element("td", {"data-value": value ?? "", title}, text ?? "–");
}

function heatCell(row, name, measure, tell) {
  const cell = row.cells[name];
  if (!cell) return numberCell();
  if (cell.status !== "ok") {
    return element("td", {class: "bad", "data-value": "", title: cell.why},
      cell.status);
  }
  const ratio = cell[measure + "_ratio"];
  if (!ratio) return numberCell();
  const level = Math.max(0, Math.min(1, Math.log(ratio) / Math.log(HOT)));
  const best = name !== "floor" && ratio <= 1.0000001;
  const figure = cell[measure];
  return element("td", {class: best ? "ratio best" : "ratio",
    "data-value": ratio, style: `--level:${(level * SHADE).toFixed(0)}`,
    title: `${row.name} / ${name}: ${tell(row, figure.median)}, ` +
      `${tell(row, figure.min)} to ${tell(row, figure.max)}, ` +
      `${figure.n} samples`}, ratio.toFixed(2));
}

function heatTable(rows, measure, tell) {
  return sortable(["workload", ...names], rows.map((row) => [
    textCell(row.name, row.description),
    ...names.map((name) => heatCell(row, name, measure, tell))]),
    {class: "heat", "data-measure": measure});
}

function plain(value, scale) {
  return value === null || value === undefined ? ["–", null]
    : [short(value / scale), value];
}

function callsText(cell) {
  return ["mmap", "munmap", "mremap", "madvise", "brk", "mprotect"]
    .map((call) => `${call} ${cell[call]}`).join(", ");
}

/* What liballoc holds but the program does not, as its statistics tell. */
function fragmentation(cell) {
  const told = cell.own_account;
  if (!told) return ["–", null];
  const free = told.free_in_slabs_kib + told.in_bins_kib + told.free_chunks_kib;
  return [mebibytes(free), free, `free in slabs ${mebibytes(
    told.free_in_slabs_kib)}, in bins ${mebibytes(told.in_bins_kib)}, in ` +
    `chunks ${mebibytes(told.free_chunks_kib)}, dirty pages ${mebibytes(
      told.dirty_kib)}, metadata ${mebibytes(told.metadata_kib)}`];
}

/* A column: title, function of row and cell to [text, value, title]. */
const COLUMNS = [
  ["time", (row, c) => [timeText(row, c.time.median), c.time.median]],
  ["min – max", (row, c) => [
    `${timeText(row, c.time.min)} – ${timeText(row, c.time.max)}`,
    c.time.max - c.time.min]],
  ["MAD", (row, c) => [timeText(row, c.time.mad), c.time.mad]],
  ["n", (row, c) => [String(c.time.n), c.time.n]],
  ["× best", (row, c) => plain(c.time_ratio, 1)],
  ["× floor", (row, c) => plain(c.time_of_floor, 1)],
  ["ops/s", (row, c) => plain(c.ops_per_second, 1)],
  ["user s", (row, c) => plain(c.user_us, 1e6)],
  ["sys s", (row, c) => plain(c.sys_us, 1e6)],
  ["peak", (row, c) => [mebibytes(c.peak.median), c.peak.median]],
  ["RSS after idle", (row, c) => [mebibytes(c.rss_idle_kib), c.rss_idle_kib]],
  ["faults", (row, c) => plain(c.faults, 1)],
  ["major", (row, c) => plain(c.major_faults, 1)],
  ["system calls", (row, c) => [...plain(c.syscalls, 1), callsText(c)]],
  ["instructions/op", (row, c) => plain(c.instructions, 1)],
  ["free but held at the end", (row, c) => fragmentation(c)],
];

/* Columns that nobody has a figure for are left out. */
function measuredColumns() {
  const cells = model.rows.flatMap((row) => Object.values(row.cells)
    .filter((cell) => cell.time && cell.peak).map((cell) => [row, cell]));
  return COLUMNS.filter(([, get]) => cells.some(([row, cell]) =>
    (get(row, cell)[1] ?? null) !== null));
}

function measureLine(row, name, columns) {
  const cell = row.cells[name];
  const begin = [textCell(row.name, row.description), textCell(name)];
  if (!cell.time || !cell.peak) {
    return [...begin, element("td", {class: "bad text", "data-value": ""},
      `${cell.status}: ${cell.why}`),
      ...columns.slice(1).map(() => numberCell(""))];
  }
  return [...begin, ...columns.map(([, get]) => {
    const [text, value, title] = get(row, cell);
    return numberCell(text, value, (value ?? null) === null ? null : title);
  })];
}

function allMeasures() {
  const columns = measuredColumns();
  const lines = model.rows.flatMap((row) => names.filter((name) =>
    row.cells[name]).map((name) => measureLine(row, name, columns)));
  return sortable(["workload", "allocator", ...columns.map((c) => c[0])],
    lines, {id: "measures"});
}

function latencyTable() {
  const lines = rowsWith("latency").flatMap((row) =>
    present(row, "latency").flatMap((name) =>
      Object.entries(row.cells[name].latency).map(([call, told]) => [
        textCell(row.name), textCell(name), textCell(call),
        ...["p50", "p99", "p999", "max"].map((key) =>
          numberCell(nanoseconds(told[key]), told[key]))])));
  return lines.length ? element("details", {}, element("summary", {},
    "Latency in numbers"), sortable(["workload", "allocator", "call", "p50",
    "p99", "p99.9", "max"], lines)) : null;
}
