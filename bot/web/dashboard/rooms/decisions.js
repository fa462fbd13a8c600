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
    h("p", { class: "levels" }, level(t("conviction"), score(decision.conviction))),
  );
}

function when({ ms }) {
  return h("time", { class: "soft number", datetime: new Date(ms).toISOString() }, shortTime(ms));
}

function keyOf(decision) {
  return `${decision.ms}:${decision.symbol}`;
}
