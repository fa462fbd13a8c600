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

/** Describe the shadow tests that go on and the newest that ended; nothing where none was ever begun. */
export function shadowTests(all) {
  if (!all?.length) return null;
  const ended = all.filter((test) => test.ended_ms !== null);
  const shown = [...all.filter((test) => test.ended_ms === null), ...ended.slice(0, ENDED)];
  return h("div", { key: "shadow-tests" }, shown.map(entry));
}

function entry(test) {
  const goesOn = test.ended_ms === null;
  const name = test.bundle === "nothing" ? t("forecast of no return") : test.bundle;
  return h(
    "div",
    { class: "shadow-test", key: `${test.bundle}:${test.started_ms}`, "data-shadow": test.role },
    h(
      "div",
      { class: "row" },
      h("span", { class: "id" }, name),
      h("span", { class: goesOn ? "tag accent" : "tag" }, goesOn ? t(ROLES[test.role]) : t("ended {time}", { time: time(test.ended_ms) })),
    ),
    goesOn ? meter(test) : null,
    h(
      "p",
      { class: "scores" },
      figure(t("e-value"), t("{ratio} of {needed}", { ratio: ratio(test.likelihood_ratio), needed: ratio(test.needed) })),
      figure(t("for the champion"), ratio(test.for_champion)),
      figure(t("to decide"), leftOf(test)),
      figure(t("watched"), t("{days}, {count} outcomes", { days: days(test.days), count: test.outcomes.toLocaleString("en") })),
      figure(t("IC"), isNumber(test.ic) ? score(test.ic, 3) : null),
      figure(t("champion's IC"), isNumber(test.champion_ic) ? score(test.champion_ic, 3) : null),
    ),
    goesOn ? null : h("p", { class: "soft note" }, said(test.text)),
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
