/** How models learn and what they look at: learning curves while they grow, calibration, importance, skill by market. */

import { plot } from "../charts/plot.js";
import { h } from "../core/dom.js";
import { percent, score } from "../core/format.js";
import { card } from "../core/parts.js";
import { t } from "../core/texts.js";

/** Describe the curves of a training or a run; nothing where none has been told. */
export function learningCard(points) {
  const groups = grouped(points ?? []);
  if (!groups.size) return null;
  return card("learning", t("How they learn"), t("{count} points", { count: points.length }), [...groups].map(([name, lines]) => h("div", { key: name, class: "curve" }, h("h3", {}, name), legend(lines), h("div", { "data-plot": name, opaque: true, role: "img", "aria-label": spoken(name, lines), key: "plot" }))));
}

/** Draw the curves that a room has described. */
export function drawLearning(points) {
  const groups = grouped(points ?? []);
  for (const element of document.querySelectorAll("[data-plot]")) {
    const lines = groups.get(element.dataset.plot);
    if (lines) plot(element, lines, { x: (value) => String(Math.round(value)), y: (value) => value.toPrecision(3) });
  }
}

/** Lines of each curve: what is measured over the number of the point, all fits one after the other. */
function grouped(points) {
  const groups = new Map();
  for (const { curve, values } of points) {
    const lines = groups.get(curve) ?? new Map();
    groups.set(curve, lines);
    for (const [name, value] of Object.entries(values)) {
      const line = lines.get(name) ?? [];
      lines.set(name, line);
      line.push([line.length + 1, value]);
    }
  }
  return new Map([...groups].map(([name, lines]) => [name, [...lines].map(([line, found]) => ({ name: line, points: found }))]));
}

function legend(lines) {
  return h("ul", { class: "plain legend" }, lines.map(({ name }, number) => h("li", { key: name }, h("i", { class: `swatch series-${(number % 6) + 1}` }), name)));
}

function spoken(name, lines) {
  return `${name}: ${lines.map((line) => t("{name} from {first} to {last}", { name: line.name, first: score(line.points[0][1], 3), last: score(line.points.at(-1)[1], 3) })).join(", ")}`;
}

/** Describe what a bundle tells of its markets, its probabilities and its features; [] for one that tells nothing. */
export function insideCards(bundle) {
  const most = Math.max(...bundle.coins.map(({ ic }) => Math.abs(ic)), 0.001);
  const features = Object.entries(bundle.importance);
  return [
    bundle.coins.length ? card("coins", t("Skill by market"), t("IC, out of fold"), bars(bundle.coins.map(({ symbol, ic }) => [symbol, Math.abs(ic) / most, score(ic, 3)]))) : null,
    bundle.calibration.length ? card("calibration", t("Calibration"), t("out of fold"), h("div", { id: "calibration-plot", key: "plot", opaque: true, role: "img", "aria-label": t("P(up) said {low} to {high}; seen {first} to {last}", calibrated(bundle.calibration)) }), h("p", { class: "note", key: "note" }, t("Across: the probability of a rise that was said. Up: the share that rose. The dashed line is perfect."))) : null,
    ...features.map(([family, rows]) => card(`importance-${family}`, t("What {family} looks at", { family }), t("share of what its splits gained"), bars(rows.map(({ feature, share }) => [feature, share / rows[0].share, percent(share, 1)])))),
  ].filter(Boolean);
}

/** Draw a bundle's calibration. */
export function drawInside(bundle) {
  const element = document.querySelector("#calibration-plot");
  if (!element || !bundle?.calibration.length) return;
  const points = bundle.calibration.map(({ probability, seen }) => [probability, seen]);
  const [low, high] = [points[0][0], points.at(-1)[0]];
  plot(element, [{ name: "seen", points }, { name: "perfect", points: [[low, low], [high, high]], dotted: true }], { x: (value) => percent(value, 0), y: (value) => percent(value, 0) });
}

function calibrated(bins) {
  const [first, last] = [bins[0], bins.at(-1)];
  return { low: percent(first.probability, 0), high: percent(last.probability, 0), first: percent(first.seen, 0), last: percent(last.seen, 0) };
}

function bars(rows) {
  return h("dl", { class: "bars", key: "bars" }, rows.map(([name, share, words]) => h("div", { key: name }, h("dt", {}, name), h("dd", {}, h("span", { class: "bar", style: { width: `${Math.max(1, 100 * share)}%` } }), h("span", { class: "number" }, words)))));
}
