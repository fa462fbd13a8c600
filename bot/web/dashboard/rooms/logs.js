/** Logs: the newest events, by level and words. */

import { h } from "../core/dom.js";
import { time } from "../core/format.js";
import { card, choice, empty, onChoice } from "../core/parts.js";
import { setQuery } from "../core/router.js";
import { N_, t } from "../core/texts.js";

const LEVELS = [N_("debug"), N_("info"), N_("warning"), N_("error")];

onChoice((name, value) => name === "level" && setQuery({ level: value }));
document.addEventListener("input", (event) => {
  if (event.target.id === "log-search") setQuery({ q: event.target.value.trim() });
});

export const room = {
  draw(state, { query }, context) {
    const level = LEVELS.includes(query.level) ? query.level : "info";
    const path = `/api/logs?level=${level}&limit=200${query.q ? `&words=${encodeURIComponent(query.q)}` : ""}`;
    const answer = context.need(path, { every: 3000, age: 3000 });
    const lines = answer?.lines ?? [];
    const tools = h("div", { class: "toolbar" }, choice("level", t("Level"), LEVELS.map((name) => [name, t(name)]), level), h("label", { class: "search" }, h("span", { class: "visually-hidden" }, t("Search the log")), h("input", { type: "search", id: "log-search", placeholder: t("Search the log"), value: query.q ?? "", autocomplete: "off", spellcheck: "false" })));
    return [
      h("h1", { class: "visually-hidden", key: "h1" }, t("Logs")),
      card("logs", t("Log"), tools, lines.length ? h("ol", { class: "plain loglines", key: "lines", tabindex: "0", "aria-label": t("Log, newest first") }, lines.map(item)) : empty(answer, context.problem(path), t("No line matches."))),
    ];
  },
};

function item(line, number) {
  const fields = Object.entries(line.fields).map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : value}`);
  return h("li", { key: `${line.ms}:${number}`, class: line.level }, h("time", { class: "soft number" }, time(line.ms)), h("span", { class: line.level === "info" || line.level === "debug" ? "tag" : "tag warn" }, line.level), h("span", { class: "soft" }, line.source), h("span", { class: "event" }, line.event), h("span", { class: "fields" }, fields.join("  ")));
}
