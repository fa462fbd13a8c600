/**
 * Elements described as values, and put on the page with the fewest changes.
 *
 * What is already there stays the same element, so focus, selection and scroll position survive every update.
 * There is no listener here: elements carry `data-action`, and `actions.js` listens once for all of them.
 */

import { ofAccount } from "./account.js";

/** Describe an element: h("p", { class: "note", key: "a" }, "text", h("b", {}, "bold")). */
export function h(tag, properties = {}, ...children) {
  return { tag, properties, children: present(children) };
}

/** Make the children of `parent` those described; strings become text. */
export function patch(parent, ...described) {
  const wanted = present(described);
  const keys = new Set(wanted.map(keyOf).filter((key) => key !== undefined));
  const keyed = new Map();
  for (const node of parent.childNodes) if (node.sigmaKey !== undefined) keyed.set(node.sigmaKey, node);
  let cursor = parent.firstChild;
  for (const child of wanted) {
    cursor = withoutStrangers(cursor, keys);
    const found = keyOf(child) === undefined ? unkeyed(cursor, child) : keyed.get(keyOf(child));
    const node = found && isSame(found, child) ? found : create(child);
    update(node, child);
    if (node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node, cursor);
  }
  while (cursor) cursor = removed(cursor);
}

/** Return the element of an id; its absence is a mistake in the page. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element #${id}`);
  return found;
}

function present(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}

function keyOf(child) {
  return typeof child === "object" ? child.properties.key : undefined;
}

function withoutStrangers(node, keys) {
  let cursor = node;
  while (cursor && cursor.sigmaKey !== undefined && !keys.has(cursor.sigmaKey)) cursor = removed(cursor);
  return cursor;
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function unkeyed(node, child) {
  return node && node.sigmaKey === undefined && isSame(node, child) ? node : undefined;
}

function isSame(node, child) {
  return typeof child === "object" ? node.localName === child.tag : node.nodeType === Node.TEXT_NODE;
}

function create(child) {
  if (typeof child !== "object") return document.createTextNode("");
  const node = document.createElement(child.tag);
  node.sigmaKey = child.properties.key;
  return node;
}

function update(node, child) {
  if (typeof child !== "object") {
    if (node.data !== String(child)) node.data = String(child);
    return;
  }
  const before = node.sigmaProperties ?? {};
  for (const [name, value] of Object.entries(child.properties)) if (before[name] !== value) assign(node, name, value);
  for (const name of Object.keys(before)) if (!(name in child.properties)) assign(node, name, null);
  node.sigmaProperties = child.properties;
  if (!child.properties.opaque) patch(node, ...child.children); // what is opaque is drawn by somebody else: a chart
}

function assign(node, name, value) {
  if (name === "key" || name === "opaque") return;
  if (name === "href" && value && node.dataset.account === undefined) value = ofAccount(value);
  if (name === "value" && (node.localName === "input" || node.localName === "select")) {
    if (document.activeElement !== node && node.value !== String(value ?? "")) node.value = value ?? "";
    return;
  }
  if (name === "checked") {
    node.checked = Boolean(value);
    return;
  }
  if (name === "style") for (const [property, text] of Object.entries(value ?? {})) node.style.setProperty(property, text);
  else if (value === null || value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : String(value));
}
