/** Tables that become cards on a phone: each cell carries its column's name. */

import { h } from "./dom.js";

/**
 * Describe a table.
 *
 * @param {string} caption read by screen readers
 * @param {Array<{name: string, cell: Function, right?: boolean, wide?: boolean, bare?: boolean, reason?: boolean, hidden?: boolean}>} columns
 *   `wide` takes a card's whole width, `bare` goes without its name there, `reason` holds a sentence,
 *   `hidden` hides the name in the head
 * @param {Array} rows
 * @param {(row: any) => string} key
 * @param {string} none shown without rows
 */
export function table(caption, columns, rows, key, none) {
  if (!rows.length) return h("p", { class: "empty", key: "none" }, none);
  return h(
    "div",
    { class: "scroll", key: "table", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      { class: "stacks" },
      h("caption", { class: "visually-hidden" }, caption),
      h("thead", {}, h("tr", {}, columns.map(head))),
      h("tbody", {}, rows.map((row) => h("tr", { key: key(row), "data-row": key(row) }, columns.map((column) => cell(column, row))))),
    ),
  );
}

function head(column) {
  const name = column.hidden ? h("span", { class: "visually-hidden" }, column.name) : column.name;
  return h("th", { scope: "col", class: column.right ? "right" : null }, name);
}

function cell(column, row) {
  const classes = ["right", "wide", "bare", "reason"].filter((name) => column[name]).join(" ");
  const content = column.cell(row);
  return h("td", { class: classes || null, "data-label": column.name }, h("div", {}, content));
}
