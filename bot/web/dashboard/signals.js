/** The feed of decisions, newest first: signals with their reasons, refusals with conviction against threshold. */

import { byId, h, patch } from "./dom.js";
import { isNumber, percent, price, score, signedPercent, time, withMinus, words } from "./format.js";
import { sideTag } from "./positions.js";

const SHOWN = 40;
let announced = 0;

/** Draw the feed and read a new signal out. */
export function drawSignals({ decisions, status }) {
  if (!decisions || !status) return;
  const only = byId("only-signals").checked;
  const shown = decisions.filter((decision) => decision.signal || !only).slice(0, SHOWN);
  const enters = Object.fromEntries(status.markets.map((market) => [market.symbol, market.enter]));
  const none = only ? "No signal yet." : "No decision yet: the first comes with the next closed candle.";
  const items = shown.map((decision) => item(decision, enters[decision.symbol]));
  patch(byId("signals"), items.length ? items : h("li", { class: "empty", key: "none" }, none));
  announce(decisions.find((decision) => decision.signal)?.signal);
}

function announce(newest) {
  if (!newest || newest.decision_ms <= announced) return;
  if (announced) byId("announcer").textContent = `${newest.signal} ${newest.symbol} at ${price(newest.entry_price)}`;
  announced = newest.decision_ms;
}

function item(decision, enter) {
  return decision.signal ? signalItem(decision) : refusalItem(decision, enter);
}

function keyOf(decision) {
  return `${decision.ms}:${decision.symbol}`;
}

function signalItem(decision) {
  const { signal } = decision;
  const [because, context] = reasonsOf(signal.reasoning);
  return h(
    "li",
    { key: keyOf(decision), "data-decision": "signal" },
    h("p", { class: "row" }, h("span", {}, h("strong", {}, signal.symbol), " ", sideTag(signal.signal)), when(decision)),
    because ? h("p", { class: "why" }, because) : null,
    context ? h("p", { class: "context" }, context) : null,
    h(
      "p",
      { class: "levels" },
      h("span", {}, `entry ${price(signal.entry_price)}`),
      h("span", {}, `stop ${price(signal.stop_loss)}`),
      h("span", {}, `target ${price(signal.take_profit)}`),
      isNumber(signal.expected_return) ? h("span", {}, `expects ${signedPercent(signal.expected_return)}`) : null,
      isNumber(signal.confidence) ? h("span", {}, `confidence ${percent(signal.confidence, 0)}`) : null,
      isNumber(signal.win_rate) ? h("span", {}, `such trades won ${percent(signal.win_rate, 0)}`) : null,
    ),
  );
}

function refusalItem(decision, enter) {
  const kept = decision.action === "hold" ? "its position is kept" : words(decision.action);
  const reason = decision.refusal_sentence ?? words(decision.refusal ?? kept);
  const tag = decision.refusal ? "refused" : words(decision.action);
  return h(
    "li",
    { key: keyOf(decision), class: "refused", "data-decision": decision.refusal ? "refusal" : "kept" },
    h(
      "p",
      { class: "row" },
      h("span", {}, h("strong", {}, decision.symbol), " ", h("span", { class: "tag" }, tag)),
      when(decision),
    ),
    h("p", { class: "why" }, reason),
    meter(decision.conviction, enter),
  );
}

function when(decision) {
  const at = new Date(decision.ms).toISOString();
  return h("time", { class: "soft number", datetime: at }, time(decision.ms));
}

/** A bar from nothing to twice the threshold; the mark is the threshold. */
function meter(conviction, enter) {
  if (!isNumber(conviction) || !isNumber(enter)) return null;
  const share = Math.min(100, (Math.abs(conviction) / enter) * 50);
  return h(
    "div",
    { class: "meter", role: "img", "aria-label": `conviction ${score(conviction)} of ${score(enter)}` },
    h("span", { style: { width: `${share}%` } }),
    h("i", { style: { left: "50%" } }),
  );
}

/** "because: …; context: …" -> both parts, each starting with a capital letter. */
function reasonsOf(reasoning) {
  const [because, context] = withMinus(String(reasoning ?? "")).split(/;?\s*context:\s*/);
  return [capital(because.replace(/^because:\s*/, "Because ")), context ? `Context: ${context}` : ""];
}

function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
