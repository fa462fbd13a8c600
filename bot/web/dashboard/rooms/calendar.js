/** Calendar: every UTC day's profit and loss, month by month. */

import { h } from "../core/dom.js";
import { money, percent, signedMoney, signedPercent, tone } from "../core/format.js";
import { card, empty } from "../core/parts.js";
import { many, N_, t } from "../core/texts.js";

const DAY_MS = 86400000;
const WEEKDAYS = [N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun")];

export const room = {
  draw(state, route, context) {
    const answer = context.need("/api/calendar", { every: 10000, age: 60000 });
    const days = answer?.days ?? [];
    const months = new Map();
    for (const day of days) {
      const name = iso(day.ms).slice(0, 7);
      months.set(name, [...(months.get(name) ?? []), day]);
    }
    const most = Math.max(...days.map((day) => Math.abs(day.change)), 0.001);
    return [
      h("h1", { class: "visually-hidden", key: "h1" }, t("Calendar")),
      days.length ? h("div", { class: "grid calendar", key: "grid" }, [...months].reverse().map(([name, part]) => month(name, part, most))) : empty(answer, context.problem("/api/calendar"), t("No day yet.")),
    ];
  },
};

function iso(ms) {
  return new Date(ms).toISOString();
}

function month(name, days, most) {
  const net = days.reduce((sum, day) => sum + day.net, 0);
  const known = new Map(days.map((day) => [day.ms, day]));
  const first = Date.parse(`${name}-01T00:00Z`);
  const lead = (new Date(first).getUTCDay() + 6) % 7;
  const count = Math.round((Date.UTC(new Date(first).getUTCFullYear(), new Date(first).getUTCMonth() + 1, 1) - first) / DAY_MS);
  const cells = [...Array(lead).fill(null), ...Array.from({ length: count }, (_, number) => first + number * DAY_MS)];
  const weeks = Array.from({ length: Math.ceil(cells.length / 7) }, (_, number) => [...cells.slice(number * 7, number * 7 + 7), ...Array(7).fill(null)].slice(0, 7));
  const up = days.filter((day) => day.net > 0).length;
  return card(
    `month-${name}`,
    name,
    h("span", { class: tone(net) }, signedMoney(net)),
    h(
      "table",
      { class: "month", key: "table" },
      h("caption", { class: "visually-hidden" }, t("Profit and loss of {month} by day", { month: name })),
      h("thead", {}, h("tr", {}, WEEKDAYS.map((day) => h("th", { scope: "col", key: day }, t(day))))),
      h("tbody", {}, weeks.map((week, number) => h("tr", { key: number }, week.map((ms, column) => cell(ms, known.get(ms), most, column))))),
    ),
    h("p", { class: "note", key: "note" }, `${many("{count} day", "{count} days", days.length)}, ${t("{up} up", { up })}, ${many("{count} trade closed", "{count} trades closed", days.reduce((sum, day) => sum + day.trades, 0))}; ${t("equity at the end {equity}", { equity: money(days.at(-1).equity) })}`),
  );
}

function cell(ms, day, most, column) {
  if (ms === null) return h("td", { class: "out", key: column });
  const number = new Date(ms).getUTCDate();
  if (!day) return h("td", { class: "none", key: column }, h("span", { class: "date" }, String(number)));
  const strength = Math.min(1, Math.abs(day.change) / most);
  const title = t("{date}: {net} ({change}), {trades} trades closed, {wins} won", { date: iso(ms).slice(0, 10), net: signedMoney(day.net), change: signedPercent(day.change), trades: day.trades, wins: day.trades ? percent(day.wins / day.trades, 0) : "–" });
  return h("td", { key: column, class: `day ${tone(day.net)}`, title, style: { "--strength": strength.toFixed(2) } }, h("span", { class: "date" }, String(number)), h("span", { class: "net number" }, signedMoney(day.net, 0)), h("span", { class: "soft number" }, day.trades ? many("{count} trade", "{count} trades", day.trades) : ""));
}
