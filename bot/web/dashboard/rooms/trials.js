/** Bundles watched beside the champion: the likelihood ratio on its way to a decision, and what both were worth. */

import { h } from "../core/dom.js";
import { days, isNumber, ratio, score, time } from "../core/format.js";
import { N_, said, t } from "../core/texts.js";

const ENDED = 3;
const ROLES = {
  challenger: N_("challenger"),
  predecessor: N_("predecessor"),
  nothing: N_("harm stop"),
  benched: N_("on the bench"),
};

/** Describe the trials that go on and the newest that ended; nothing where none was ever begun. */
export function trials(all) {
  if (!all?.length) return null;
  const ended = all.filter((trial) => trial.ended_ms !== null);
  const shown = [...all.filter((trial) => trial.ended_ms === null), ...ended.slice(0, ENDED)];
  return h("div", { key: "trials" }, shown.map(entry));
}

function entry(trial) {
  const goesOn = trial.ended_ms === null;
  const name = trial.bundle === "nothing" ? t("forecast of no return") : trial.bundle;
  return h(
    "div",
    { class: "trial", key: `${trial.bundle}:${trial.started_ms}`, "data-trial": trial.role },
    h(
      "div",
      { class: "row" },
      h("span", { class: "id" }, name),
      h("span", { class: goesOn ? "tag accent" : "tag" }, goesOn ? t(ROLES[trial.role]) : t("ended {time}", { time: time(trial.ended_ms) })),
    ),
    goesOn ? meter(trial) : null,
    h(
      "p",
      { class: "scores" },
      figure(t("e-value"), t("{ratio} of {needed}", { ratio: ratio(trial.likelihood_ratio), needed: ratio(trial.needed) })),
      figure(t("for the champion"), ratio(trial.for_champion)),
      figure(t("to decide"), leftOf(trial)),
      figure(t("watched"), t("{days}, {count} outcomes", { days: days(trial.days), count: trial.outcomes.toLocaleString("en") })),
      figure(t("IC"), isNumber(trial.ic) ? score(trial.ic, 3) : null),
      figure(t("champion's IC"), isNumber(trial.champion_ic) ? score(trial.champion_ic, 3) : null),
    ),
    goesOn ? null : h("p", { class: "soft note" }, said(trial.text)),
  );
}

function leftOf({ days_to_decide: left }) {
  if (!isNumber(left)) return null;
  return left > 0 ? t("about {days}", { days: days(left) }) : t("now");
}

/** How far the ratio is on the way from even to decided, on the scale it grows on. */
function meter({ likelihood_ratio: forIt, needed }) {
  const share = Math.max(0, Math.min(1, Math.log(Math.max(forIt, 1)) / Math.log(needed)));
  const label = t("likelihood ratio {ratio} of the {needed} that decide", { ratio: ratio(forIt), needed: ratio(needed) });
  return h("div", { class: "meter wide", role: "img", "aria-label": label }, h("span", { style: { width: `${share * 100}%` } }));
}

function figure(name, value) {
  return value ? h("span", { key: name }, `${name} `, h("b", {}, value)) : null;
}
