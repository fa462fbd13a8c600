/** What people were told apart from signals and fills, which have lists of their own: newest first. */

import { byId, h, patch } from "./dom.js";
import { time } from "./format.js";

export const SHOWN_EVENTS = ["protections", "training", "promotion", "feed", "digest"];
export const MOST_ALERTS = 40;

/** Return the list with one more alert in front; an alert that is there already changes nothing. */
export function withAlert(alerts, alert) {
  if (!SHOWN_EVENTS.includes(alert.event) || alerts.some(({ key }) => key === alert.key)) return alerts;
  return [alert, ...alerts].slice(0, MOST_ALERTS);
}

/** Draw the list. */
export function drawAlerts({ alerts }) {
  if (!alerts) return;
  const none = "Nothing yet: trainings, promotions, protections, feed trouble and the daily digest are told here.";
  patch(byId("alerts"), alerts.length ? alerts.map(item) : h("li", { class: "empty", key: "none" }, none));
}

function item(alert) {
  return h(
    "li",
    { key: alert.key, "data-alert": alert.event },
    h(
      "p",
      { class: "row" },
      h("span", { class: alert.event === "feed" || alert.event === "protections" ? "tag warn" : "tag" }, alert.event),
      h("time", { class: "soft number", datetime: new Date(alert.ms).toISOString() }, time(alert.ms)),
    ),
    h("p", { class: "why" }, alert.text),
    alert.lines.length ? h("details", {}, h("summary", {}, "more"), h("p", { class: "context lines" }, alert.lines.join("\n"))) : null,
  );
}
