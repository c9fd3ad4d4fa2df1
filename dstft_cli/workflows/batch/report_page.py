"""The frame of the report page: its style, its script and what stands around the table. Nothing is fetched from anywhere."""

import base64
import hashlib
import html

_STYLE = """
:root {
  color-scheme: light dark;
  --page: #fff; --ink: #1c2630; --soft: #5a6672; --line: #dde3e8; --band: #f3f6f8;
  --link: #1f4e79; --bar: #5b8db8; --bad: #a8281a; --bad-band: #fdf1ef;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15191e; --ink: #e3e8ed; --soft: #9aa6b2; --line: #323a43; --band: #1e242b;
    --link: #8fc0ee; --bar: #5b8db8; --bad: #ff9a8a; --bad-band: #2c1c1b;
  }
}
* { box-sizing: border-box; }
html { overflow-anchor: none; }
body {
  margin: 0; padding: 1.5rem; background: var(--page); color: var(--ink);
  font: 15px/1.4 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
h1 { margin: 0 0 .25rem; font-size: 1.5rem; }
p { margin: 0 0 .75rem; max-width: 62rem; }
.soft, figcaption span, footer { color: var(--soft); }
.bad { color: var(--bad); font-weight: 600; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem 2.5rem; margin: 1rem 0; }
figure { margin: 0; width: 460px; max-width: 100%; }
svg { max-width: 100%; height: auto; }
figcaption { margin-bottom: .25rem; font-size: .9rem; }
figcaption b, figcaption span { display: block; }
svg text { font-size: 12px; fill: var(--soft); }
.bar { fill: var(--bar); }
.grid { stroke: var(--line); }
.axis { stroke: var(--soft); }
.search { margin: 1rem 0 .5rem; }
input {
  font: inherit; width: 22rem; margin-left: .5rem; padding: .3rem .5rem;
  color: inherit; background: var(--page); border: 1px solid var(--soft); border-radius: 4px;
}
output { margin-left: .75rem; color: var(--soft); }
table, thead, tbody { display: block; }
table { width: 100%; min-width: 62rem; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
tr {
  display: grid; align-items: center; border-top: 1px solid var(--line);
  grid-template-columns: 6.4rem minmax(11rem, 1fr) 8.8rem repeat(8, 4.9rem);
}
.maps tr { grid-template-columns: 6.4rem minmax(11rem, 1fr) 17.2rem repeat(8, 4.9rem); }
.maps { min-width: 70rem; }
tr[hidden] { display: none; }
tbody tr { min-height: 69px; content-visibility: auto; contain-intrinsic-size: auto 69px; }
tbody tr:hover { background: var(--band); }
thead { position: sticky; top: 0; z-index: 1; background: var(--page); box-shadow: 0 1px 0 var(--line); }
th, td { padding: .25rem .4rem; text-align: right; font-weight: inherit; }
th { position: relative; display: flex; align-items: flex-end; align-self: stretch; padding: 0; font-size: .85rem; color: var(--soft); }
th > * { width: 100%; padding: .4rem .4rem .8rem; }
.words { text-align: left; }
td.words { overflow-wrap: anywhere; }
th button { font: inherit; color: inherit; text-align: inherit; border: 0; background: none; }
.live th button { cursor: pointer; }
.live th button:hover { color: var(--ink); text-decoration: underline; }
th[aria-sort] button { color: var(--ink); font-weight: 600; }
th[aria-sort]::after { content: "\\25B2"; position: absolute; right: .4rem; bottom: .2rem; font-size: .55rem; line-height: 1; }
th[aria-sort=descending]::after { content: "\\25BC"; }
th.words::after { right: auto; left: .4rem; }
.failed { min-height: 3rem; contain-intrinsic-size: auto 3rem; background: var(--bad-band); }
.failed td:nth-child(3) { grid-column: span 8; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: -2px; }
img { display: block; image-rendering: auto; }
footer { margin-top: 1.5rem; font-size: .85rem; }
@media print { thead { position: static; } .search { display: none; } }
"""

_SCRIPT = """
"use strict";
const table = document.querySelector("table"), body = table.tBodies[0];
const heads = Array.from(table.tHead.rows[0].cells), rows = Array.from(body.rows);
const words = new Intl.Collator("en", {numeric: true});

function cellAt(row, column) {
  let start = 0;
  for (const cell of row.cells) {
    if (start === column) return cell;
    start += cell.colSpan;
  }
  return null;
}

function valueOf(row, column, asText) {
  const cell = cellAt(row, column);
  if (cell === null) return null;
  if (asText) return cell.textContent;
  return cell.dataset.v === undefined ? null : Number(cell.dataset.v);
}

function compare(a, b) {
  if (a === null || b === null) return 0;
  return typeof a === "string" ? words.compare(a, b) : a - b;
}

function sortBy(head) {
  const down = head.getAttribute("aria-sort") === "ascending";
  const column = heads.indexOf(head), asText = head.dataset.sort === "text";
  const found = rows.map(row => ({row, value: valueOf(row, column, asText)}));
  found.sort((a, b) => (a.value === null) - (b.value === null) || (down ? compare(b.value, a.value) : compare(a.value, b.value)));
  heads.forEach(other => other.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const sorted = document.createDocumentFragment();
  for (const item of found) sorted.append(item.row);
  body.append(sorted);
  if (window.scrollY > table.offsetTop) window.scrollTo(window.scrollX, table.offsetTop);
}

const texts = rows.map(row => row.textContent.toLowerCase());
function filter(text) {
  const wanted = text.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  rows.forEach((row, i) => {
    row.hidden = !wanted.every(word => texts[i].includes(word));
    shown += !row.hidden;
  });
  document.querySelector("output").textContent = wanted.length ? shown + " of " + rows.length + " shown" : "";
}

for (const head of heads) {
  const button = head.querySelector("button");
  if (button) button.addEventListener("click", () => sortBy(head));
}
const box = document.querySelector("input");
box.addEventListener("input", () => filter(box.value));
document.querySelector(".search").hidden = false;
table.classList.add("live");
if (box.value) filter(box.value);
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


# Nothing but what stands in the page is ever loaded or run, whatever a file name holds.
_POLICY = f"default-src 'none'; img-src data:; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}"


def opening(title: str) -> str:
    """From the doctype to the start of the body. title: plain text."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    )


def closing(made_by: str) -> str:
    """The foot of the page and its script. made_by: plain text."""
    return f"<footer>{html.escape(made_by)}</footer>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n"
