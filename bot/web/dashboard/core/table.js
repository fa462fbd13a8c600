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
 * @param {{sort?: {by: string, down: boolean}, href?: (row: any) => string}} options how it is sorted, and where a
 *   row leads: to a link in its first cell
 */
export function table(caption, columns, rows, key, none, { sort = null, href = null } = {}) {
  if (!rows.length) return h("p", { class: "empty", key: "none" }, none);
  return h(
    "div",
    { class: "scroll", key: "table", tabindex: "0", role: "region", "aria-label": caption },
    h(
      "table",
      { class: "stacks" },
      h("caption", { class: "visually-hidden" }, caption),
      h("thead", {}, h("tr", {}, columns.map((column) => head(column, sort)))),
      h("tbody", {}, rows.map((row) => h("tr", { key: key(row), "data-row": key(row), class: href ? "leads" : null }, columns.map((column, number) => cell(column, row, number === 0 && href ? href(row) : null))))),
    ),
  );
}

function head(column, sort) {
  const name = column.hidden ? h("span", { class: "visually-hidden" }, column.name) : column.name;
  const classes = column.right ? "right" : null;
  if (!sort || !column.by) return h("th", { scope: "col", class: classes }, name);
  const isBy = sort.by === column.by;
  const order = isBy ? (sort.down ? "descending" : "ascending") : "none";
  return h("th", { scope: "col", class: classes, "aria-sort": order }, h("button", { type: "button", class: "sort", "data-sort": column.by }, name, h("span", { class: "arrow", "aria-hidden": "true" }, isBy ? (sort.down ? "↓" : "↑") : "")));
}

function cell(column, row, link) {
  const classes = ["right", "wide", "bare", "reason"].filter((name) => column[name]).join(" ");
  const content = column.cell(row);
  return h("td", { class: classes || null, "data-label": column.name }, link ? h("a", { class: "lead", href: link }, content) : h("div", {}, content));
}
