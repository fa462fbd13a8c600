/** The frame around every room: which market, how alive the connection is, what holds entries back, where one is. */

import { accountChoice } from "./account.js";
import { byId, h, patch } from "./dom.js";
import { age, isNumber, money, signedPercent, time } from "./format.js";
import { chosen, theme } from "./prefs.js";
import { N_, said, t } from "./texts.js";

const MISSING_MS = 3000;
const missing = new Map(); // market -> since when its candles are missing

/** Draw the frame, with the accounts that may be chosen. */
export function drawShell(state, route, accounts) {
  drawPlace(state.status, accounts);
  drawLive(state);
  patch(byId("banners"), bannersOf(state));
  for (const link of document.querySelectorAll("[data-room]")) {
    if (link.dataset.room === route.room) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const { status } = state;
  const pause = byId("pause");
  pause.dataset.action = status?.paused ? "resume" : "pause";
  pause.textContent = status?.paused ? t("Resume") : t("Pause");
  for (const id of ["pause", "stop"]) byId(id).disabled = !canCommand(state);
  byId("session").textContent = state.signedIn ? t("Sign out") : t("Sign in");
  byId("theme").setAttribute("aria-label", theme() === "dark" ? t("Light theme") : t("Dark theme"));
  byId("zone-note").textContent = chosen().zone === "UTC" ? t("Times are UTC market time.") : t("Times are market time in your zone.");
  document.title = titleOf(state, route);
}

/** Return "live", "stale", "connecting" or "disconnected". */
export function lifeOf({ connection, status }) {
  if (connection.phase !== "open") return connection.phase;
  return status && status.is_fresh === false ? "stale" : "live";
}

/** Whether a command given now would reach the daemon now, and be taken. */
export function canCommand({ connection, mayOnlyLook }) {
  return connection.phase === "open" && !mayOnlyLook;
}

function drawPlace(status, accounts) {
  if (!status) return;
  const choice = accountChoice(h, t, accounts);
  patch(
    byId("place"),
    choice,
    status.is_demo ? h("span", { class: "tag warn" }, t("Demo market")) : null,
    status.is_demo ? demoOf(said(status.market)) : status.market,
    isNumber(status.speed) && status.speed !== 1 ? `, ${speedOf(status)}` : "",
    choice || status.account === "main" ? null : `, ${t("account {name}", { name: status.account })}`,
  );
}

/** "demo market (generated prices)" without what the tag beside it says. */
function demoOf(market) {
  return market.match(/\((.*)\)$/)?.[1] ?? market.replace(/^demo market:? ?/, "");
}

function speedOf({ speed, slowed_to: slowed }) {
  const text = (value) => new Intl.NumberFormat("en", { maximumFractionDigits: 0 }).format(value);
  if (speed === 0) return t("as fast as it keeps up");
  if (isNumber(slowed)) return t("slowed to {speed}× real time", { speed: text(slowed) });
  return t("{speed}× real time", { speed: text(speed) });
}

function drawLive(state) {
  const life = lifeOf(state);
  const silent = age((Date.now() - state.connection.heardAt) / 1000);
  const texts = {
    live: `${t("Live")}, ${time(state.status?.minute_ms)}`,
    stale: t("Stale, last candle {age} old", { age: age(state.status?.candle_age_real_s) }),
    connecting: t("Connecting"),
    disconnected: t("Disconnected for {age}", { age: silent }),
  };
  byId("live").dataset.state = life;
  const text = byId("live-text");
  if (text.textContent !== texts[life]) text.textContent = texts[life];
}

/** Markets whose candles have been missing for some real seconds: a gap that is fetched at once moves no page. */
function brokenFor(feed) {
  const now = performance.now();
  for (const [symbol, ready] of Object.entries(feed)) {
    if (ready) missing.delete(symbol);
    else if (!missing.has(symbol)) missing.set(symbol, now);
  }
  return [...missing].filter(([symbol, since]) => symbol in feed && now - since >= MISSING_MS).map(([symbol]) => symbol);
}

function bannersOf(state) {
  const life = lifeOf(state);
  const { status, connection } = state;
  const banners = [];
  if (state.mayOnlyLook) banners.push(["calm", t("You look at a shared page: everything is shown, nothing can be commanded.")]);
  if (life === "disconnected") {
    const silent = age((Date.now() - connection.heardAt) / 1000);
    banners.push(["bad", t("The daemon does not answer. Everything below is {age} old; commands are switched off until it is back.", { age: silent })]);
  }
  if (life === "stale") banners.push(["", t("Candles have stopped coming. No entry is taken; exits settle when data returns.")]);
  const broken = brokenFor(status?.feed ?? {});
  if (life === "live" && broken.length) banners.push(["", t("Candles are missing in {markets}: no entry is taken there until they are fetched.", { markets: broken.slice(0, 6).join(", ") + (broken.length > 6 ? " …" : "") })]);
  if (status?.paused) banners.push(["", t("Paused: no new entries, exits go on.")]);
  if (status?.drawdown_locked) banners.push(["bad", t("Drawdown stop in force: no new entries until a person lifts it."), "unlock"]);
  if (status?.day_locked) banners.push(["", t("Daily loss stop in force until the next UTC day."), "unlock"]);
  return banners.map(([tone, text, action]) =>
    h("p", { class: `banner ${tone}`.trim(), key: text.slice(0, 12) }, text, action ? h("button", { type: "button", class: "button small", "data-action": action, disabled: !canCommand(state) }, t("Lift locks")) : null),
  );
}

export const NAMES = { overview: N_("Overview"), markets: N_("Markets"), trades: N_("Trades"), models: N_("Models"), runs: N_("Runs"), calendar: N_("Calendar"), logs: N_("Logs"), settings: N_("Settings") };

function titleOf(state, route) {
  const { status } = state;
  const where = route.id ?? t(NAMES[route.room]);
  if (lifeOf(state) === "disconnected") return `${t("Disconnected")}, Sigma Analyst`;
  if (route.room === "overview" && isNumber(status?.equity)) return `${money(status.equity, 0)} (${signedPercent(status.day_return)}), Sigma Analyst`;
  return `${where}, Sigma Analyst`;
}
