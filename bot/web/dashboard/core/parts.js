/** Parts that several rooms show: cards, figures, tags, the gauge of a conviction, command buttons. */

import { h } from "./dom.js";
import { isNumber, score, signedMoney, signedPercent, tone } from "./format.js";
import { N_, t } from "./texts.js";

/** Who decides where no bundle does. */
export const DECIDERS = { models: N_("the bundle in production"), trend_rule: N_("the trend rule"), cash: N_("cash: nothing is entered") };

/** A card with a heading, a hint beside it, and whatever else. */
export function card(id, title, hint, ...children) {
  return h("section", { class: `card ${id}`, key: id, "aria-labelledby": `${id}-title` }, h("div", { class: "card-head" }, h("h2", { id: `${id}-title` }, title), hint ? h("div", { class: "hint", id: `${id}-hint` }, hint) : null), ...children);
}

/** One figure of a row: its name, its value, a note below. */
export function figure(name, value, note, { className = "", id = "" } = {}) {
  return h("div", { key: name }, h("dt", {}, name), h("dd", { class: className || null, "data-figure": id || null }, value, note ? h("small", {}, note) : null));
}

/** LONG or SHORT: a side, never a gain or a loss. */
export function sideTag(side) {
  return h("span", { class: `tag side ${side === "LONG" ? "long" : "short"}` }, side);
}

/** A gain or a loss in money, with its fraction below. */
export function result(net, fraction, id = null) {
  return [h("span", { class: tone(net), "data-unrealised": id }, signedMoney(net)), isNumber(fraction) ? h("small", {}, signedPercent(fraction)) : null];
}

/** A button that commands the daemon; off while it does not answer. */
export function commandButton(context, action, text, data = {}, { danger = false, label = null, disabled = false } = {}) {
  const named = Object.fromEntries(Object.entries(data).map(([name, value]) => [`data-${name}`, value]));
  return h("button", { type: "button", class: danger ? "button small danger" : "button small", "data-action": action, "aria-label": label, disabled: disabled || !context.canCommand(), ...named }, text);
}

const FULL_SCALE = 2; // thresholds: where the gauge ends at least

/** The bar grows from the middle: right is LONG, left is SHORT; two marks are the thresholds. */
export function gauge({ symbol, conviction, enter, full }) {
  const end = Math.max(enter * FULL_SCALE, full ?? 0);
  const share = isNumber(conviction) ? Math.min(1, Math.abs(conviction) / end) * 50 : 0;
  const strong = isNumber(conviction) && Math.abs(conviction) >= enter;
  const left = conviction > 0 ? 50 : 50 - share;
  const threshold = (50 * enter) / end;
  return h(
    "div",
    { class: "gauge", role: "img", "aria-label": t("{symbol}: conviction {value}, enters at ±{enter}", { symbol, value: score(conviction), enter: enter.toFixed(2) }) },
    h("span", { class: strong ? `fill strong ${conviction > 0 ? "long" : "short"}` : "fill", style: { left: `${left}%`, width: `${share}%` } }),
    h("i", { style: { left: `${50 - threshold}%` } }),
    h("i", { style: { left: `${50 + threshold}%` } }),
  );
}

/** "+0.65 of ±1.25", or where positions follow the conviction: "+0.65, enters at ±0.38, full at ±1.25". */
export function against({ conviction, enter, full }) {
  const said = { value: score(conviction), enter: enter.toFixed(2), full: full?.toFixed(2) };
  return full > enter ? t("{value}, enters at ±{enter}, full at ±{full}", said) : t("{value} of ±{enter}", said);
}

/** What an empty place says: loading, why there is nothing, or what went wrong. */
export function empty(answer, problem, none) {
  if (problem) return h("p", { class: "empty problem", key: "problem" }, problem.message);
  return h("p", { class: "empty", key: "empty" }, answer === null ? t("Loading") : none);
}

/** A choice of a few: buttons of which one is pressed. */
export function choice(name, label, options, chosen) {
  return h("div", { class: "tabs", role: "group", "aria-label": label, key: name }, options.map(([value, text]) => h("button", { type: "button", key: String(value), "data-choice": name, "data-value": String(value), "aria-pressed": String(value === chosen) }, text)));
}

/** Call `chosen(name, value)` when a button of a choice is pressed. */
export function onChoice(listener) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-choice]");
    if (button && !button.disabled) listener(button.dataset.choice, button.dataset.value);
  });
}
