/** Runs: backtests, walks, searches, simulations and downloads; start, follow, cancel, compare. One queue, one child. */

import { give } from "../core/commands.js";
import { h } from "../core/dom.js";
import { age, isNumber, percent, time } from "../core/format.js";
import { card, commandButton, empty } from "../core/parts.js";
import { go, setQuery } from "../core/router.js";
import { table } from "../core/table.js";
import { said, t } from "../core/texts.js";
import { drawLearning, learningCard } from "./learning.js";
import { trainingCard } from "./training.js";

const TONES = { queued: "tag", running: "tag accent", done: "tag good", failed: "tag warn", cancelled: "tag" };
const MOST_COMPARED = 4;
let kind = "backtest";
let redraw = () => {};
let spoil = () => {};

document.addEventListener("change", (event) => {
  if (event.target.id === "run-kind") {
    kind = event.target.value;
    redraw();
  }
  if (event.target.dataset?.compare) setQuery({ compare: compared().includes(event.target.dataset.compare) ? compared().filter((id) => id !== event.target.dataset.compare).join(".") : [...compared(), event.target.dataset.compare].slice(-MOST_COMPARED).join(".") });
});
document.addEventListener("submit", (event) => {
  if (event.target.id !== "run-form") return;
  event.preventDefault();
  const options = Object.fromEntries([...new FormData(event.target)].filter(([name, value]) => name !== "kind" && value !== ""));
  give("/api/runs", { kind, options }, t("The run waits in the queue.")).then((run) => {
    spoil("/api/run");
    if (run) go(`/runs/${run.id}`);
  });
});

function compared() {
  return (new URLSearchParams(location.search).get("compare") ?? "").split(".").filter(Boolean);
}

export const room = {
  draw(state, route, context) {
    ({ redraw, spoil } = context);
    const busy = { every: 1500, age: 15000 };
    const runs = context.need("/api/runs", busy);
    if (route.id) return runPage(route.id, context, runs);
    const kinds = context.need("/api/runs/kinds", { every: 60000 });
    return [
      h("h1", { class: "visually-hidden", key: "h1" }, t("Runs")),
      h("div", { class: "grid runs", key: "grid" }, form(kinds, context), trainingCard(state.status, context), comparison(runs), list(runs, context), records(context)),
    ];
  },
  drawn(state, route, context) {
    if (route.id) drawLearning(context.need(`/api/run?id=${route.id}`, { every: 3000, age: 20000 })?.points);
  },
};

function form(kinds, context) {
  const chosen = kinds?.kinds.find((part) => part.kind === kind);
  return card(
    "start",
    t("Start a run"),
    null,
    kinds ? h(
      "form",
      { id: "run-form", key: "form", class: "form" },
      h("label", { key: "kind" }, t("What"), h("select", { id: "run-kind", name: "kind" }, kinds.kinds.map((part) => h("option", { value: part.kind, key: part.kind, selected: part.kind === kind }, t(part.title))))),
      chosen ? [h("p", { class: "note wide", key: "summary" }, t(chosen.summary)), chosen.options.map((option) => field(option))] : null,
      h("div", { class: "wide", key: "go" }, h("button", { type: "submit", class: "button primary", disabled: !context.canCommand() }, t("Start"))),
    ) : empty(null, context.problem("/api/runs/kinds"), ""),
    h("p", { class: "note", key: "note" }, t("Runs are processes of their own, niced and limited; one at a time, trainings included. Trading goes on.")),
  );
}

function field({ name, label, pattern, default: value, choices }) {
  const key = `${kind}:${name}`;
  if (choices.length) return h("label", { key }, t(label), h("select", { name }, value ? null : h("option", { value: "", key: "" }, t("as configured")), choices.map((choice) => h("option", { value: choice, key: choice, selected: choice === value }, choice))));
  return h("label", { key }, t(label), h("input", { name, pattern, placeholder: value || t("as configured"), autocomplete: "off", spellcheck: "false", title: t(label) }));
}

const COLUMNS = (context) => [
  { name: t("Run"), bare: true, cell: (run) => [h("strong", {}, t(run.title)), h("small", { class: "id" }, run.id)] },
  { name: t("State"), cell: (run) => [h("span", { class: TONES[run.state] }, t(run.state)), run.state === "running" && isNumber(run.fraction) ? h("small", {}, percent(run.fraction, 0)) : ""] },
  { name: t("Options"), wide: true, cell: (run) => Object.entries(run.options).map(([name, value]) => `${name} ${value}`).join(", ") || t("as configured") },
  { name: t("What came of it"), wide: true, reason: true, cell: (run) => said(run.outcome) || run.line || "" },
  { name: t("Asked"), right: true, cell: (run) => time(run.asked_ms) },
  { name: t("Lasted"), right: true, cell: (run) => (run.started_ms ? age(((run.finished_ms || Date.now()) - run.started_ms) / 1000) : "–") },
  { name: t("Compare"), bare: true, cell: (run) => (run.state === "done" ? h("label", { class: "check" }, h("input", { type: "checkbox", "data-compare": run.id, checked: compared().includes(run.id), "aria-label": t("Compare {run}", { run: run.id }) }), t("compare")) : run.state === "failed" || run.state === "cancelled" ? "" : commandButton(context, "cancel-run", t("Cancel"), { run: run.id }, { danger: true, label: t("Cancel {run}", { run: run.id }) })) },
];

function list(runs, context) {
  const rows = runs?.runs ?? [];
  return card("runs-list", t("Runs"), null, rows.length ? table(t("Runs"), COLUMNS(context), rows, (run) => run.id, "", { href: (run) => `/runs/${run.id}` }) : empty(runs, context.problem("/api/runs"), t("No run has been started yet.")));
}

/** The index of all records, as `sigma runs list` has it: also of runs from the command line, and imported trades. */
function records(context) {
  const found = context.need("/api/runs/records", { every: 30000 });
  const rows = found?.records ?? [];
  const columns = [
    { name: t("Run"), bare: true, cell: (part) => [h("strong", {}, part.kind), h("small", { class: "id" }, part.run)] },
    { name: t("Model"), wide: true, cell: (part) => part.model || "–" },
    { name: t("Until"), right: true, cell: (part) => (part.until_ms ? time(part.until_ms) : "–") },
    { name: t("Net"), right: true, cell: (part) => (isNumber(part.total_return) ? percent(part.total_return, 1) : "–") },
    { name: "Sharpe", right: true, cell: (part) => shown(part.sharpe) },
    { name: t("Trades"), right: true, cell: (part) => shown(part.trades) },
  ];
  return card("records", t("All records"), null, rows.length ? table(t("All records"), columns, rows, (part) => part.run, "") : empty(found, context.problem("/api/runs/records"), t("No run has left a record yet.")));
}

/** The plain figures of chosen runs, side by side; those that differ come first. */
function comparison(runs) {
  const chosen = compared().map((id) => runs?.runs.find((run) => run.id === id)).filter(Boolean);
  if (chosen.length < 2) return null;
  const names = [...new Set(chosen.flatMap((run) => Object.keys(run.figures)))];
  const differs = (name) => new Set(chosen.map((run) => String(run.figures[name]))).size > 1;
  const rows = names.filter((name) => chosen.every((run) => name in run.figures)).sort((a, b) => Number(differs(b)) - Number(differs(a)));
  const columns = [{ name: t("Figure"), bare: true, cell: (name) => name.replaceAll("_", " ") }, ...chosen.map((run) => ({ name: `${t(run.title)} ${run.id}`, right: true, cell: (name) => shown(run.figures[name]) }))];
  return card("compare", t("Side by side"), null, table(t("Side by side"), columns, rows, (name) => name, t("These runs have no figure in common.")));
}

function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) ? value.toLocaleString("en") : value.toLocaleString("en", { maximumSignificantDigits: 5 });
}

function runPage(id, context, runs) {
  const run = runs?.runs.find((part) => part.id === id);
  const answer = context.need(`/api/run?id=${id}`, { every: 3000, age: 20000 });
  const now = run ?? answer?.run;
  if (!now) return [h("h1", { key: "h1" }, id), empty(null, context.problem(`/api/run?id=${id}`), "")];
  const isOver = now.state !== "queued" && now.state !== "running";
  return [
    h("div", { class: "room-head", key: "head" }, h("h1", {}, `${t(now.title)} ${now.id}`), h("span", { class: TONES[now.state], "data-run": now.state }, t(now.state)), h("span", { class: "grow" }), isOver ? null : commandButton(context, "cancel-run", t("Cancel"), { run: id }, { danger: true }), now.has_report ? h("a", { class: "button small", href: `/api/runs/report?id=${id}`, target: "_blank", rel: "noopener" }, t("Open report")) : null),
    card(
      "progress",
      isOver ? t("What came of it") : t("Progress"),
      null,
      isOver ? null : h("progress", { key: "bar", "aria-label": t("Progress"), max: "1", value: isNumber(now.fraction) ? now.fraction : null }),
      isOver ? h("p", { key: "outcome", "data-outcome": "" }, said(now.outcome)) : h("p", { class: "log", key: "line" }, [now.stage ? t("{stage}: {done} of {total}", { stage: said(now.stage), done: now.done.toLocaleString("en"), total: now.total.toLocaleString("en") }) : "", now.line].filter(Boolean).join("\n") || t("waiting for the run before it")),
      h("p", { class: "note", key: "options" }, Object.entries(now.options).map(([name, value]) => `${name} ${value}`).join(", ") || t("options as configured")),
    ),
    learningCard(answer?.points),
    Object.keys(now.figures).length ? card("answer", t("Figures"), null, h("dl", { class: "pairs columns", key: "pairs" }, Object.entries(now.figures).map(([name, value]) => h("div", { key: name }, h("dt", {}, name.replaceAll("_", " ")), h("dd", { class: "number" }, shown(value)))))) : null,
  ];
}
