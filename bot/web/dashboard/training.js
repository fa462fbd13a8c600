/** What the embedded trainer does: its progress, its last outcome. */

import { byId, h, patch } from "./dom.js";
import { age, isNumber, percent, time } from "./format.js";

const NAMES = { idle: "Idle", downloading: "Downloading candles", training: "Training", promoting: "Promoting", waiting: "Waiting" };

/** Draw the trainer's progress. */
export function drawTraining({ status }) {
  const training = status?.training;
  if (!training) return;
  const busy = training.state !== "idle";
  byId("retrain").disabled = busy;
  patch(byId("training"), busy ? running(training, status.now_ms) : null, ended(training, busy));
}

function running(training, nowMs) {
  const done = training.fraction;
  const name = NAMES[training.state] ?? training.state;
  const lasts = `${age((nowMs - training.started_ms) / 1000)} of market time`;
  return [
    h(
      "p",
      { class: "row", key: "state" },
      h("span", {}, h("strong", { "data-training": training.state }, name), training.why ? `, ${training.why}` : ""),
      h("span", { class: "soft number" }, isNumber(done) ? `${percent(done, 0)}, ${lasts}` : lasts),
    ),
    h("progress", { key: "bar", "aria-label": "Training progress", max: "1", value: isNumber(done) ? done : null }),
    h("p", { class: "log", key: "line" }, training.text),
  ];
}

function ended(training, busy) {
  if (!training.last_outcome) return busy ? null : h("p", { class: "empty", key: "none" }, "No training has ended yet.");
  return h(
    "p",
    { key: "outcome", "data-outcome": "" },
    h("span", { class: "soft" }, training.last_finished_ms ? `Last run, ${time(training.last_finished_ms)}: ` : "Last run: "),
    training.last_outcome,
  );
}
