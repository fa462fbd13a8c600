/** Settings: the looks of this page, and every effective setting of the daemon beside its default. */

import { h } from "../core/dom.js";
import { card, empty } from "../core/parts.js";
import { choices, choose, chosen } from "../core/prefs.js";
import { setQuery } from "../core/router.js";
import { table } from "../core/table.js";
import { t } from "../core/texts.js";

const LOOKS = {
  theme: ["Theme", { system: "as the system", light: "light", dark: "dark" }],
  colours: ["Up and down", { "green-red": "green and red", "blue-orange": "blue and orange", "red-green": "red and green" }],
  density: ["Density", { comfortable: "comfortable", dense: "dense" }],
  width: ["Width", { fitted: "fitted", wide: "the whole window" }],
  zone: ["Times", { UTC: "UTC", local: "your time zone" }],
};

document.addEventListener("change", (event) => {
  const { pref } = event.target.dataset ?? {};
  if (pref) choose(pref, event.target.value);
  if (event.target.id === "only-changed") setQuery({ changed: event.target.checked ? "1" : null });
});
document.addEventListener("input", (event) => {
  if (event.target.id === "setting-search") setQuery({ q: event.target.value.trim().toLowerCase() });
});

export const room = {
  draw(state, { query }, context) {
    return [h("h1", { class: "visually-hidden", key: "h1" }, t("Settings")), h("div", { class: "grid settings", key: "grid" }, looks(), settings(query, context))];
  },
};

function looks() {
  return card(
    "looks",
    t("This page"),
    null,
    h("div", { class: "form", key: "form" }, Object.entries(LOOKS).map(([name, [label, texts]]) => h("label", { key: name }, t(label), h("select", { "data-pref": name }, choices(name).map((value) => h("option", { value, key: value, selected: value === chosen()[name] }, t(texts[value]))))))),
    h("p", { class: "note", key: "note" }, t("Kept in this browser.")),
  );
}

const COLUMNS = [
  { name: "Setting", bare: true, cell: (row) => h("code", {}, row.key) },
  { name: "Value", cell: (row) => h("span", { class: row.differs ? "changed" : null }, shown(row.value)) },
  { name: "Default", cell: (row) => h("span", { class: "soft" }, row.differs ? shown(row.default) : "") },
  { name: "A change needs", cell: (row) => h("span", { class: "soft" }, t(row.needs)) },
];

function settings(query, context) {
  const answer = context.need("/api/settings", { every: 60000 });
  const all = answer?.settings ?? [];
  const found = all.filter((row) => (!query.changed || row.differs) && (!query.q || row.key.includes(query.q)));
  const changed = all.filter((row) => row.differs).length;
  return card(
    "effective",
    t("Effective configuration"),
    h("div", { class: "toolbar" }, h("label", { class: "check" }, h("input", { type: "checkbox", id: "only-changed", checked: Boolean(query.changed) }), t("only what differs from the default ({count})", { count: changed })), h("label", { class: "search" }, h("span", { class: "visually-hidden" }, t("Search a setting")), h("input", { type: "search", id: "setting-search", placeholder: t("Search a setting"), value: query.q ?? "", autocomplete: "off", spellcheck: "false" }))),
    found.length ? table(t("Effective configuration"), COLUMNS.map((column) => ({ ...column, name: t(column.name) })), found, (row) => row.key, "") : empty(answer, context.problem("/api/settings"), t("No setting matches.")),
  );
}

function shown(value) {
  if (value === null || value === "") return "–";
  if (Array.isArray(value)) return value.length > 12 ? `${value.slice(0, 12).join(", ")} … (${value.length})` : value.join(", ") || "–";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
