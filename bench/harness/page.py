# SPDX-License-Identifier: MIT
"""report.html: one file with its data, its script and its charting library."""

import html
import json
import os

from . import libraries

PARTS = os.path.join(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__))), "report")
SCRIPTS = ("util.js", "charts.js", "tables.js", "main.js")


def _read(name: str) -> str:
    with open(os.path.join(PARTS, name), encoding="utf-8") as file:
        return file.read()


def _embedded(value: dict) -> str:
    """JSON that can stand in a <script>: no "</", no "<!--"."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def build(model: dict, verdicts: list):
    """
    (text of the page, None), or (a page with tables only, why it has no
    charts).  Nothing in it is loaded from the network.
    """
    texts, why = libraries.load()
    notes = list(model["notes"])
    if why:
        notes.append(("NO CHARTS", why))
    shown = {**model, "notes": notes, "targets": verdicts}
    parts = {"TITLE": html.escape(model["title"]), "STYLE": _read("style.css"),
             "MODEL": _embedded(shown),
             "LIBRARIES": "\n".join(f"<script>{text}</script>"
                                    for text in texts),
             "SCRIPT": "\n".join(_read(name) for name in SCRIPTS)}
    # One after the other: a part may hold what looks like a later mark.
    filled, rest = [], _read("page.html")
    for word, part in parts.items():
        before, _, rest = rest.partition(f"@{word}@")
        filled += [before, part]
    return "".join(filled + [rest]), why
