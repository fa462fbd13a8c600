/** The top of the page: which market, how alive the connection is, how the account stands. */

import { byId, h, patch } from "./dom.js";
import { DASH, age, isNumber, money, percent, score, signedMoney, signedPercent, time, tone } from "./format.js";

const STAND_INS = { trend_rule: "The trend rule trades", cash: "Nothing is entered, positions are closed" };
const DECIDERS = { models: "bundle in production", trend_rule: "the trend rule", cash: "cash: nothing is entered" };

/** Draw the head of the page, its banners and the account's figures. */
export function drawHeader(state) {
  drawPlace(state.status);
  drawLive(state);
  patch(byId("banners"), bannersOf(state));
  patch(byId("figures"), figuresOf(state.status));
  document.title = titleOf(state);
}

/** Return "live", "stale", "connecting" or "disconnected". */
export function lifeOf({ connection, status }) {
  if (connection.phase !== "open") return connection.phase;
  return status && status.is_fresh === false ? "stale" : "live";
}

function drawPlace(status) {
  if (!status) return;
  patch(
    byId("place"),
    status.is_demo ? h("span", { class: "tag warn" }, "Demo market") : null,
    status.is_demo ? status.market.replace(/^demo market: (demo market )?/, "") : status.market,
    isNumber(status.speed) && status.speed !== 1 ? `, ${speedOf(status.speed)}` : "",
    `, account ${status.account}`,
  );
}

function speedOf(speed) {
  return speed === 0 ? "as fast as it keeps up" : `${new Intl.NumberFormat("en").format(speed)} times real time`;
}

function drawLive(state) {
  const life = lifeOf(state);
  const silent = age((Date.now() - state.connection.heardAt) / 1000);
  const texts = {
    live: `Live, ${time(state.status?.minute_ms)}`,
    stale: `Stale, last candle ${age(state.status?.candle_age_s)} old`,
    connecting: "Connecting",
    disconnected: `Disconnected for ${silent}`,
  };
  byId("live").dataset.state = life;
  const text = byId("live-text");
  if (text.textContent !== texts[life]) text.textContent = texts[life];
  byId("live").setAttribute("aria-live", "off");
}

function bannersOf(state) {
  const life = lifeOf(state);
  const { status, connection } = state;
  const banners = [];
  if (life === "disconnected") {
    const silent = age((Date.now() - connection.heardAt) / 1000);
    banners.push(["bad", `The daemon does not answer. Everything below is ${silent} old; reconnecting.`]);
  }
  if (life === "stale") banners.push(["", "Candles have stopped coming. No entry is taken; exits settle when data returns."]);
  const broken = Object.entries(status?.feed ?? {}).filter(([, ready]) => !ready).map(([symbol]) => symbol);
  if (life === "live" && broken.length) banners.push(["", brokenText(broken, status.markets.length)]);
  if (status?.fallback_level && status.fallback_level !== "models") banners.push(["", `${STAND_INS[status.fallback_level]}: ${status.fallback_why}.`]);
  if (status?.paused) banners.push(["", "Paused: no new entries, exits go on."]);
  if (status?.drawdown_locked) banners.push(["bad", "Drawdown stop in force: no new entries until a person lifts it."]);
  if (status?.day_locked) banners.push(["", "Daily loss stop in force until the next UTC day."]);
  return banners.map(([tone, text]) => h("p", { class: `banner ${tone}`.trim(), key: text.slice(0, 12) }, text));
}

function brokenText(broken, markets) {
  if (broken.length >= markets) return "Missed candles are being fetched. No entry is taken until they are complete.";
  return `A hole is open in ${broken.join(", ")}: no entry is taken there until it is filled.`;
}

function figuresOf(status) {
  if (!status || !isNumber(status.equity)) return figure("Equity", DASH, "waiting for the first candle");
  return [
    figure("Equity", money(status.equity), `deposit ${money(status.deposit, 0)}`, "", "equity"),
    figure("Return", signedPercent(status.total_return), signedMoney(status.equity - status.deposit), tone(status.total_return), "return"),
    figure("Today", signedPercent(status.day_return), "since 00:00 UTC", tone(status.day_return), "today"),
    figure("Drawdown", percent(status.drawdown), "from the peak", "", "drawdown"),
    figure("Leverage", `${score(status.gross_leverage).replace("+", "")}×`, `${status.positions.length} open`, "", "leverage"),
    figure("Trades", String(status.trades), "closed", "", "trades"),
    figure("Decides", status.bundle, DECIDERS[status.fallback_level], "id", "bundle"),
  ];
}

function figure(name, value, note, className = "", id = "") {
  const properties = { class: className || null, "data-figure": id || null };
  return h("div", {}, h("dt", {}, name), h("dd", properties, value, h("small", {}, note)));
}

function titleOf(state) {
  const { status } = state;
  if (lifeOf(state) === "disconnected") return "Disconnected, Sigma Analyst";
  return isNumber(status?.equity) ? `${money(status.equity, 0)} (${signedPercent(status.day_return)}), Sigma Analyst` : "Sigma Analyst";
}
