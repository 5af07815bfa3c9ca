/* SPDX-License-Identifier: MIT */
/* The page of `flame`: one graph. */
"use strict";

function setTheme(name) {
  document.documentElement.dataset.theme = name;
  byId("theme").textContent = name === "dark" ? "light" : "dark";
  drawFlame();
}

function start() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const who = data.pid ? `${data.program} (pid ${data.pid})` : data.program;
  document.title = `who allocated: ${who}`;
  byId("title").textContent = who;
  byId("meta").textContent = data.other
    ? `what changed from ${data.name} to ${data.other}`
    : `who allocated what, by samples: ${data.name}`;
  byId("trust").replaceChildren(...[
    `heapinspect ${data.version}. This page loads nothing.`,
    ...data.flame.folded > 0
      ? [`${count(data.flame.folded)} small frames count for their callers.`]
      : [],
    ...data.warnings].map(line => make("div", {}, line)));
  startFlame(data.flame);
  setTheme(dark.matches ? "dark" : "light");
  byId("theme").addEventListener("click", () => setTheme(theme() === "dark"
    ? "light" : "dark"));
  let width = innerWidth;
  window.addEventListener("resize", () => {
    if (innerWidth !== width)
      drawFlame();
    width = innerWidth;
  });
}

start();
