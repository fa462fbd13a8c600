/** Trades: all closed ones with filter, sort and export; and the page of one. */

import { h } from "../core/dom.js";
import { hours, percent, price, signedMoney, time, tone, words } from "../core/format.js";
import { card, empty, result, sideTag } from "../core/parts.js";
import { setQuery } from "../core/router.js";
import { table } from "../core/table.js";
import { N_, t } from "../core/texts.js";
import * as page from "./trade.js";

const PAGE = 50;
const MOST = 1000;

export const CLOSED = {
  faded: N_("the conviction faded"),
  reversed: N_("the other side was signalled"),
  stop: N_("stop loss"),
  take: N_("target"),
  trail: N_("trailing stop"),
  liquidation: N_("liquidated"),
  command: N_("closed by a person"),
  daily_loss: N_("daily loss stop"),
  drawdown: N_("drawdown stop"),
  kill_switch: N_("kill switch"),
};

const FILTERS = {
  side: { label: N_("Side"), values: ["LONG", "SHORT"], of: (trade) => trade.side },
  outcome: { label: N_("Outcome"), values: [N_("won"), N_("lost")], of: (trade) => (trade.net > 0 ? "won" : "lost") },
  closed: { label: N_("Closed by"), values: Object.keys(CLOSED), of: (trade) => trade.closed_because },
};

let rows = [];
let redraw = () => {};

document.addEventListener("change", (event) => {
  const name = event.target.dataset?.filter;
  if (name) setQuery({ [name]: event.target.value, page: null });
});
document.addEventListener("input", (event) => {
  if (event.target.id === "trade-search") setQuery({ q: event.target.value.trim().toUpperCase(), page: null });
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-sort], [data-page], #export");
  if (!button || !document.querySelector("#trade-search")) return;
  const query = new URLSearchParams(location.search);
  if (button.id === "export") exportCsv(rows);
  else if (button.dataset.page) setQuery({ page: button.dataset.page });
  else setQuery({ sort: button.dataset.sort, up: query.get("sort") === button.dataset.sort && !query.get("up") ? "1" : null });
  redraw();
});

export const room = {
  draw(state, route, context) {
    redraw = context.redraw;
    if (route.id) return page.draw(state, route, context);
    return [h("h1", { class: "visually-hidden", key: "h1" }, t("Trades")), list(route, context)];
  },
  drawn: (state, route, context) => (route.id ? page.drawn(state, route, context) : page.leave()),
  restyle: () => page.restyle(),
  leave: () => page.leave(),
};

const COLUMNS = [
  { name: N_("Trade"), by: "id", bare: true, cell: (trade) => [h("strong", {}, trade.symbol), " ", sideTag(trade.side)] },
  { name: N_("Net"), by: "net", right: true, cell: (trade) => result(trade.net, trade.return_fraction) },
  { name: N_("Entry"), right: true, cell: (trade) => price(trade.entry_price) },
  { name: N_("Exit"), right: true, cell: (trade) => price(trade.exit_price) },
  { name: N_("Held"), by: "held", right: true, cell: (trade) => hours((trade.closed_ms - trade.opened_ms) / 3600000) },
  { name: N_("Costs"), by: "costs", right: true, cell: (trade) => signedMoney(-(trade.fees + trade.funding)) },
  { name: N_("Closed by"), by: "closed_because", cell: (trade) => t(CLOSED[trade.closed_because] ?? words(trade.closed_because)) },
  { name: N_("Decided by"), by: "bundle_id", cell: (trade) => h("span", { class: "id" }, trade.bundle_id.slice(0, 10)) },
  { name: N_("Opened"), by: "opened_ms", right: true, cell: (trade) => time(trade.opened_ms) },
  { name: N_("Closed"), by: "closed_ms", right: true, cell: (trade) => time(trade.closed_ms) },
];

function list({ query }, context) {
  const path = `/api/trades?limit=${MOST}`;
  const answer = context.need(path, { every: 8000 });
  const all = answer?.trades ?? [];
  rows = sorted(all.filter((trade) => matches(trade, query)), query);
  const pages = Math.max(1, Math.ceil(rows.length / PAGE));
  const number = Math.min(pages, Math.max(1, Number(query.page ?? 1)));
  const columns = COLUMNS.map((column) => ({ ...column, name: t(column.name) }));
  return card(
    "trades",
    t("Closed trades"),
    h("button", { type: "button", class: "button small", id: "export", disabled: !rows.length }, t("Export CSV")),
    h("div", { class: "filters", key: "filters" }, h("label", { class: "search" }, h("span", { class: "visually-hidden" }, t("Search a market")), h("input", { type: "search", id: "trade-search", placeholder: t("Market"), value: query.q ?? "", autocomplete: "off", spellcheck: "false" })), Object.entries(FILTERS).map(([name, filter]) => select(name, filter, query[name]))),
    h("p", { class: "note", key: "sum", id: "trades-sum" }, summary(rows, all.length, answer)),
    rows.length ? table(t("Closed trades"), columns, rows.slice((number - 1) * PAGE, number * PAGE), (trade) => trade.id, "", { sort: { by: query.sort ?? "closed_ms", down: !query.up }, href: (trade) => `/trades/${trade.id}` }) : empty(answer, context.problem(path), all.length ? t("No trade matches.") : t("No trade has closed yet.")),
    pages > 1 ? h("nav", { class: "pages", key: "pages", "aria-label": t("Pages") }, h("button", { type: "button", class: "button small", "data-page": number - 1, disabled: number <= 1 }, t("Newer")), h("span", { class: "soft number" }, `${number} / ${pages}`), h("button", { type: "button", class: "button small", "data-page": number + 1, disabled: number >= pages }, t("Older"))) : null,
  );
}

function select(name, { label, values }, chosen) {
  return h("label", { key: name }, h("span", { class: "visually-hidden" }, t(label)), h("select", { "data-filter": name, value: chosen ?? "" }, h("option", { value: "", key: "" }, `${t(label)}: ${t("all")}`), values.map((value) => h("option", { value, key: value, selected: value === chosen }, t(CLOSED[value] ?? value)))));
}

function matches(trade, query) {
  if (query.q && !trade.symbol.includes(query.q)) return false;
  return Object.entries(FILTERS).every(([name, { of }]) => !query[name] || of(trade) === query[name]);
}

function sorted(trades, query) {
  const value = { held: (trade) => trade.closed_ms - trade.opened_ms, costs: (trade) => trade.fees + trade.funding }[query.sort] ?? ((trade) => trade[query.sort ?? "closed_ms"]);
  const sign = query.up ? 1 : -1;
  return [...trades].sort((a, b) => sign * (value(a) > value(b) ? 1 : value(a) < value(b) ? -1 : 0));
}

/** Count and sum what is listed: the daemon says what the whole account came to, this is what was filtered for. */
function summary(found, all, answer) {
  if (!answer) return t("Loading");
  if (!found.length) return "";
  const won = found.filter((trade) => trade.net > 0).length;
  const net = found.reduce((sum, trade) => sum + trade.net, 0);
  const more = answer.next_before ? t("the newest {count}", { count: all }) : String(all);
  return [t("{found} of {more}: won {won}, net ", { found: found.length, more, won: percent(won / found.length, 0) }), h("span", { class: tone(net) }, signedMoney(net))];
}

function exportCsv(trades) {
  if (!trades.length) return;
  const names = Object.keys(trades[0]);
  const quoted = (value) => (/[",\n]/.test(String(value ?? "")) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ""));
  const text = [names.join(","), ...trades.map((trade) => names.map((name) => quoted(trade[name])).join(","))].join("\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/csv" }));
  link.download = "trades.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}
