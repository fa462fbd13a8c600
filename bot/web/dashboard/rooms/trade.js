/** The page of a trade: its minutes, why it was opened and closed, how far it went both ways, and what it cost. */

import { TradeChart } from "../charts/trade.js";
import { byId, h } from "../core/dom.js";
import { hours, price, quantity, score, signedMoney, signedPercent, time, tone, withMinus, words } from "../core/format.js";
import { card, commandButton, empty, figure, sideTag } from "../core/parts.js";
import { table } from "../core/table.js";
import { N_, many, t } from "../core/texts.js";
import { reasonsOf } from "./decisions.js";
import { CLOSED } from "./trades.js";

let chart = null;

/** Describe the page. */
export function draw(state, route, context) {
  const path = `/api/trade?id=${route.id}`;
  const found = context.need(path, { every: 5000 });
  if (!found) return [h("h1", { key: "h1" }, route.id), empty(null, context.problem(path), "")];
  const { trade } = found;
  const isOpen = trade.closed_ms === null;
  return [
    h("div", { class: "room-head", key: "head" }, h("h1", {}, trade.id), sideTag(trade.side), isOpen ? h("span", { class: "tag accent" }, t("open")) : null, h("span", { class: "grow" }), isOpen ? commandButton(context, "close", t("Close position"), { symbol: trade.symbol }, { danger: true }) : null, h("a", { href: `/markets/${trade.symbol}` }, trade.symbol)),
    figures(found),
    h("section", { class: "card chart-card", key: "chart", "aria-label": t("Its minutes") }, h("p", { class: "note", key: "note" }, t("The account's own minutes, as {timeframe} candles", { timeframe: found.timeframe })), h("div", { class: "chart tall", id: "trade-chart", key: "canvas", opaque: true, role: "group", "aria-label": spoken(trade) })),
    h("div", { class: "grid trade", key: "grid" }, reasons(found), levels(found), moves(found), events(found)),
  ];
}

/** Draw its chart. */
export async function drawn(state, route, context) {
  const found = context.need(`/api/trade?id=${route.id}`, { every: 5000 });
  if (!found) return;
  if (chart && chart.id !== route.id) leave();
  chart ??= new TradeChart(byId("trade-chart"), route.id);
  await chart.show(found);
}

export function restyle() {
  chart?.restyle();
}

export function leave() {
  chart?.remove();
  chart = null;
}

function figures({ trade, best, worst, gross, candles, events: rows }) {
  const lasted = ((trade.closed_ms ?? candles.at(-1)?.open_ms ?? trade.opened_ms) - trade.opened_ms) / 3600000;
  return h(
    "dl",
    { class: "figures", key: "figures" },
    h("div", { class: "hero", key: "net" }, h("dt", {}, trade.closed_ms === null ? t("Unrealised") : t("Net")), h("dd", { class: tone(trade.net), "data-figure": "net" }, signedMoney(trade.net), h("small", {}, signedPercent(trade.return_fraction)))),
    figure(t("Gross"), signedMoney(gross), t("before costs")),
    figure(t("Fees"), signedMoney(-trade.fees), t("funding {value}", { value: signedMoney(-trade.funding) })),
    figure(t("Farthest for it"), best === null ? "–" : signedPercent(best), t("MFE"), { id: "mfe" }),
    figure(t("Farthest against it"), worst === null ? "–" : signedPercent(worst), t("MAE"), { id: "mae" }),
    figure(t("Entry"), price(trade.entry_price), trade.resizes ? t("mean, first {price}", { price: price(trade.first_price) }) : time(trade.opened_ms)),
    figure(t("Exit"), price(trade.exit_price), trade.closed_ms !== null && trade.resizes ? t("mean, last {price}", { price: price(lastPrice(rows)) }) : trade.closed_ms === null ? (trade.resizes ? t("realised {value}", { value: signedMoney(brought(rows)) }) : t("open")) : time(trade.closed_ms)),
    figure(t("Held"), hours(lasted), trade.resizes ? resized(trade) : t("{quantity} at most", { quantity: quantity(trade.quantity) }), { id: "held" }),
  );
}

function resized({ quantity: most, resizes }) {
  return `${t("{quantity} at most", { quantity: quantity(most) })}, ${many("resized {count} time", "resized {count} times", resizes)}`;
}

function lastPrice(rows) {
  return rows.findLast((event) => event.quantity)?.price;
}

/** What reductions have brought so far, after their fees. */
function brought(rows) {
  return rows.reduce((sum, event) => sum + (event.realised ?? 0), 0);
}

function spoken(trade) {
  const end = trade.closed_ms === null ? t("open") : t("closed at {price}: {why}", { price: price(trade.exit_price), why: t(CLOSED[trade.closed_because] ?? words(trade.closed_because)) });
  return `${trade.id}: ${trade.side}, ${t("entered at {price}", { price: price(trade.entry_price) })}, ${end}`;
}

function reasons({ trade, opening, closing }) {
  const [because, context] = reasonsOf(opening?.signal?.reasoning);
  const votes = Object.entries(opening?.votes ?? {});
  return card(
    "reasons",
    t("Why"),
    h("span", { class: "id" }, trade.bundle_id),
    h("h3", { key: "opened" }, t("Opened")),
    opening ? h("p", { key: "because" }, because || words(trade.opened_because)) : h("p", { class: "soft", key: "because" }, t("Its decision is not in the ledger.")),
    context ? h("p", { class: "context", key: "context" }, `${t("context")}: ${context}`) : null,
    votes.length ? h("dl", { class: "pairs", key: "votes" }, votes.map(([family, vote]) => h("div", { key: family }, h("dt", {}, family), h("dd", { class: "number" }, score(vote)))), h("div", { key: "conviction" }, h("dt", {}, t("conviction")), h("dd", { class: "number" }, score(opening.conviction)))) : null,
    trade.closed_ms === null ? null : [h("h3", { key: "closed" }, t("Closed")), h("p", { key: "ended" }, t(CLOSED[trade.closed_because] ?? words(trade.closed_because)), closing ? `; ${t("conviction by then {value}", { value: score(closing.conviction) })}` : "")],
  );
}

function levels({ trade, levels: known, opening }) {
  const expected = opening?.expected_return;
  const rows = [
    [t("entry"), price(trade.first_price)],
    [t("stop"), price(known?.stop_loss)],
    [t("target"), price(known?.take_profit)],
    [t("expected return"), expected === null || expected === undefined ? "–" : signedPercent(expected)],
    [t("round-trip cost"), opening ? signedPercent(-opening.cost) : "–"],
  ];
  return card("levels", t("Levels"), null, h("dl", { class: "pairs", key: "pairs" }, rows.map(([name, value]) => h("div", { key: name }, h("dt", {}, name), h("dd", { class: "number" }, value)))));
}

const EVENTS = [
  { name: N_("When"), cell: (event) => time(event.ms) },
  { name: N_("What"), cell: (event) => (event.times > 1 ? `${words(event.kind)}, ${t("{count} times", { count: event.times })}` : `${words(event.kind)}${event.reason === "none" ? "" : `, ${words(event.reason)}`}`) },
  { name: N_("Quantity"), right: true, cell: (event) => (event.quantity ? withMinus(quantity(event.quantity)) : "–") },
  { name: N_("Then held"), right: true, cell: (event) => (event.quantity ? withMinus(quantity(event.position)) : "–") },
  { name: N_("Price"), right: true, cell: (event) => price(event.price) },
  { name: N_("Fee"), right: true, cell: (event) => (event.fee ? signedMoney(-event.fee) : "–") },
  { name: N_("Realised"), right: true, cell: (event) => (event.realised === null ? "–" : h("span", { class: tone(event.realised) }, signedMoney(event.realised))) },
  { name: N_("Cash"), right: true, cell: (event) => signedMoney(event.cash) },
];

/** Funding between two fills as one row: its first time, its sum. */
export function grouped(rows) {
  const found = [];
  for (const event of rows) {
    const before = found.at(-1);
    if (event.kind === "funding" && before?.kind === "funding") {
      found[found.length - 1] = { ...before, times: before.times + 1, price: null, cash: before.cash + event.cash };
    } else {
      found.push({ ...event, times: 1 });
    }
  }
  return found;
}

const MOVED = { entry: N_("set at the fill"), trail: N_("the price went further for it") };
const MOVES = [
  { name: N_("When"), cell: (move) => time(move.ms) },
  { name: N_("stop"), right: true, cell: (move) => price(move.stop) },
  { name: N_("target"), right: true, cell: (move) => price(move.target) },
  { name: N_("Why"), cell: (move) => t(MOVED[move.reason]) },
];

function moves({ moves: rows }) {
  return card("moves", t("Stop and target"), null, table(t("Stop and target"), MOVES.map((column) => ({ ...column, name: t(column.name) })), rows, (move) => String(move.ms), t("Its decision is not in the ledger.")));
}

function events({ events: rows }) {
  return card("events", t("Fills and funding"), null, table(t("Fills and funding"), EVENTS.map((column) => ({ ...column, name: t(column.name) })), grouped(rows), (event) => `${event.ms}:${event.kind}:${event.reason}`, t("Nothing has happened yet.")));
}
