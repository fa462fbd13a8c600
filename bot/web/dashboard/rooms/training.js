/** The embedded trainer: its progress, counted; its last outcome; a way to begin and to end it. */

import { h } from "../core/dom.js";
import { age, isNumber, percent, realSeconds, time } from "../core/format.js";
import { card, commandButton } from "../core/parts.js";
import { N_, said, t } from "../core/texts.js";

const NAMES = { idle: N_("Idle"), downloading: N_("Downloading candles"), waiting: N_("Waiting for another run"), training: N_("Training"), promoting: N_("Promoting") };

/** Where a training is, in words. */
function workOf(training) {
  return training.text === training.state ? t(NAMES[training.state] ?? training.state) : said(training.text);
}

/** Say in a line what the trainer does. */
export function trainingLine(training) {
  const work = workOf(training);
  return work === t("Training") ? work : `${t("Training")}: ${work}`;
}

/** Describe the trainer. */
export function trainingCard(status, context) {
  const training = status?.training;
  const busy = training && training.state !== "idle";
  const button = busy
    ? commandButton(context, "cancel-training", t("Cancel"), {}, { danger: true, disabled: training.state === "promoting" })
    : commandButton(context, "retrain", t("Retrain now"));
  return card("training", t("Training"), button, training ? [busy ? running(training, status) : null, ended(training, busy)] : h("p", { class: "empty", key: "empty" }, t("Loading")));
}

function running(training, status) {
  const lasts = age(realSeconds(status.now_ms - training.started_ms, status));
  return [
    h("p", { class: "row", key: "state" }, h("span", {}, h("strong", { "data-training": training.state }, t(NAMES[training.state] ?? training.state)), training.why ? `, ${said(training.why)}` : ""), h("span", { class: "soft number" }, isNumber(training.fraction) ? `${percent(training.fraction, 0)}, ${lasts}` : lasts)),
    h("progress", { key: "bar", "aria-label": t("Training progress"), max: "1", value: isNumber(training.fraction) ? training.fraction : null }),
    h("p", { class: "log", key: "line" }, workOf(training)),
  ];
}

function ended(training, busy) {
  if (!said(training.last_outcome)) return busy ? null : h("p", { class: "empty", key: "none" }, t("No training has ended yet."));
  return h("p", { key: "outcome", "data-outcome": "" }, h("span", { class: "soft" }, training.last_finished_ms ? t("Last run, {time}: ", { time: time(training.last_finished_ms) }) : t("Last run: ")), said(training.last_outcome));
}
