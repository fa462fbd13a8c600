/** One decision as an item of a feed: a signal with its reasons, or a refusal with conviction against threshold. */

import { h } from "../core/dom.js";
import { isNumber, percent, price, score, shortTime, signedPercent, withMinus, words } from "../core/format.js";
import { sideTag } from "../core/parts.js";
import { N_, said, t } from "../core/texts.js";

const DONE = {
  hold: N_("the position is kept"),
  resize: N_("the position is resized: it follows the conviction"),
  close: N_("the position is closed"),
};

/** Describe a decision. */
export function decisionItem(decision) {
  return decision.signal ? signalItem(decision) : refusalItem(decision);
}

/**
 * What there is to tell, newest first: signals, resizings, and a refusal once, however many candles in a row it was
 * repeated: with `since`, its first. A position that is simply kept is nothing to tell.
 */
export function told(decisions) {
  const [rows, last] = [[], new Map()];
  for (const decision of decisions) {
    const before = last.get(decision.symbol);
    last.set(decision.symbol, null);
    if (!decision.signal && decision.refusal === null && decision.action === "hold") continue;
    if (before && !decision.signal && !before.signal && before.refusal !== null && before.refusal === decision.refusal) {
      last.set(decision.symbol, before);
      Object.assign(before, { since: decision.ms, times: before.times + 1 });
      continue;
    }
    const row = { ...decision, since: decision.ms, times: 1 };
    last.set(decision.symbol, row);
    rows.push(row);
  }
  return rows;
}

/** Split a reasoning into what decided and what is only context. */
export function reasonsOf(reasoning) {
  const [because, context] = (reasoning ?? "").split(/;?\s*context:\s*/);
  return [because.replace(/^because:\s*/, ""), context ?? ""].map((part) => withMinus(said(part)));
}

function signalItem(decision) {
  const { signal } = decision;
  const [because, context] = reasonsOf(signal.reasoning);
  return h(
    "li",
    { key: keyOf(decision), "data-decision": "signal" },
    h("p", { class: "row" }, h("span", {}, h("strong", {}, signal.symbol), " ", sideTag(signal.signal)), when(decision)),
    because ? h("p", { class: "why" }, because) : null,
    context ? h("p", { class: "context" }, `${t("context")}: ${context}`) : null,
    h(
      "p",
      { class: "levels" },
      level(t("entry"), price(signal.entry_price)),
      level(t("stop"), price(signal.stop_loss)),
      level(t("target"), signal.take_profit > 0 ? price(signal.take_profit) : null),
      level(t("expected"), signedPercent(signal.expected_return)),
      level(t("P(right)"), isNumber(signal.probability) ? percent(signal.probability, 0) : null),
      level(t("confidence"), signal.confidence > 0 ? percent(signal.confidence, 0) : null),
    ),
  );
}

function level(name, value) {
  return value && value !== "–" ? h("span", { key: name }, `${name} ${value}`) : null;
}

function refusalItem(decision) {
  const text = decision.refusal_sentence ? said(decision.refusal_sentence) : t(DONE[decision.action] ?? words(decision.action));
  return h(
    "li",
    { class: "refused", key: keyOf(decision), "data-decision": "refusal" },
    h("p", { class: "row" }, h("strong", {}, decision.symbol), when(decision)),
    h("p", { class: "why" }, text),
    h("p", { class: "levels" }, level(t("conviction"), score(decision.conviction)), decision.times > 1 ? h("span", { key: "times" }, t("{count} candles in a row, since {time}", { count: decision.times, time: shortTime(decision.since) })) : null),
  );
}

function when({ ms }) {
  return h("time", { class: "soft number", datetime: new Date(ms).toISOString() }, shortTime(ms));
}

function keyOf(decision) {
  return `${decision.since ?? decision.ms}:${decision.symbol}`; // a refusal that goes on keeps its place
}
