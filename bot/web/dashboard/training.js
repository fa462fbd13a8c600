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
  const done = fractionOf(training);
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
    training.line ? h("p", { class: "log", key: "line" }, training.line) : null,
  ];
}

/** The share that is done: told by the trainer, or read from a line such as "fold 3/7" or "42 %". */
function fractionOf(training) {
  if (isNumber(training.fraction)) return training.fraction;
  const share = /(\d+(?:\.\d+)?)\s?%/.exec(training.line ?? "");
  if (share) return Math.min(1, Number(share[1]) / 100);
  const step = /(\d+)\s?(?:\/|of)\s?(\d+)/.exec(training.line ?? "");
  return step && Number(step[2]) > 0 ? Math.min(1, Number(step[1]) / Number(step[2])) : null;
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
