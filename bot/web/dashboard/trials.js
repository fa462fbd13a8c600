/** Bundles watched beside the champion: the likelihood ratio on its way to a decision, and what both were worth. */

import { h } from "./dom.js";
import { days, isNumber, ratio, score, time } from "./format.js";

const ENDED = 3;
const ROLES = {
  challenger: "challenger",
  predecessor: "predecessor",
  nothing: "harm stop",
  benched: "on the bench",
};

/** Describe the trials that go on and the newest that ended; nothing where none was ever begun. */
export function trials(all) {
  if (!all?.length) return null;
  const ended = all.filter((trial) => trial.ended_ms !== null);
  const shown = [...all.filter((trial) => trial.ended_ms === null), ...ended.slice(0, ENDED)];
  return h(
    "div",
    { class: "model", key: "trials" },
    h("h3", { class: "words" }, "Beside the champion"),
    shown.map((trial) => entry(trial)),
  );
}

function entry(trial) {
  const goesOn = trial.ended_ms === null;
  const name = trial.bundle === "nothing" ? "forecast of no return" : trial.bundle;
  return h(
    "div",
    { class: "trial", key: `${trial.bundle}:${trial.started_ms}`, "data-trial": trial.role },
    h(
      "div",
      { class: "row" },
      h("span", { class: "id" }, name),
      h("span", { class: goesOn ? "tag accent" : "tag" }, goesOn ? ROLES[trial.role] : `ended ${time(trial.ended_ms)}`),
    ),
    goesOn ? meter(trial) : null,
    h(
      "p",
      { class: "scores" },
      figure("e-value", `${ratio(trial.likelihood_ratio)} of ${ratio(trial.needed)}`),
      figure("for the champion", ratio(trial.for_champion)),
      figure("to decide", leftOf(trial)),
      figure("watched", `${days(trial.days)}, ${trial.outcomes.toLocaleString("en")} outcomes`),
      figure("IC", isNumber(trial.ic) ? score(trial.ic, 3) : null),
      figure("champion's IC", isNumber(trial.champion_ic) ? score(trial.champion_ic, 3) : null),
    ),
    goesOn ? null : h("p", { class: "soft note" }, trial.text),
  );
}

function leftOf({ days_to_decide: left }) {
  if (!isNumber(left)) return null;
  return left > 0 ? `about ${days(left)}` : "now";
}

/** How far the ratio is on the way from even to decided, on the scale it grows on. */
function meter({ likelihood_ratio: forIt, needed }) {
  const share = Math.max(0, Math.min(1, Math.log(Math.max(forIt, 1)) / Math.log(needed)));
  const label = `likelihood ratio ${ratio(forIt)} of the ${ratio(needed)} that decide`;
  return h("div", { class: "meter wide", role: "img", "aria-label": label }, h("span", { style: { width: `${share * 100}%` } }));
}

function figure(name, value) {
  return value ? h("span", { key: name }, `${name} `, h("b", {}, value)) : null;
}
