/* SPDX-License-Identifier: MIT */
/* Numbers for the eye, elements, and tables that sort.  No library needed. */
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

function bytes(n) {
  let unit = 0;
  while (n >= 1024 && unit + 1 < UNITS.length) {
    n /= 1024;
    unit++;
  }
  return (unit === 0 || n >= 100 ? n.toFixed(0) : n.toFixed(1)) + " " +
    UNITS[unit];
}

function count(n) {
  return n.toLocaleString("en").replaceAll(",", "\u202f");
}

function percent(part, whole) {
  if (!whole)
    return "–";
  const p = 100 * part / whole;
  return (p > 0 && p < 1 ? "<1" : p.toFixed(0)) + " %";
}

function base64(text) {
  const binary = atob(text);
  const out = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++)
    out[i] = binary.charCodeAt(i);
  return out;
}

/* "0x7f00" + offset; of hashed addresses the offset stays apart. */
function place(start, offset) {
  if (data.hashed)
    return offset ? start + "+0x" + offset.toString(16) : start;
  return "0x" + (BigInt(start) + BigInt(offset)).toString(16);
}

/* make("td", {class: "text"}, "a", node...): a new element. */
function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes ?? {}))
    node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function byId(id) {
  return document.getElementById(id);
}

const TABLE_ROWS = 20; /* shown until asked for all */

function cellText(column, row) {
  const value = column.value(row);
  if (value === null || value === undefined || value === "")
    return "–";
  return column.show ? column.show(value, row) : String(value);
}

function tableBody(table, columns, rows, onClick) {
  const body = make("tbody");
  for (const row of rows) {
    const line = make("tr", onClick ? {class: "link", tabindex: "0"} : {});
    for (const column of columns) {
      const cell = make("td", {class: column.class ?? ""});
      if (column.swatch)
        cell.append(make("span", {class: "swatch",
          style: "background:" + column.swatch(row)}));
      cell.append(cellText(column, row));
      line.append(cell);
    }
    if (onClick) {
      line.addEventListener("click", () => onClick(row));
      line.addEventListener("keydown", event => {
        if (event.key === "Enter")
          onClick(row);
      });
    }
    body.append(line);
  }
  table.tBodies[0]?.remove();
  table.append(body);
}

function compare(a, b) {
  if (typeof a === "string" || typeof b === "string")
    return String(b ?? "").localeCompare(String(a ?? ""));
  return (a ?? -1) - (b ?? -1);
}

/*
 * columns: {name, value(row), show(value)?, class?, title?}; sorted by a click
 * on a heading; `sort` is the index of the first order, or -1: as given.
 */
function showTable(id, columns, rows, {sort = -1, onClick = null,
  rows: most = TABLE_ROWS} = {}) {
  const host = byId(id);
  let by = sort;
  let down = true;
  let all = false;
  if (rows.length === 0) {
    host.replaceChildren(make("p", {class: "hint"}, "none"));
    return;
  }
  const table = make("table");
  const head = make("tr");
  const more = make("button", {type: "button", class: "more"});

  function draw() {
    const sorted = by < 0 ? rows : [...rows].sort((a, b) =>
      (down ? -1 : 1) * compare(columns[by].value(a), columns[by].value(b)));
    const shown = all ? sorted : sorted.slice(0, most);
    [...head.children].forEach((th, i) => th.setAttribute("aria-sort",
      i !== by ? "none" : down ? "descending" : "ascending"));
    tableBody(table, columns, shown, onClick);
    more.hidden = shown.length === rows.length;
    more.textContent = "… " + count(rows.length - shown.length) + " more";
  }

  columns.forEach((column, i) => {
    const button = make("button", {type: "button"}, column.name);
    button.addEventListener("click", () => {
      down = by === i ? !down : true;
      by = i;
      draw();
    });
    head.append(make("th", {class: column.class ?? "",
      title: column.title ?? "", scope: "col"}, button));
  });
  more.addEventListener("click", () => {
    all = true;
    draw();
  });
  window.addEventListener("beforeprint", () => more.click());
  table.append(make("thead", {}, head));
  host.replaceChildren(make("div", {class: "scroll"}, table), more);
  draw();
}

/* Columns of the usual kinds. */
function bytesColumn(name, key, title) {
  return {name, value: row => row[key], show: bytes, title};
}

function countColumn(name, key, title) {
  return {name, value: row => row[key], show: count, title};
}

function textColumn(name, key, title) {
  return {name, value: row => row[key], class: "text", title};
}

function partColumn(name, part, title) {
  return {name, value: part, show: value => percent(value, 1), title};
}
