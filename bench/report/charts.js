/* SPDX-License-Identifier: MIT */
/* The charts, by Observable Plot.  Each function returns an element. */

const RATIO_TICKS = [0.1, 0.2, 0.5, 0.7, 1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100,
  200, 500, 1000];
const LEAST_SPAN = 1.6; /* of a ratio axis: 2 % must not look like much */
const STYLE = {background: "transparent", fontSize: "11px",
  "--plot-background": "var(--card)"};

/* From a bit below the least to a bit above the most, with room for 1. */
function ratioDomain(values) {
  const low = Math.min(1, ...values), high = Math.max(LEAST_SPAN, ...values);
  const pad = Math.pow(high / low, 0.08);
  return [low / pad, high * pad];
}

/* At most so many, 1 among them. */
function ratioTicks([low, high], most) {
  const inside = RATIO_TICKS.filter((tick) => tick >= low && tick <= high);
  const step = Math.ceil(inside.length / most);
  const one = inside.indexOf(1);
  return inside.filter((tick, i) => (i - one) % step === 0);
}

function ratioAxis(label, values, most = 6) {
  const domain = ratioDomain(values);
  return {type: "log", domain, label, labelAnchor: "center",
    ticks: ratioTicks(domain, most), tickFormat: (tick) => String(tick)};
}

function pointMark(point, r) {
  const [color] = styles[point.name];
  return Plot.dot([point], {x: "x", y: "y", r, symbol: symbolType(point.name),
    fill: isStroked(point.name) ? "none" : color, stroke: color,
    strokeWidth: isStroked(point.name) ? 2 : 0.5});
}

/*
 * points: {name, x, y, title}.  The best possible is the corner at (1, 1): the
 * fastest and the leanest of this workload at once.
 */
function scatter(points, {width, height, labels}) {
  const marks = [
    Plot.ruleX([1], {strokeOpacity: 0.45, strokeDasharray: "3,3"}),
    Plot.ruleY([1], {strokeOpacity: 0.45, strokeDasharray: "3,3"}),
    Plot.dot([[1, 1]], {r: labels ? 13 : 9, fill: "var(--best)",
      fillOpacity: 0.18, stroke: "var(--best)"}),
    Plot.text([[1, 1]], {text: ["ideal"], dx: labels ? -12 : -9, dy: 14,
      fill: "var(--best)", fontSize: 10, textAnchor: "end"}),
    ...points.map((point) => pointMark(point, labels ? 6 : 4.5)),
    Plot.tip(points, Plot.pointer({x: "x", y: "y", title: "title"})),
  ];
  if (labels) marks.push(...nameLabels(points, width, height));
  return Plot.plot({width, height, marginLeft: 46, marginRight: 24,
    marginBottom: 38, style: STYLE, grid: true,
    x: ratioAxis("time, × the fastest →", points.map((p) => p.x)),
    y: ratioAxis("peak memory, × the leanest →", points.map((p) => p.y)),
    marks});
}

/* Names beside their points; one that would cover another goes lower. */
function nameLabels(points, width, height) {
  const span = (key) => {
    const [low, high] = ratioDomain(points.map((point) => point[key]));
    return (value) => Math.log(value / low) / Math.log(high / low);
  };
  const toX = span("x"), toY = span("y"), placed = [];
  return [...points].sort((a, b) => b.y - a.y).map((point) => {
    const x = toX(point.x) * (width - 70), y = -toY(point.y) * (height - 58);
    const left = x > width - 180;
    const from = left ? x - 100 : x, to = left ? x : x + 100;
    let dy = 0;
    const taken = () => placed.some((other) => other.from < to &&
      from < other.to && Math.abs(other.y - y - dy) < 13);
    while (taken() && dy < 60) dy += 3;
    placed.push({from, to, y: y + dy});
    return Plot.text([point], {x: "x", y: "y", text: "name", dy,
      dx: left ? -11 : 11, textAnchor: left ? "end" : "start", fontSize: 12,
      fontWeight: point.name === "liballoc" ? 700 : 400,
      stroke: "var(--ground)", strokeWidth: 4, fill: "currentColor"});
  });
}

/* bars: {name, median, min, max, text, title}; best first. */
function bars(data, {width, label}) {
  const sorted = [...data].sort((a, b) => a.median - b.median);
  const most = Math.max(...sorted.map((bar) => bar.max));
  return Plot.plot({width, height: 22 * sorted.length + 36, marginLeft: 112,
    marginRight: 48, marginTop: 4, marginBottom: 32, style: STYLE,
    x: {label, labelAnchor: "center", domain: [0, most * 1.02], ticks: 4,
      tickFormat: (value) => String(value)},
    y: {label: null, domain: sorted.map((bar) => bar.name), tickSize: 0},
    color: {domain: names, range: colors},
    marks: [
      Plot.barX(sorted, {x: "median", y: "name", fill: "name",
        fillOpacity: 0.85, insetTop: 2, insetBottom: 2}),
      Plot.ruleY(sorted, {x1: "min", x2: "max", y: "name", strokeWidth: 1.5}),
      Plot.tickX(sorted, {x: "min", y: "name", insetTop: 5, insetBottom: 5}),
      Plot.tickX(sorted, {x: "max", y: "name", insetTop: 5, insetBottom: 5}),
      Plot.text(sorted, {x: "max", y: "name", text: "text", dx: 6,
        textAnchor: "start"}),
      Plot.tip(sorted, Plot.pointerY({x: "median", y: "name",
        title: "title"})),
    ]});
}

/* Labels at the lines' ends, moved apart so that none covers another. */
function spreadLabels(points, height) {
  const gap = Math.max(...points.map((point) => point.mib), 1) * 14 / height;
  let before = -Infinity;
  return [...points].sort((a, b) => a.mib - b.mib).map((point) => {
    before = Math.max(point.mib, before + gap);
    return {...point, mib: before, ms: point.end};
  });
}

const LONGEST = 4; /* times the median run: longer ones are cut there */

/* {points, last: each line's end, end: of the axis}; what is cut says so. */
function cutRuns(points) {
  const ends = names.map((name) => points.filter((p) => p.name === name).pop())
    .filter(Boolean);
  const median = d3.median(ends, (point) => point.ms);
  const end = Math.min(d3.max(ends, (point) => point.ms), LONGEST * median);
  const kept = points.filter((point) => point.ms <= end);
  const last = ends.map((whole) => ({
    ...kept.filter((point) => point.name === whole.name).pop(), end,
    text: whole.ms > end ? `${whole.name} (to ${short(whole.ms / 1000)} s)`
      : whole.name}));
  return {points: kept, last, end};
}

/* points: {name, ms, mib} along the time of one run each. */
function timeline(all, {width, height}) {
  const {points, last, end} = cutRuns(all);
  const labels = spreadLabels(last, height - 70);
  const links = labels.map((label) => ({...label, from: last.find((point) =>
    point.name === label.name)}));
  const most = d3.max([...points, ...labels], (point) => point.mib);
  return Plot.plot({width, height, marginLeft: 50, marginRight: 176,
    marginBottom: 36, style: STYLE,
    x: {label: "ms since the start →", labelAnchor: "center", grid: true,
      domain: [0, end]},
    y: {label: "↑ resident MiB", grid: true, domain: [0, most * 1.04]},
    color: {domain: names, range: colors},
    marks: [
      Plot.line(points, {x: "ms", y: "mib", z: "name", stroke: "name",
        strokeWidth: 2}),
      Plot.dot(last, {x: "ms", y: "mib", fill: "name", r: 3}),
      Plot.link(links, {x1: (d) => d.from.ms, y1: (d) => d.from.mib,
        x2: "ms", y2: "mib", stroke: "name", strokeOpacity: 0.35}),
      Plot.text(labels, {x: "ms", y: "mib", text: "text", dx: 6,
        textAnchor: "start", fontSize: 11}),
      Plot.tip(points, Plot.pointer({x: "ms", y: "mib",
        title: (p) => `${p.name}\n${short(p.mib)} MiB at ${p.ms} ms`})),
    ]});
}

const PERCENTILES = [["p50", "p50"], ["p99", "p99"], ["p999", "p99.9"],
  ["max", "max"]];

/* latency: {name: {p50, p99, p999, max}} of one call, on a log axis of ns. */
function percentiles(latency, {width, label}) {
  const points = Object.entries(latency).flatMap(([name, values]) =>
    PERCENTILES.map(([key, text]) => ({name, text, ns: values[key]})));
  const order = Object.keys(latency).sort(
    (a, b) => latency[a].p99 - latency[b].p99);
  const lines = order.map((name) => ({name, from: latency[name].p50,
    to: latency[name].max}));
  return Plot.plot({width, height: 24 * order.length + 58, marginLeft: 112,
    marginRight: 24, marginBottom: 36, marginTop: 10, style: STYLE,
    x: {type: "log", label, labelAnchor: "center", grid: true,
      ticks: 6, tickFormat: (ns) => /^1/.test(String(ns))
        ? nanoseconds(ns).replace(/\.0+/, "") : ""},
    y: {label: null, domain: order, tickSize: 0},
    color: {domain: names, range: colors},
    symbol: {domain: PERCENTILES.map((p) => p[1]), legend: true,
      range: ["circle", "diamond", "square", "triangle"]},
    marks: [
      Plot.ruleY(lines, {x1: "from", x2: "to", y: "name", stroke: "name",
        strokeOpacity: 0.5, strokeWidth: 2}),
      Plot.dot(points, {x: "ns", y: "name", stroke: "name", symbol: "text",
        fill: "var(--card)", r: 4.5, strokeWidth: 2}),
      Plot.tip(points, Plot.pointer({x: "ns", y: "name",
        title: (p) => `${p.name}: ${p.text} ${nanoseconds(p.ns)}`})),
    ]});
}
