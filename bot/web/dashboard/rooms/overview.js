/** Overview: the book first. Equity, what it earned, what is held, who decides and why, and why nothing is traded. */

import { BASE } from "../core/account.js";
import { EquityChart } from "../charts/equity.js";
import { byId, h } from "../core/dom.js";
import { age, isNumber, money, percent, price, quantity, shortTime, signedMoney, signedPercent, time, tone } from "../core/format.js";
import { DECIDERS, against, card, choice, commandButton, empty, figure, gauge, onChoice, result, sideTag } from "../core/parts.js";
import { table } from "../core/table.js";
import { N_, many, said, t } from "../core/texts.js";
import { decisionItem, told } from "./decisions.js";
import { trainingLine } from "./training.js";

const KEPT = { hold: N_("its position is kept"), resize: N_("its position is resized"), close: N_("its position is closed") };
const RANGES = [["7", N_("7 d")], ["30", N_("30 d")], ["null", N_("all")]];
const SHOWN_MARKETS = 8;
const EVENTS = "protections,training,promotion,markets,feed,digest";

let range = "30";
let chart = null;
let onlySignals = false;
let redraw = () => {};

onChoice((name, value) => {
  if (name !== "equity-range") return;
  range = value;
  redraw();
});
document.addEventListener("change", (event) => {
  if (event.target.id !== "only-signals") return;
  onlySignals = event.target.checked;
  redraw();
});

export const room = {
  draw(state, route, context) {
    redraw = context.redraw;
    const { status } = state;
    const performance = context.need("/api/performance", { every: 10000, age: 30000 });
    return [
      h("h1", { class: "visually-hidden", key: "h1" }, t("Overview")),
      figures(status, performance),
      h("div", { class: "grid overview", key: "grid" }, equity(performance, context), who(status), positions(status, context), markets(status, context), signals(context), trades(context), accounts(context), alerts(context)),
    ];
  },
  async drawn(state, route, context) {
    const performance = context.need("/api/performance", { every: 10000, age: 30000 });
    if (!performance) return;
    const element = byId("equity-chart");
    chart ??= new EquityChart(element);
    await chart.show(performance, range === "null" ? null : Number(range));
  },
  restyle: () => chart?.restyle(),
  leave() {
    chart?.remove();
    chart = null;
  },
};

function figures(status, performance) {
  if (!status || !isNumber(status.equity)) return h("dl", { class: "figures", key: "figures" }, figure(t("Equity"), "–", t("waiting for the first candle")));
  const currency = status.currency ? ` ${status.currency}` : "";
  const period = (days) => performance?.periods.find((part) => part.days === days);
  const whole = period(null);
  return h(
    "dl",
    { class: "figures", key: "figures" },
    h("div", { class: "hero", key: "equity" }, h("dt", {}, t("Equity")), h("dd", { "data-figure": "equity" }, money(status.equity), h("span", { class: "unit" }, currency), h("small", { class: tone(status.total_return) }, `${signedPercent(status.total_return)} ${t("since the start")}`))),
    figure(t("Today"), signedPercent(status.day_return), t("since 00:00 UTC"), { className: tone(status.day_return), id: "today" }),
    [7, 30].map((days) => earned(t("{days} days", { days }), period(days), status.equity - performance?.equity, `d${days}`)),
    figure(t("Win rate"), isNumber(whole?.win_rate) ? percent(whole.win_rate, 0) : "–", whole ? many("{count} trade closed", "{count} trades closed", whole.trades) : "", { id: "win-rate" }),
    figure(t("Profit factor"), isNumber(whole?.profit_factor) ? whole.profit_factor.toFixed(2) : "–", t("gains over losses"), { id: "profit-factor" }),
    figure(t("Exposure"), `${status.gross_leverage.toFixed(2)}×`, t("{count} open", { count: status.positions.length }), { id: "leverage" }),
    figure(t("Drawdown"), percent(status.drawdown), performance ? t("deepest {value}", { value: percent(performance.max_drawdown) }) : "", { id: "drawdown" }),
  );
}

/** A period up to this very moment, as every figure beside it: `since` is what the equity changed since the answer. */
function earned(name, period, since, id) {
  if (!period) return figure(name, "–", "", { id });
  const net = period.net + (isNumber(since) ? since : 0);
  const note = isNumber(period.change) ? signedPercent((period.change * net) / (period.net || net || 1)) : t("since the start");
  return figure(name, signedMoney(net), note, { className: tone(net), id });
}

function equity(performance, context) {
  const hint = performance ? comparison(performance) : null;
  return card(
    "equity",
    t("Equity"),
    choice("equity-range", t("Range"), RANGES.map(([value, text]) => [value, t(text)]), range),
    hint ? h("p", { class: "note", id: "equity-note", key: "note" }, hint) : null,
    performance ? null : empty(null, context.problem("/api/performance"), ""),
    h("div", { class: "chart", id: "equity-chart", key: "chart", opaque: true, role: "group", "aria-label": performance ? spokenEquity(performance) : t("Equity, not loaded yet") }),
  );
}

/** Both sides of the comparison over the very same time. */
function comparison({ started_ms: since, until_ms: until, total_return: own, buy_and_hold_return: held }) {
  const [from, to] = [time(since).slice(0, 10), time(until)];
  if (!isNumber(held)) return t("From {from} to {to}: {own}", { from, to, own: signedPercent(own) });
  return t("From {from} to {to}: this account {own}, holding its markets {held}", { from, to, own: signedPercent(own), held: signedPercent(held) });
}

function spokenEquity({ points, max_drawdown: worst }) {
  return t("Equity from {from} to {to}, deepest drawdown {worst}", { from: money(points[0].equity), to: money(points.at(-1).equity), worst: percent(worst) });
}

function who(status) {
  if (!status?.bundle) return null;
  const locks = [
    [t("Entries"), status.paused ? t("paused by a person") : t("taken"), status.paused],
    [t("Daily loss stop"), status.day_locked ? t("in force until the next UTC day") : t("armed"), status.day_locked],
    [t("Drawdown stop"), status.drawdown_locked ? t("in force until a person lifts it") : t("armed"), status.drawdown_locked],
    [t("Feed"), status.is_ready ? t("unbroken") : t("not ready, no entries"), !status.is_ready],
  ];
  return card(
    "who",
    t("Who decides"),
    null,
    h("p", { class: "decider", key: "name" }, h("strong", { "data-figure": "bundle" }, status.bundle), h("span", { class: "soft" }, ` ${t(DECIDERS[status.fallback_level])}`)),
    h("p", { class: "note", key: "why" }, said(status.fallback_why)),
    h("ul", { class: "plain locks", key: "locks" }, locks.map(([name, text, holds]) => h("li", { key: name }, h("span", {}, name), h("span", { class: holds ? "tag warn" : "tag" }, text)))),
    status.training.state === "idle" ? null : h("p", { class: "note", key: "training" }, trainingLine(status.training)),
  );
}

const HELD = (context, rests) => [
  { name: t("Market"), bare: true, cell: (held) => [h("strong", {}, held.symbol), " ", sideTag(held.side), rests.includes(held.symbol) ? h("small", { class: "soft" }, t("a rest, under the smallest order: kept until the conviction grows or turns")) : ""] },
  { name: t("Unrealised"), right: true, cell: (held) => result(held.unrealised, held.unrealised_fraction, held.symbol) },
  { name: t("Realised"), right: true, cell: (held) => result(held.realised, null) },
  { name: t("Quantity"), right: true, cell: (held) => quantity(held.quantity) },
  { name: t("Entry"), right: true, cell: (held) => price(held.entry_price) },
  { name: t("Mark"), right: true, cell: (held) => price(held.mark_price) },
  { name: t("Stop loss"), right: true, cell: (held) => price(held.stop_loss) },
  { name: t("Target"), right: true, cell: (held) => price(held.take_profit) },
  { name: t("Since"), right: true, cell: (held) => shortTime(held.opened_ms) },
  { name: t("Close"), bare: true, wide: true, hidden: true, cell: (held) => commandButton(context, "close", t("Close"), { symbol: held.symbol }, { label: t("Close {symbol}", { symbol: held.symbol }) }) },
];

function positions(status, context) {
  const held = status?.positions ?? [];
  const net = held.reduce((sum, part) => sum + part.unrealised, 0);
  const hint = held.length ? h("span", { class: tone(net) }, t("unrealised {net}", { net: signedMoney(net) })) : null;
  const none = status ? t("No open position. A market is entered when its conviction reaches the threshold.") : t("Loading");
  return card("positions", t("Open positions"), hint, table(t("Open positions"), HELD(context, status?.rests ?? []), held, (part) => part.symbol, none, { href: (part) => `/trades/${part.symbol}-${part.trade}` }));
}

function markets(status, context) {
  const all = context.need("/api/status", { every: 5000, age: 5000 })?.markets ?? status?.markets ?? [];
  const reasons = Object.fromEntries((context.need("/api/no-trade-reasons", { every: 6000 })?.markets ?? []).map((row) => [row.symbol, row]));
  const held = new Set((status?.positions ?? []).map((part) => part.symbol));
  const strength = (market) => (held.has(market.symbol) ? 10 : 0) + Math.abs(market.conviction ?? 0) / (market.enter || 1);
  const shown = [...all].sort((a, b) => strength(b) - strength(a)).slice(0, SHOWN_MARKETS);
  const decided = Math.max(0, ...all.map((market) => market.decided_ms));
  const hint = decided > 0 && status ? t("decided {age} ago", { age: age((status.now_ms - decided) / 1000) }) : t("no decision yet");
  return card(
    "conviction",
    t("Convictions"),
    hint,
    all.length ? h("ul", { class: "plain markets", key: "list" }, shown.map((market) => marketItem(market, reasons[market.symbol], held.has(market.symbol), status))) : empty(null, context.problem("/api/status"), ""),
    all.length > SHOWN_MARKETS ? h("p", { class: "more", key: "more" }, h("a", { href: "/markets" }, t("all {count} markets", { count: all.length }))) : null,
  );
}

function marketItem(market, reasons, isHeld, status) {
  return h(
    "li",
    { key: market.symbol, "data-market": market.symbol },
    h("p", { class: "row" }, h("a", { href: `/markets/${market.symbol}` }, h("strong", {}, market.symbol)), h("span", { class: "number", "data-price": market.symbol }, price(market.price))),
    gauge(market),
    h("p", { class: "row" }, h("span", { class: "number" }, against(market)), h("span", { class: "soft" }, isHeld ? t("held") : market.decided_ms ? t("no entry") : t("no decision yet"))),
    h("p", { class: "note" }, isHeld ? t(KEPT[market.action] ?? KEPT.hold) : said((reasons?.refused_ms === market.decided_ms ? reasons.last_refusal : market.refusal_text) ?? "nothing was refused")),
    reasons ? h("p", { class: "note", "data-wait": market.symbol }, waitOf(reasons, status?.now_ms ?? 0)) : null,
  );
}

/** "usually 31 h between entries, last 14 h ago" */
function waitOf({ usual_wait_h: usual, entries, last_entry_ms: last }, nowMs) {
  const text = isNumber(usual) ? t("usually {wait} between entries", { wait: age(usual * 3600) }) : many("{count} entry so far", "{count} entries so far", entries);
  return last ? `${text}, ${t("last {age} ago", { age: age((nowMs - last) / 1000) })}` : text;
}

function signals(context) {
  const answer = context.need("/api/decisions?limit=120", { every: 5000 });
  const given = context.need("/api/signals?limit=20", { every: 5000 });
  const newest = told((answer?.decisions ?? []).filter((decision) => decision.signal || !onlySignals));
  const shown = [...newest, ...older(given?.signals ?? [], answer?.decisions ?? [])].slice(0, 30);
  const filter = h("label", { class: "check" }, h("input", { type: "checkbox", id: "only-signals" }), t("Signals only"));
  const list = h("ol", { class: "plain feed", id: "signals", key: "feed", tabindex: "0", "aria-label": t("Decisions, newest first") }, shown.map(decisionItem));
  return card("signals", t("Signals and refusals"), filter, shown.length ? list : empty(answer, context.problem("/api/decisions?limit=120"), onlySignals ? t("No signal yet.") : t("No decision yet: the first comes with the next closed candle.")));
}

/** Signals from before the decisions that were asked for: entries are rare, and what is held came of one. */
function older(signals, decisions) {
  const first = decisions.at(-1)?.ms ?? Infinity;
  return signals.filter((signal) => signal.decision_ms < first).map((signal) => ({ ms: signal.decision_ms, symbol: signal.symbol, signal }));
}

const ACCOUNTS = [
  { name: N_("Account"), bare: true, cell: (row) => [row.path === null ? h("strong", {}, row.name) : h("a", { "data-account": "", href: `${row.path}/` }, row.name), row.path === BASE ? [" ", h("span", { class: "tag accent" }, t("this one"))] : "", h("small", {}, row.exchange)] },
  { name: N_("Equity"), right: true, cell: (row) => [money(row.equity), h("small", { class: tone(row.total_return) }, signedPercent(row.total_return))] },
  { name: N_("Open"), right: true, cell: (row) => String(row.positions) },
  { name: N_("Closed trades"), right: true, cell: (row) => row.trades.toLocaleString("en") },
  { name: N_("Who decides"), cell: (row) => h("span", { class: "id" }, row.problem || row.decides) },
  { name: N_("Market time"), right: true, cell: (row) => time(row.minute_ms) },
];

/** All accounts of this database, where there are several. */
function accounts(context) {
  const rows = context.need("/api/accounts", { every: 10000, age: 10000 })?.accounts ?? [];
  if (rows.length < 2) return null;
  return card("accounts", t("Accounts of this database"), t("the one you choose is shown and commanded; without a link, by its own daemon"), table(t("Accounts of this database"), ACCOUNTS.map((column) => ({ ...column, name: t(column.name) })), rows, (row) => `${row.exchange}:${row.name}`, ""));
}

const TRADES = [
  { name: N_("Trade"), bare: true, cell: (trade) => [h("strong", {}, trade.symbol), " ", sideTag(trade.side)] },
  { name: N_("Net"), right: true, cell: (trade) => result(trade.net, trade.return_fraction) },
  { name: N_("Closed"), right: true, cell: (trade) => shortTime(trade.closed_ms) },
];

function trades(context) {
  const answer = context.need("/api/trades?limit=8", { every: 5000 });
  const rows = answer?.trades ?? [];
  const columns = TRADES.map((column) => ({ ...column, name: t(column.name) }));
  return card("recent", t("Last trades"), h("a", { href: "/trades" }, t("all trades")), rows.length ? table(t("Last trades"), columns, rows, (trade) => trade.id, "", { href: (trade) => `/trades/${trade.id}` }) : empty(answer, context.problem("/api/trades?limit=8"), t("No trade has closed yet.")));
}

function alerts(context) {
  const path = `/api/alerts?limit=20&events=${EVENTS}`;
  const answer = context.need(path, { every: 5000 });
  const rows = answer?.alerts ?? [];
  const item = (alert) => h(
    "li",
    { key: alert.key, "data-alert": alert.event },
    h("p", { class: "row" }, h("span", { class: alert.event === "feed" || alert.event === "protections" ? "tag warn" : "tag" }, t(alert.event)), h("time", { class: "soft number", datetime: new Date(alert.ms).toISOString() }, shortTime(alert.ms))),
    h("p", { class: "why" }, alert.text),
    alert.lines.length ? h("details", {}, h("summary", {}, t("more")), h("p", { class: "context lines" }, alert.lines.join("\n"))) : null,
  );
  return card("alerts", t("Alerts"), null, rows.length ? h("ol", { class: "plain feed", key: "feed", id: "alerts", tabindex: "0", "aria-label": t("Alerts, newest first") }, rows.map(item)) : empty(answer, context.problem(path), t("Nothing yet: trainings, promotions, protections, markets that come and go, feed trouble and the daily digest are told here.")));
}
