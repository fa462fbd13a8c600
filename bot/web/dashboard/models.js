/** The bundles with their out-of-fold scores, which one decides, and which are watched beside it. */

import { byId, h, patch } from "./dom.js";
import { isNumber, score, time } from "./format.js";
import { trials } from "./trials.js";

const STAND_IN = "A stand-in of the fallback ladder decides; bundles wait on the bench and are watched.";
const MOVED = { trend_rule: "the trend rule", cash: "cash" };
const SHOWN = 8;
const MOVES = 5;

/** Draw the bundles, the one in production first. */
export function drawModels({ models, status }) {
  if (!models) return;
  const deciding = status?.bundle ?? models.deciding;
  const isDeciding = ({ bundle }) => bundle === deciding;
  const ordered = [...models.bundles.filter(isDeciding), ...models.bundles.filter((bundle) => !isDeciding(bundle))];
  byId("rollback").disabled = !models.bundles.some(isDeciding);
  patch(
    byId("models"),
    models.bundles.some(isDeciding) ? null : undescribed(deciding),
    ordered.slice(0, SHOWN).map((bundle) => entry(bundle, isDeciding(bundle))),
    ordered.length > SHOWN ? h("p", { class: "soft", key: "more" }, `${ordered.length - SHOWN} more: sigma models list`) : null,
    trials(models.trials),
    moves(models.history.slice(0, MOVES)),
  );
}

/** The newest moves of the production pointer, and why. */
function moves(history) {
  if (!history.length) return null;
  const told = ({ bundle, since_ms, why, fallback_level }) =>
    h("li", {}, h("span", { class: "number" }, time(since_ms)), ` ${fallback_level === "models" ? bundle : MOVED[fallback_level]}: ${why}`);
  const list = h("ol", { class: "plain moves" }, history.map(told));
  return h("div", { class: "model", key: "moves" }, h("h3", { class: "words" }, "Promotions"), list);
}

function undescribed(name) {
  const isStandIn = !name || name.startsWith("trend") || name.startsWith("cash");
  return h(
    "div",
    { class: "model", key: "trend", "data-bundle": name ?? "trend-1" },
    h("div", { class: "row" }, h("h3", {}, name ?? "trend-1"), productionTag()),
    h("p", { class: "soft" }, isStandIn ? STAND_IN : "This bundle decides, but its folder is not in the registry."),
  );
}

function entry(bundle, decides) {
  return h(
    "div",
    { class: "model", key: bundle.bundle, "data-bundle": bundle.bundle },
    h("div", { class: "row" }, h("h3", {}, bundle.bundle), decides ? productionTag() : promoteButton(bundle.bundle)),
    h(
      "p",
      { class: "scores" },
      figure("IC", isNumber(bundle.ic) ? score(bundle.ic, 3) : null),
      figure("AUC", isNumber(bundle.auc) ? bundle.auc.toFixed(3) : null),
      figure("trained until", time(bundle.trained_until_ms).slice(0, 10)),
      figure("timeframe", bundle.timeframe),
    ),
    h("p", { class: "scores" }, Object.keys(bundle.weights).map((family) => familyScore(bundle, family))),
  );
}

function productionTag() {
  return h("span", { class: "tag accent" }, "in production");
}

function figure(name, value) {
  return value ? h("span", { key: name }, `${name} `, h("b", {}, value)) : null;
}

function familyScore(bundle, family) {
  const ic = bundle.family_ic[family];
  const weight = h("b", {}, bundle.weights[family].toFixed(2));
  return h("span", { key: family }, `${family} `, weight, isNumber(ic) ? ` (IC ${score(ic, 3)})` : "");
}

function promoteButton(bundle) {
  return h(
    "button",
    { type: "button", class: "button small", "data-action": "promote", "data-bundle": bundle, "aria-label": `Promote ${bundle}` },
    "Promote",
  );
}
