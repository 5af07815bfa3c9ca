/* SPDX-License-Identifier: MIT */
/* The page from top to bottom. */

const timed = model.rows.filter((row) => !row.memory);
const only = timed.length === 1 ? timed[0] : null;
const GRAVE = new Set(["NOT LOADED", "CRASHED", "TIMEOUT", "FAILED",
  "IMPLAUSIBLE", "CALLS MISSING", "MISALIGNED", "INTERRUPTED"]);
const RARE = 1e4; /* allocations a second: the allocator hardly matters */

function chart(title, made) {
  return made ? element("figure", {}, title ? element("h4", {}, title) : null,
    made) : null;
}

function header() {
  const machine = model.machine;
  const when = machine.date.slice(0, 16).replace("T", " ");
  return [element("h1", {}, model.title), element("p", {class: "soft"},
    `${when} · ${machine.cpus} × ${machine.cpu} · Linux ${machine.kernel} · ` +
    `THP ${machine.thp} · ${model.passes} passes` +
    (model.interrupted ? " · interrupted" : ""))];
}

function notesList() {
  const grave = model.notes.some(([kind]) => GRAVE.has(kind));
  const items = model.notes.map(([kind, text]) => element("li", {},
    element("span", {class: GRAVE.has(kind) ? "badge bad" : "badge"}, kind),
    text));
  return [grave ? null : element("p", {class: "fine"},
    "Every allocator was proven loaded, and no run failed."),
    element("ul", {class: "notes small", id: "notes"}, items)];
}

function meanCell(value, figure, tell) {
  const detail = only && figure ? ` (${tell(figure.median)})` : "";
  return numberCell(value ? `${value.toFixed(2)} ×${detail}` : "–", value);
}

function nearCells(stand) {
  if (!stand) return [numberCell(), textCell("–")];
  const [worst, row] = stand.worst;
  return [numberCell(`${stand.near} of ${stand.rows}`, stand.near),
    element("td", {class: "text", "data-value": worst},
      `${worst.toFixed(2)} × ${row}`)];
}

/* One line for each allocator: the two means, and how often it is near. */
function standings() {
  const time = model.means.time.values, peak = model.means.peak.values;
  const order = names.filter((name) => time[name] || peak[name])
    .sort((a, b) => (time[a] || Infinity) - (time[b] || Infinity));
  const lines = order.map((name) => {
    const cell = only ? only.cells[name] : {};
    return [textCell(name === "floor" ? "floor (the limit)" : name),
      meanCell(time[name], cell.time, (ns) => timeText(only, ns)),
      meanCell(peak[name], cell.peak, mebibytes),
      ...(only ? [] : nearCells(model.standing[name]))];
  });
  return sortable(["allocator", "time", "peak memory", ...(only ? [] :
    ["within 3 %", "slowest row"])], lines, {id: "standings"});
}

function meanPoints() {
  const time = model.means.time.values, peak = model.means.peak.values;
  return names.filter((name) => time[name] && peak[name]).map((name) =>
    ({name, x: time[name], y: peak[name], title: `${name}\ntime ${
      time[name].toFixed(2)} ×\nmemory ${peak[name].toFixed(2)} ×`}));
}

function summary() {
  const points = meanPoints();
  const over = only ? "× the best allocator; lower left is better"
    : `geometric mean over ${model.means.time.rows} rows, × each row's best; ` +
      "lower left is better";
  const picture = haveCharts && points.length ? element("div", {},
    element("h3", {}, "Time and memory at once"),
    element("p", {class: "soft small"}, over), chart(null, scatter(points,
      {width: 570, height: 400, labels: true}))) : null;
  return [element("ul", {class: "headline"}, model.headline.map((line) =>
    element("li", {}, line))), element("div", {class: "summary"}, picture,
    element("div", {}, element("h3", {}, "Where each stands"),
      element("p", {class: "soft small"}, "1.00 × would be the best " +
        "in every row; within 3 % of the fastest in so many rows"),
      standings())), notesList()];
}

function barData(row, measure, scale) {
  return present(row, measure).map((name) => {
    const figure = row.cells[name][measure];
    const tell = (value) => short(value / scale);
    return {name, median: figure.median / scale, min: figure.min / scale,
      max: figure.max / scale, text: tell(figure.median),
      title: `${name}: ${tell(figure.median)}\n${tell(figure.min)} to ` +
        `${tell(figure.max)}, MAD ${tell(figure.mad)}, ${figure.n} samples`};
  });
}

function rowScatter(row) {
  const points = present(row, "time_ratio").filter((name) =>
    row.cells[name].peak_ratio).map((name) => {
    const cell = row.cells[name];
    return {name, x: cell.time_ratio, y: cell.peak_ratio,
      title: `${name}\n${timeText(row, cell.time.median)}\n` +
        mebibytes(cell.peak.median)};
  });
  return points.length ? scatter(points, {width: 400, height: 250}) : null;
}

function rowBars(row, measure, scale, label) {
  const data = barData(row, measure, scale);
  return data.length ? bars(data, {width: 400, label}) : null;
}

function callsNote(row) {
  if (!row.counted || row.kind === "work") return null;
  const rate = row.counted.allocations / row.counted.seconds;
  return element("p", {class: "small soft"}, `${short(
    row.counted.allocations)} allocations, ${short(rate)} a second` +
    (rate < RARE ? ": the allocator hardly matters to its time" : ""));
}

function card(row) {
  const whole = row.unit === "s";
  const failed = names.filter((name) => row.cells[name] &&
    row.cells[name].status !== "ok").map((name) => element("p",
    {class: "small"}, element("span", {class: "badge bad"},
      row.cells[name].status), `${name}: ${row.cells[name].why}`));
  const charts = row.memory
    ? [chart(null, rowBars(row, "figure", 1, row.unit))]
    : [chart(null, rowScatter(row)),
      chart("Time", rowBars(row, "time", whole ? 1e9 : 1,
        whole ? "seconds" : "ns per operation")),
      chart("Peak memory", rowBars(row, "peak", 1024, "MiB"))];
  return element("div", {class: "card", "data-row": row.name},
    element("span", {class: "family"}, row.family),
    element("h3", {}, row.name), element("p", {class: "small soft"},
      row.description), callsNote(row), failed, charts);
}

function cards() {
  return element("div", {class: "cards"}, model.rows.map(card));
}

function timelines() {
  const rows = rowsWith("timeline");
  if (!rows.length) return null;
  return [heading("Memory over time", "Resident memory during one run: what " +
    "is given back shows as a fall."), rows.map((row) => {
    const points = present(row, "timeline").flatMap((name) =>
      row.cells[name].timeline.map(([ms, kib]) =>
        ({name, ms, mib: kib / 1024})));
    return element("div", {class: "card wide apart", "data-timeline": row.name},
      element("h3", {}, row.name), element("p", {class: "small soft"},
        row.description), chart(null, timeline(points, {width: 1150,
        height: 330})));
  })];
}

function latencyChart(row, call) {
  const found = {};
  for (const name of present(row, "latency")) {
    const told = row.cells[name].latency[call];
    if (told && told.p50 > 0) found[name] = told;
  }
  return Object.keys(found).length ? chart(call, percentiles(found,
    {width: 550, label: "time of a call"})) : null;
}

function latencies() {
  const rows = rowsWith("latency");
  if (!rows.length) return null;
  return [heading("Latency under load", "How long single calls took, each " +
    "timed by itself in a run of its own. The right end is what somebody " +
    "waits for once in a while."), rows.map((row) => element("div",
    {class: "card apart", "data-latency": row.name}, element("h3", {},
      row.name), element("div", {class: "summary"}, ["malloc", "free"]
      .map((call) => latencyChart(row, call)))))];
}

function hugePages() {
  const rows = model.never.filter((row) => Object.keys(row.cells).length);
  if (!rows.length) return null;
  const cell = (row, name) => {
    const pair = row.cells[name];
    return pair ? numberCell(`${pair[0].toFixed(2)} / ${pair[1].toFixed(2)}`,
      pair[0]) : numberCell();
  };
  return [heading("Without transparent huge pages", "Time / peak memory of " +
    "one pass with THP taken away (prctl), × the median with the machine's " +
    `setting (${model.machine.thp}).`), sortable(["workload", ...names],
    rows.map((row) => [textCell(row.name), ...names.map((name) =>
      cell(row, name))]))];
}

function targets() {
  if (!model.targets || !model.targets.length) return null;
  return [heading("Targets", "The figures liballoc must reach; less is " +
    "better."), sortable(["", "what", "number", "limit"], model.targets.map(
    (each) => [textCell(each.passes ? "PASS" : "SHORT"), textCell(each.what),
      numberCell(short(each.value), each.value),
      numberCell(`${each.limit} ${each.unit}`, each.limit)]))];
}

function versions() {
  const lines = Object.entries(model.machine.allocators).map(([name, each]) =>
    [name, each.version, each.path || "the libc itself", Object.entries(
      each.env).map((pair) => pair.join("=")).join(" ")].map((text) =>
      textCell(text)));
  return sortable(["allocator", "version", "library", "environment"], lines);
}

function repeat() {
  const machine = model.machine;
  return [heading("How to repeat"), element("pre", {},
    "cmake -B build && cmake --build build -j2\n" + model.command),
  element("p", {}, `${machine.cpus} CPUs (${machine.cpu}), ` +
    `${mebibytes(machine.memory_kib)} of memory, Linux ${machine.kernel}, ` +
    `${machine.libc}; transparent huge pages: ${machine.thp}; load at the ` +
    `start ${machine.load.map((load) => load.toFixed(2)).join(", ")}. ` +
    "Runs take turns: the allocators change fastest, and another goes first " +
    "in each pass. Times are medians; bars show the least and the most. Peak " +
    "memory is VmHWM read from the process; of a program with children, the " +
    "largest of its processes."), versions(), haveCharts ? element("p",
    {class: "soft small"}, "Charts: D3 7.9.0 and Observable Plot 0.6.17 (ISC " +
    "license), inside this file.") : null];
}

function render() {
  const heat = only ? null : [
    heading("Time", "Each row's time, × the fastest allocator but the floor. " +
      "Click a name to sort; point at a cell for the numbers."),
    heatTable(timed, "time", timeText),
    heading("Peak memory", "× the leanest allocator but the floor."),
    heatTable(timed, "peak", (row, kib) => mebibytes(kib))];
  const pictures = haveCharts ? [
    heading("Each workload", "Lower left is better; the bars' whiskers are " +
      "the least and the most of all passes."), cards(), timelines(),
    latencies()] : element("p", {class: "badge"},
    "The charting library could not be fetched: this report has tables only.");
  const parts = [header(), legend(), summary(), heat, pictures,
    latencyTable(), heading("All measures"), allMeasures(), hugePages(),
    targets(), repeat()];
  document.getElementById("page").replaceChildren(
    ...parts.flat(Infinity).filter(Boolean));
  document.documentElement.dataset.ready = "yes";
}

window.addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("details")) each.open = true;
});
render();
