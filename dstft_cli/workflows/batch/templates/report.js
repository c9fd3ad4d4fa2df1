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
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
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
