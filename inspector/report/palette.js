/* SPDX-License-Identifier: MIT */
/*
 * Colours.  Orange: resident and not used; blue: used.  The two differ for
 * every kind of colour vision, and in lightness from what lies between.
 */
"use strict";

const RAMP = {
  light: ["#d95b00", "#e8883c", "#f0b27a", "#ecdcc4", "#a9c9e6", "#5b9bd0",
    "#14539a"],
  dark: ["#ff7f1f", "#f29a4d", "#e3b78a", "#cfc8bb", "#9fbcd8", "#6aa6e0",
    "#3f9cff"],
};

/* What the ledger's shares look like: blue is needed, orange is not. */
const SHARES = {
  light: {
    "live": "#14539a", "overhead": "#6fa3d0", "metadata": "#8b949e",
    "thread caches": "#f2c14e", "free in slabs": "#d95b00",
    "free chunks": "#f08a3c", "free pages": "#f6c9a0",
    "kept mappings": "#b59a6d", "purged": "#ddd3c2", "unknown": "#7b3f8c",
  },
  dark: {
    "live": "#3f8fe8", "overhead": "#7fb0dc", "metadata": "#7f8893",
    "thread caches": "#e8c04a", "free in slabs": "#ff7f1f",
    "free chunks": "#e0955a", "free pages": "#b98a62",
    "kept mappings": "#8f7d5c", "purged": "#645d52", "unknown": "#b678c8",
  },
};

const KINDS = {
  free: "B", listed: "L", slab: "S", cache: "C", arena: "A", run: "R",
  user: "U", mmap: "M", kept: "K", metadata: "m", unknown: "?",
};

function theme() {
  return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
}

function cssColor(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name)
    .trim();
}

function channels(color) {
  return [1, 3, 5].map(at => parseInt(color.slice(at, at + 2), 16));
}

/* The ramp at 0..1, without a library: tables use it too. */
function useColor(part) {
  const ramp = RAMP[theme()];
  const at = Math.max(0, Math.min(1, part)) * (ramp.length - 1);
  const low = Math.min(Math.floor(at), ramp.length - 2);
  const a = channels(ramp[low]);
  const b = channels(ramp[low + 1]);
  const mix = a.map((c, i) => Math.round(c + (b[i] - c) * (at - low)));
  return `rgb(${mix.join(",")})`;
}

/* Black or white, as a text upon it reads best. */
function inkOn(color) {
  const [r, g, b] = color.match(/\d+/g).map(Number);
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#111418" : "#ffffff";
}

function shareColor(name) {
  return SHARES[theme()][name] ?? "#888888";
}

/* Hatched: no memory there. */
function hatch(context, x, y, w, h, color) {
  context.fillStyle = color ?? cssColor("--absent");
  context.fillRect(x, y, w, h);
  if (w < 5 || h < 5)
    return;
  context.save();
  context.beginPath();
  context.rect(x, y, w, h);
  context.clip();
  context.strokeStyle = cssColor("--hatch");
  context.lineWidth = 1;
  context.beginPath();
  for (let d = -h; d < w; d += 5) {
    context.moveTo(x + d, y + h);
    context.lineTo(x + d + h, y);
  }
  context.stroke();
  context.restore();
}

/* A canvas of CSS pixels, sharp on any screen. */
function canvas(width, height) {
  const node = make("canvas", {role: "img", tabindex: "0"});
  const ratio = window.devicePixelRatio || 1;
  node.width = Math.round(width * ratio);
  node.height = Math.round(height * ratio);
  node.style.width = width + "px";
  node.style.height = height + "px";
  const context = node.getContext("2d");
  context.scale(ratio, ratio);
  return [node, context];
}

function showTip(event, text) {
  const tip = byId("tip");
  tip.textContent = text;
  tip.hidden = false;
  const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const y = event.clientY + 18 + tip.offsetHeight > innerHeight
    ? event.clientY - tip.offsetHeight - 10 : event.clientY + 18;
  tip.style.left = x + "px";
  tip.style.top = y + "px";
}

function hideTip() {
  byId("tip").hidden = true;
}
