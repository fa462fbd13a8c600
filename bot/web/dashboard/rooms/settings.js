/** Settings: the looks of this page, and every effective setting of the daemon beside its default. */

import { give } from "../core/commands.js";
import { h } from "../core/dom.js";
import { notifying, setNotifying } from "../core/notify.js";
import { card, empty } from "../core/parts.js";
import { choices, choose, chosen } from "../core/prefs.js";
import { setQuery } from "../core/router.js";
import { table } from "../core/table.js";
import { N_, t } from "../core/texts.js";

const LOOKS = {
  theme: [N_("Theme"), { system: N_("as the system"), light: N_("light"), dark: N_("dark") }],
  colours: [N_("Up and down"), { "green-red": N_("green and red"), "blue-orange": N_("blue and orange"), "red-green": N_("red and green") }],
  density: [N_("Density"), { comfortable: N_("comfortable"), dense: N_("dense") }],
  width: [N_("Width"), { fitted: N_("fitted"), wide: N_("the whole window") }],
  language: [N_("Language"), { browser: N_("as the browser"), en: "English", tr: "Türkçe" }],
  zone: [N_("Times"), { UTC: N_("UTC"), local: N_("your time zone") }],
};

document.addEventListener("change", (event) => {
  const { pref } = event.target.dataset ?? {};
  if (pref) choose(pref, event.target.value);
  if (pref === "language") location.reload(); // every word was chosen when it was drawn
  if (event.target.id === "only-changed") setQuery({ changed: event.target.checked ? "1" : null });
});
let shared = null;
let redraw = () => {};

document.addEventListener("click", async (event) => {
  const { id } = event.target;
  if (id === "notify") await setNotifying(notifying() !== "on");
  else if (id === "share") shared = await give("/api/session/share", { days: 7 }, t("The link is made."));
  else if (id === "share-end") shared = (await give("/api/session/share/end", { path: shared.path }, t("The link is ended."))) ? null : shared;
  else return;
  redraw();
});
document.addEventListener("input", (event) => {
  if (event.target.id === "setting-search") setQuery({ q: event.target.value.trim().toLowerCase() });
});

export const room = {
  draw(state, { query }, context) {
    ({ redraw } = context);
    return [h("h1", { class: "visually-hidden", key: "h1" }, t("Settings")), h("div", { class: "grid settings", key: "grid" }, h("div", { class: "stack", key: "own" }, looks(), notifications(), sharing(state, context)), settings(query, context))];
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

const NOTIFYING = {
  none: N_("This browser cannot notify from this address: it needs https, or this machine's own address."),
  refused: N_("This browser refuses notifications from here; its settings of the site can allow them."),
  on: N_("On: exits, entries, protections, promotions, feed trouble and the daily digest, while this page is open somewhere."),
  off: N_("Off."),
};

function notifications() {
  const state = notifying();
  const button = h("button", { type: "button", class: "button small", id: "notify", "aria-pressed": String(state === "on"), disabled: state === "none" || state === "refused" }, state === "on" ? t("Switch off") : t("Switch on"));
  return card("notifications", t("Notifications"), button, h("p", { class: "note", key: "note" }, t(NOTIFYING[state])));
}

/** A link for others: whoever has it looks, and changes nothing. */
function sharing(state, context) {
  if (state.mayOnlyLook) return null;
  const button = h("button", { type: "button", class: "button small", id: "share", disabled: !context.canCommand() }, t("Make a link"));
  return card(
    "sharing",
    t("Share"),
    button,
    h("p", { class: "note", key: "note" }, t("A link lets whoever has it look at everything here for 7 days, and change nothing.")),
    shared ? h("label", { class: "shared", key: "link" }, h("span", { class: "visually-hidden" }, t("Link")), h("input", { id: "shared-link", readonly: true, value: location.origin + shared.path })) : null,
    shared ? h("button", { type: "button", class: "button small danger", id: "share-end", key: "end", disabled: !context.canCommand() }, t("End this link")) : null,
  );
}

const COLUMNS = [
  { name: N_("Setting"), bare: true, cell: (row) => h("code", {}, row.key) },
  { name: N_("Value"), cell: (row) => h("span", { class: row.differs ? "changed" : null }, shown(row.value)) },
  { name: N_("Default"), cell: (row) => h("span", { class: "soft" }, row.differs ? shown(row.default) : "") },
  { name: N_("A change needs"), cell: (row) => h("span", { class: "soft" }, t(row.needs)) },
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
