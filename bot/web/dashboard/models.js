/** The bundles with their out-of-fold scores, and which one decides. */

import { byId, h, patch } from "./dom.js";
import { isNumber, score, time } from "./format.js";

const SHOWN = 8;
const MOVES = 5;

/** Draw the bundles, the one in production first. */
export function drawModels({ models, status }) {
  if (!models) return;
  const deciding = status?.bundle ?? models.deciding;
  const ordered = [...models.bundles].sort((one, other) => rank(other, deciding) - rank(one, deciding) || other.trained_until_ms - one.trained_until_ms);
  byId("rollback").disabled = !models.bundles.some((bundle) => bundle.bundle === deciding);
  patch(
    byId("models"),
    models.bundles.some((bundle) => bundle.bundle === deciding) ? null : trendRule(deciding),
    ordered.slice(0, SHOWN).map((bundle) => entry(bundle, bundle.bundle === deciding)),
    ordered.length > SHOWN ? h("p", { class: "soft", key: "more" }, `${ordered.length - SHOWN} older ones: sigma models list`) : null,
    moves(models.history.slice(0, MOVES)),
  );
}

/** The newest moves of the production pointer, and why. */
function moves(history) {
  if (!history.length) return null;
  const told = ({ bundle, since_ms, why }) => h("li", { key: since_ms }, h("span", { class: "number" }, time(since_ms)), ` ${bundle ?? "the trend rule"}: ${why}`);
  return h("div", { class: "model", key: "moves" }, h("h3", { class: "words" }, "Promotions"), h("ol", { class: "plain moves" }, history.map(told)));
}

function rank(bundle, deciding) {
  return bundle.bundle === deciding ? 1 : 0;
}

function trendRule(name) {
  return h(
    "div",
    { class: "model", key: "trend", "data-bundle": name ?? "trend-1" },
    h("p", { class: "row" }, h("h3", {}, name ?? "trend-1"), h("span", { class: "tag accent" }, "in production")),
    h("p", { class: "soft" }, "The trend rule decides until a trained bundle has passed its gate."),
  );
}

function entry(bundle, decides) {
  return h(
    "div",
    { class: "model", key: bundle.bundle, "data-bundle": bundle.bundle },
    h("p", { class: "row" }, h("h3", {}, bundle.bundle), decides ? h("span", { class: "tag accent" }, "in production") : promoteButton(bundle.bundle)),
    h(
      "p",
      { class: "scores" },
      figure("IC", isNumber(bundle.ic) ? score(bundle.ic, 3) : null),
      figure("AUC", isNumber(bundle.auc) ? bundle.auc.toFixed(3) : null),
      figure("trained until", time(bundle.trained_until_ms).slice(0, 10)),
      figure("timeframe", bundle.timeframe),
    ),
    h("p", { class: "scores" }, Object.entries(bundle.weights).map(([family, weight]) => familyScore(bundle, family, weight))),
  );
}

function figure(name, value) {
  return value ? h("span", { key: name }, `${name} `, h("b", {}, value)) : null;
}

function familyScore(bundle, family, weight) {
  const ic = bundle.family_ic?.[family];
  return h("span", { key: family }, `${family} `, h("b", {}, weight.toFixed(2)), isNumber(ic) ? ` (IC ${score(ic, 3)})` : "");
}

function promoteButton(bundle) {
  return h(
    "button",
    { type: "button", class: "button small", "data-action": "promote", "data-bundle": bundle, "aria-label": `Promote ${bundle}` },
    "Promote",
  );
}
