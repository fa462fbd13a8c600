/** Why each market is traded or not: its conviction against the threshold, the last refusal, the usual wait. */

import { byId, h, patch } from "./dom.js";
import { age, hours, isNumber, price, score, words } from "./format.js";

const REFUSALS = {
  weak: "the conviction is under the threshold",
  cost: "the expected return does not pay the round trip",
};
const FULL_SCALE = 2; // thresholds: where the gauge ends

/** Draw the conviction of every market. */
export function drawMarkets({ status, noTrade }) {
  if (!status?.markets) return;
  const decided = Math.max(...status.markets.map((market) => market.decided_ms));
  const decidedAgo = `decided ${age((status.now_ms - decided) / 1000)} ago`;
  byId("markets-hint").textContent = decided > 0 ? decidedAgo : "no decision yet";
  const held = new Set(status.positions.map((position) => position.symbol));
  const items = status.markets.map((market) => item(market, noTrade[market.symbol], held.has(market.symbol), status.now_ms));
  patch(byId("markets"), items);
}

function item(market, reasons, isHeld, nowMs) {
  return h(
    "li",
    { key: market.symbol, "data-market": market.symbol },
    h(
      "p",
      { class: "row" },
      h("strong", {}, market.symbol),
      h("span", { class: "number", "data-price": market.symbol }, price(market.price)),
    ),
    gauge(market),
    h(
      "p",
      { class: "row" },
      h("span", { class: "number" }, `${score(market.conviction)} of ±${score(market.enter).replace("+", "")}`),
      h("span", { class: "soft" }, actionOf(market, isHeld)),
    ),
    h("p", { class: "note" }, reasonOf(market, reasons, isHeld)),
    reasons ? h("p", { class: "note", "data-wait": market.symbol }, waitOf(reasons, nowMs)) : null,
    votes(market.votes),
  );
}

/** The bar grows from the middle: right is LONG, left is SHORT; two marks are the thresholds. */
function gauge({ symbol, conviction, enter }) {
  const share = isNumber(conviction) ? Math.min(1, Math.abs(conviction) / (enter * FULL_SCALE)) * 50 : 0;
  const strong = isNumber(conviction) && Math.abs(conviction) >= enter;
  const side = conviction > 0 ? "long" : "short";
  const left = conviction > 0 ? 50 : 50 - share;
  const threshold = 50 / FULL_SCALE;
  const label = `${symbol}: conviction ${score(conviction)}, enters at ${score(enter)} or ${score(-enter)}`;
  return h(
    "div",
    { class: "gauge", role: "img", "aria-label": label },
    h("span", { class: strong ? `fill ${side}` : "fill", style: { left: `${left}%`, width: `${share}%` } }),
    h("i", { class: "threshold", style: { left: `${50 - threshold}%` } }),
    h("i", { class: "threshold", style: { left: `${50 + threshold}%` } }),
  );
}

function actionOf(market, isHeld) {
  if (!market.decided_ms) return "no decision yet";
  if (market.action !== "hold") return words(market.action);
  return isHeld ? "hold" : "no entry";
}

function reasonOf(market, reasons, isHeld) {
  if (isHeld && !market.refusal) return "its position is kept";
  const isOfNow = reasons?.refused_ms === market.decided_ms;
  if (market.refusal) return isOfNow ? reasons.last_refusal : (REFUSALS[market.refusal] ?? words(market.refusal));
  if (reasons?.last_refusal) return `last refusal: ${reasons.last_refusal}`;
  return market.decided_ms ? "nothing was refused" : "its first decision comes with the next closed candle";
}

/** "usually 31 h between entries, last 14 h ago" */
function waitOf({ usual_wait_h, entries, last_entry_ms }, nowMs) {
  const few = `${entries} ${entries === 1 ? "entry" : "entries"} so far, too few to know the usual wait`;
  const usual = isNumber(usual_wait_h) ? `usually ${hours(usual_wait_h)} between entries` : few;
  return last_entry_ms ? `${usual}, last ${age((nowMs - last_entry_ms) / 1000)} ago` : usual;
}

function votes(given) {
  const named = Object.entries(given ?? {});
  if (!named.length) return null;
  const vote = ([family, given]) => h("span", { key: family }, `${family} ${score(given)}`);
  return h("p", { class: "votes" }, named.map(vote));
}
