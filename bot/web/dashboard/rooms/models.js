/** Models: who decides and why, live skill against what was promised, challengers, bundles, promotions, the training. */

import { h } from "../core/dom.js";
import { isNumber, percent, score, time } from "../core/format.js";
import { DECIDERS, card, commandButton, empty } from "../core/parts.js";
import { table } from "../core/table.js";
import { N_, said, t } from "../core/texts.js";
import { drawInside, drawLearning, insideCards, learningCard } from "./learning.js";
import { trainingCard } from "./training.js";
import { shadowTests } from "./shadow_tests.js";

const SHOWN = 20;
const MOVES = 12;
const LEVELS = { models: "", trend_rule: N_("the trend rule"), cash: N_("cash") };

export const room = {
  draw(state, route, context) {
    const models = context.need("/api/models", { every: 5000 });
    if (route.id) return bundlePage(route.id, models, context);
    return [
      h("h1", { class: "visually-hidden", key: "h1" }, t("Models")),
      h("div", { class: "grid models", key: "grid" }, champion(models, state, context), trainingCard(state.status, context), learningCard(curves(context)), skill(context), beside(models, context), bundles(models, context), moves(models)),
    ];
  },
  drawn(state, route, context) {
    if (route.id) drawInside(context.need("/api/models", { every: 5000 })?.bundles.find((part) => part.bundle === route.id));
    else drawLearning(curves(context));
  },
};

function curves(context) {
  return context.need("/api/training/curves", { every: 3000, age: 5000 })?.points;
}

function champion(models, state, context) {
  if (!models) return card("champion", t("Who decides"), null, empty(null, context.problem("/api/models"), ""));
  const { status } = state;
  const back = commandButton(context, "rollback", t("Roll back"), {}, { disabled: status ? !status.can_roll_back : true });
  const decides = models.bundles.find((bundle) => bundle.is_active);
  return card(
    "champion",
    t("Who decides"),
    back,
    h("p", { class: "decider", key: "name" }, h("strong", { "data-bundle": models.active }, decides ? h("a", { href: `/models/${models.active}` }, models.active) : models.active), decides ? "" : h("span", { class: "soft" }, ` ${t(DECIDERS[status?.fallback_level] ?? "a fallback strategy")}`)),
    h("p", { class: "note", key: "why" }, said(models.why)),
    models.champion && models.champion !== models.active ? h("p", { class: "note", key: "benched" }, t("Champion on the bench: {bundle}", { bundle: models.champion })) : null,
    decides ? weights(decides) : null,
    models.damaged.map((part) => h("p", { class: "problem", key: part.bundle }, `${part.bundle}: ${part.problem}`)),
  );
}

/** Each family's weight as a bar, with its out-of-fold IC. */
function weights(bundle) {
  const most = Math.max(...Object.values(bundle.weights), 0.01);
  return h("dl", { class: "bars", key: "weights" }, Object.entries(bundle.weights).map(([family, weight]) => h("div", { key: family }, h("dt", {}, family), h("dd", {}, h("span", { class: "bar", style: { width: `${(100 * weight) / most}%` } }), h("span", { class: "number" }, `${weight.toFixed(2)}${isNumber(bundle.family_ic[family]) ? `, IC ${score(bundle.family_ic[family], 3)}` : ""}`)))));
}

const SKILL = [
  { name: N_("Family"), bare: true, cell: (row) => h("strong", {}, row.family) },
  { name: N_("Live IC"), right: true, cell: (row) => (isNumber(row.ic) ? [score(row.ic, 3), h("small", {}, `± ${row.ic_error.toFixed(3)}`)] : t("too few")) },
  { name: N_("Trained IC"), right: true, cell: (row) => score(row.trained_ic, 3) },
  { name: N_("Right side"), right: true, cell: (row) => (isNumber(row.hit_rate) ? percent(row.hit_rate, 1) : "–") },
  { name: N_("Decisions"), right: true, cell: (row) => row.decisions.toLocaleString("en") },
];

function skill(context) {
  const drift = context.need("/api/drift", { every: 15000, age: 60000 });
  if (!drift) return card("skill", t("Live skill"), null, empty(null, context.problem("/api/drift"), ""));
  return card(
    "skill",
    t("Live skill"),
    t("{count} decisions have matured", { count: drift.matured.toLocaleString("en") }),
    table(t("Live skill"), SKILL.map((column) => ({ ...column, name: t(column.name) })), drift.families, (row) => row.family, t("Nobody votes yet.")),
    h("p", { class: "note", key: "note" }, t("IC: correlation of a vote with the return from the next open over the horizon, clipped at three deviations; the same in training and live.")),
    drift.checks.map((check) => h("p", { class: "row", key: check.kind }, h("span", { class: check.passed ? "tag" : "tag warn" }, t(check.kind)), h("span", { class: "soft grow" }, said(check.sentence)))),
  );
}

function beside(models, context) {
  const shown = shadowTests(models?.shadow_tests);
  return card("beside", t("Beside the champion"), null, shown ?? empty(models, context.problem("/api/models"), t("No bundle has been watched beside the champion yet.")));
}

const BUNDLES = (context) => [
  { name: t("Bundle"), bare: true, cell: (part) => [h("span", { class: "id" }, part.bundle), part.is_active ? [" ", h("span", { class: "tag accent" }, t("decides"))] : part.is_production ? [" ", h("span", { class: "tag" }, t("champion"))] : "", part.test_mode ? [" ", h("span", { class: "tag warn" }, t("test mode"))] : ""] },
  { name: t("Trained until"), right: true, cell: (part) => time(part.trained_until_ms).slice(0, 10) },
  { name: N_("IC"), right: true, cell: (part) => score(part.ic, 3) },
  { name: N_("AUC"), right: true, cell: (part) => (isNumber(part.auc) ? part.auc.toFixed(3) : "–") },
  { name: t("Accuracy"), right: true, cell: (part) => (isNumber(part.accuracy) ? percent(part.accuracy, 1) : "–") },
  { name: t("Voters"), cell: (part) => Object.entries(part.weights).map(([family, weight]) => `${family} ${weight.toFixed(2)}`).join(", ") },
  { name: t("Promote"), hidden: true, bare: true, cell: (part) => (part.is_active ? "" : commandButton(context, "promote", t("Promote"), { bundle: part.bundle }, { label: t("Promote {bundle}", { bundle: part.bundle }) })) },
];

function bundles(models, context) {
  const rows = models?.bundles.slice(0, SHOWN) ?? [];
  return card("bundles", t("Bundles"), models ? t("{count} in the registry", { count: models.bundles.length }) : null, rows.length ? table(t("Bundles"), BUNDLES(context), rows, (part) => part.bundle, "", { href: (part) => `/models/${part.bundle}` }) : empty(models, context.problem("/api/models"), t("No bundle has been trained yet.")));
}

function moves(models) {
  const rows = models?.history.slice(0, MOVES) ?? [];
  if (!rows.length) return null;
  return card("moves", t("Promotions"), null, h("ol", { class: "plain moves", key: "list" }, rows.map((move, number) => h("li", { key: number }, h("span", { class: "number" }, time(move.since_ms)), " ", h("strong", {}, move.fallback_level === "models" ? move.bundle : t(LEVELS[move.fallback_level])), h("span", { class: "soft" }, ` ${said(move.why)}`)))));
}

function bundlePage(id, models, context) {
  const bundle = models?.bundles.find((part) => part.bundle === id);
  if (!bundle) return [h("h1", { key: "h1" }, id), empty(models, context.problem("/api/models"), t("No bundle of this name is in the registry."))];
  const facts = [
    [t("Exchange"), bundle.exchange], [t("Markets"), bundle.symbols.join(", ")], [t("Timeframe"), bundle.timeframe], [t("Horizon"), t("{bars} bars", { bars: bundle.horizon_bars })],
    [t("Training recipe"), bundle.recipe], [t("Trained from"), time(bundle.trained_from_ms)], [t("Trained until"), time(bundle.trained_until_ms)], [t("First out-of-sample bar"), time(bundle.first_out_of_sample_ms)],
    ["IC", score(bundle.ic, 4)], ["AUC", isNumber(bundle.auc) ? bundle.auc.toFixed(4) : "–"], [t("Accuracy"), isNumber(bundle.accuracy) ? percent(bundle.accuracy, 2) : "–"], [t("Calibration slope"), score(bundle.slope, 4)], [t("Out-of-fold rows"), bundle.out_of_fold_rows?.toLocaleString("en") ?? "–"],
  ];
  const record = Object.entries(bundle.record).filter(([, value]) => typeof value !== "object");
  const pairs = (rows) => h("dl", { class: "pairs", key: "pairs" }, rows.map(([name, value]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, String(value)))));
  return [
    h("div", { class: "room-head", key: "head" }, h("h1", {}, bundle.bundle), bundle.is_active ? h("span", { class: "tag accent" }, t("decides")) : null, h("span", { class: "grow" }), bundle.is_active ? null : commandButton(context, "promote", t("Promote"), { bundle: id })),
    h(
      "div",
      { class: "grid models", key: "grid" },
      h("div", { class: "stack", key: "left" }, card("facts", t("What it says of itself"), null, pairs(facts)), record.length ? card("record", t("How it was trained"), null, pairs(record)) : null),
      h("div", { class: "stack", key: "right" }, card("weights", t("Weights, and why"), null, weights(bundle), whyWeights(bundle)), insideCards(bundle)),
    ),
  ];
}


function whyWeights({ weights_why: why }) {
  if (!why.length) return h("p", { class: "note", key: "note" }, t("A family weighs what its out-of-fold skill earned it beside the others."));
  return h("ul", { class: "plain reasons", key: "why" }, why.map((words, number) => h("li", { key: number, class: "note" }, said(words))));
}
