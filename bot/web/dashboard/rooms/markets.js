/** Markets: a searchable list of all; and one market with its chart, its panes, and why it is traded or not. */

import { PriceChart, spoken } from "../charts/price.js";
import { byId, h } from "../core/dom.js";
import { isNumber, percent, price, score, shortTime, signedPercent, time } from "../core/format.js";
import { against, card, choice, commandButton, empty, gauge, onChoice, sideTag } from "../core/parts.js";
import { setQuery } from "../core/router.js";
import { table } from "../core/table.js";
import { said, t } from "../core/texts.js";
import { decisionItem, told } from "./decisions.js";

const FRAMES = ["1m", "5m", "15m", "1h", "4h", "1d"];
const SHOWN = 60;
const MOST_FEATURES = 6;

let chart = null;
let search = "";
let limit = SHOWN;
let sort = { by: "strength", down: true };
let redraw = () => {};
let looked = null;

onChoice((name, value) => {
  if (name === "timeframe") setQuery({ tf: value });
  if (name === "pane") togglePane(value);
});
document.addEventListener("input", (event) => {
  if (event.target.id !== "market-search") return;
  search = event.target.value.trim().toUpperCase();
  redraw();
});
document.addEventListener("change", (event) => {
  if (event.target.id !== "feature-add" || !event.target.value) return;
  const names = featuresOf(new URLSearchParams(location.search).get("f"));
  setQuery({ f: [...names, event.target.value].slice(-MOST_FEATURES).join(",") });
  event.target.value = "";
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("#more-markets, [data-sort], [data-feature]");
  if (!button || !document.querySelector("#market-search, #price-chart")) return;
  if (button.id === "more-markets") limit += SHOWN;
  if (button.dataset.sort) sort = { by: button.dataset.sort, down: sort.by === button.dataset.sort ? !sort.down : true };
  if (button.dataset.feature) setQuery({ f: featuresOf(new URLSearchParams(location.search).get("f")).filter((name) => name !== button.dataset.feature).join(",") });
  redraw();
});

export const room = {
  draw(state, route, context) {
    redraw = context.redraw;
    if (route.id) return market(state, route, context);
    context.watch("");
    return [h("h1", { class: "visually-hidden", key: "h1" }, t("Markets")), list(state, context), changes(context, null)];
  },
  async drawn(state, route, context) {
    if (!route.id) return forget();
    const timeframe = frameOf(route, state.status);
    const element = byId("price-chart");
    if (!chart) {
      chart = new PriceChart(element);
      chart.onCrosshair = (bar) => {
        looked = bar;
        byId("bar-note").textContent = bar ? ohlc(bar) : "";
      };
    }
    await chart.show(route.id, timeframe);
    const { features } = context.need("/api/features", { every: 60000 }) ?? { features: [] };
    const names = featuresOf(route.query.f);
    const shown = new Set(panesOf(route.query.p));
    await chart.panes({ conviction: shown.has("conviction"), votes: shown.has("votes"), features: features.filter(({ name }) => names.includes(name)) });
    const held = state.status?.positions.find((part) => part.symbol === route.id);
    await chart.refresh(held, state.status?.decided_ms);
    element.setAttribute("aria-label", spoken(route.id, timeframe, chart.shown, held));
    const { last } = chart.shown;
    if (last && !looked) byId("bar-note").textContent = ohlc(last);
  },
  restyle: () => chart?.restyle(),
  leave: forget,
};

function forget() {
  chart?.remove();
  chart = null;
  looked = null;
}

function frameOf(route, status) {
  return FRAMES.includes(route.query.tf) ? route.query.tf : (status?.timeframe ?? "1h");
}

function featuresOf(text) {
  return (text ?? "").split(",").filter(Boolean);
}

function panesOf(text) {
  return text === undefined ? ["conviction"] : text.split(".").filter((name) => name && name !== "none");
}

function togglePane(name) {
  const shown = new Set(panesOf(new URLSearchParams(location.search).get("p") ?? undefined));
  if (shown.has(name)) shown.delete(name);
  else shown.add(name);
  setQuery({ p: [...shown].join(".") || "none" });
}

function ohlc(bar) {
  return `${time(bar.open_ms)}  O ${price(bar.open)}  H ${price(bar.high)}  L ${price(bar.low)}  C ${price(bar.close)}  ${signedPercent(bar.close / bar.open - 1)}  V ${new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 }).format(bar.volume)}`;
}

const COLUMNS = (held) => [
  { name: t("Market"), by: "symbol", bare: true, cell: (market) => [h("strong", {}, market.symbol), held.has(market.symbol) ? [" ", sideTag(held.get(market.symbol))] : ""] },
  { name: t("Price"), by: "price", right: true, cell: (market) => price(market.price) },
  { name: t("Conviction"), by: "strength", right: true, cell: (market) => score(market.conviction) },
  { name: t("Against the threshold"), wide: true, cell: (market) => gauge(market) },
  { name: t("Expected"), by: "expected_return", right: true, cell: (market) => (isNumber(market.expected_return) ? signedPercent(market.expected_return) : "–") },
  { name: t("Why not"), wide: true, reason: true, cell: (market) => said(market.refusal_text ?? "") },
];

function list(state, context) {
  const answer = context.need("/api/status", { every: 4000, age: 4000 });
  const all = answer?.markets ?? [];
  const held = new Map((state.status?.positions ?? []).map((part) => [part.symbol, part.side]));
  const found = all.filter((market) => market.symbol.includes(search)).sort(order(held));
  const field = h("label", { class: "search" }, h("span", { class: "visually-hidden" }, t("Search a market")), h("input", { type: "search", id: "market-search", placeholder: t("Search a market"), autocomplete: "off", spellcheck: "false" }));
  return card(
    "all-markets",
    t("Markets"),
    field,
    h("p", { class: "note", key: "count" }, t("{found} of {all} markets; held ones first", { found: found.length, all: all.length })),
    all.length ? table(t("Markets"), COLUMNS(held), found.slice(0, limit), (market) => market.symbol, t("No market is called so."), { sort, href: (market) => `/markets/${market.symbol}` }) : empty(answer, context.problem("/api/status"), t("No decision yet.")),
    found.length > limit ? h("button", { type: "button", class: "button small", id: "more-markets", key: "more" }, t("Show {count} more", { count: Math.min(SHOWN, found.length - limit) })) : null,
  );
}

function order(held) {
  const value = (market) => (sort.by === "strength" ? Math.abs(market.conviction ?? 0) / (market.enter || 1) : (market[sort.by] ?? -Infinity));
  const sign = sort.down ? -1 : 1;
  return (a, b) => Number(held.has(b.symbol)) - Number(held.has(a.symbol)) || sign * (value(a) > value(b) ? 1 : value(a) < value(b) ? -1 : 0);
}

function market(state, route, context) {
  context.watch(route.id);
  const symbol = route.id;
  const { status } = state;
  const view = status?.markets.find((part) => part.symbol === symbol);
  const held = status?.positions.find((part) => part.symbol === symbol);
  const timeframe = frameOf(route, status);
  const shown = panesOf(route.query.p);
  return [
    h("div", { class: "room-head", key: "head" }, h("h1", {}, symbol), view ? h("span", { class: "price number", "data-price": symbol }, price(view.price)) : null, held ? sideTag(held.side) : null, status && !view ? h("span", { class: "tag warn" }, t("not traded any more")) : null, h("span", { class: "grow" }), held ? commandButton(context, "close", t("Close position"), { symbol }, { danger: true }) : null),
    h(
      "section",
      { class: "card chart-card", key: "chart", "aria-label": t("Chart") },
      h(
        "div",
        { class: "toolbar", key: "tools" },
        choice("timeframe", t("Timeframe"), FRAMES.map((name) => [name, name]), timeframe),
        h("div", { class: "tabs", role: "group", "aria-label": t("Panes"), key: "panes" }, ["conviction", "votes"].map((name) => h("button", { type: "button", key: name, "data-choice": "pane", "data-value": name, "aria-pressed": String(shown.includes(name)) }, t(name)))),
        featurePicker(route, context),
      ),
      h("p", { class: "bar-note number", id: "bar-note", key: "note", opaque: true }),
      h("div", { class: "chart tall", id: "price-chart", key: "canvas", opaque: true, role: "group", "aria-label": t("{symbol}: candles are loading", { symbol }) }),
    ),
    h("div", { class: "grid market", key: "grid" }, view ? standing(view) : null, recent(symbol, context), changes(context, symbol)),
  ];
}

const CHANGES = "/api/alerts?limit=12&events=markets";

/** What the exchange or a person changed about one market, or about all: joined, left, halted, another tick. */
function changes(context, symbol) {
  const all = context.need(CHANGES, { every: 8000 })?.alerts ?? [];
  const rows = all.filter(({ text }) => symbol === null || text.startsWith(`${symbol} `));
  if (!rows.length) return null;
  const item = (alert) => h("li", { key: alert.key }, h("p", { class: "row" }, h("span", {}, alert.text), h("time", { class: "soft number", datetime: new Date(alert.ms).toISOString() }, shortTime(alert.ms))));
  return card("changes", t("Changes of the markets"), null, h("ol", { class: "plain feed", key: "feed", tabindex: "0", "aria-label": t("Changes, newest first") }, rows.map(item)));
}

function featurePicker(route, context) {
  const answer = context.need("/api/features", { every: 60000 });
  const chosen = featuresOf(route.query.f);
  const groups = new Map();
  for (const { name, group } of answer?.features ?? []) groups.set(group, [...(groups.get(group) ?? []), name]);
  return h(
    "div",
    { class: "features", key: "features" },
    h("label", {}, h("span", { class: "visually-hidden" }, t("Add a feature")), h("select", { id: "feature-add" }, h("option", { value: "", key: "" }, t("+ feature")), [...groups].map(([group, names]) => h("optgroup", { label: t(group), key: group }, names.map((name) => h("option", { value: name, key: name, disabled: chosen.includes(name) }, name)))))),
    chosen.map((name) => h("button", { type: "button", class: "chip", key: name, "data-feature": name, "aria-label": t("Remove {name}", { name }) }, name, h("span", { "aria-hidden": "true" }, " ×"))),
  );
}

function standing(view) {
  return card(
    "standing",
    t("Conviction"),
    null,
    gauge(view),
    h("p", { class: "row", key: "row" }, h("span", { class: "number" }, against(view)), isNumber(view.expected_return) ? h("span", { class: "soft number" }, t("expects {value}", { value: signedPercent(view.expected_return) })) : null),
    view.refusal_text ? h("p", { class: "note", key: "why" }, said(view.refusal_text)) : null,
    h("dl", { class: "pairs", key: "votes" }, Object.entries(view.votes).map(([family, vote]) => h("div", { key: family }, h("dt", {}, family), h("dd", { class: "number" }, score(vote))))),
    view.last_signal ? h("p", { class: "note", key: "last" }, lastSignal(view.last_signal)) : null,
  );
}

function lastSignal({ signal: side, entry_price: entry, probability }) {
  const said = t("last signal {side} at {price}", { side, price: price(entry) });
  return isNumber(probability) ? `${said}, ${t("probability {p}", { p: percent(probability, 0) })}` : said;
}

function recent(symbol, context) {
  const path = `/api/decisions?symbol=${symbol}&limit=30`;
  const answer = context.need(path, { every: 4000 });
  const rows = answer?.decisions ?? [];
  const shown = told(rows).length ? told(rows) : rows;
  return card("signals", t("Decisions"), null, rows.length ? h("ol", { class: "plain feed", key: "feed", tabindex: "0", "aria-label": t("Decisions, newest first") }, shown.map(decisionItem)) : empty(answer, context.problem(path), t("No decision yet.")));
}
