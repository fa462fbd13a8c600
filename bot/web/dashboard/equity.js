/** The account's equity beside the deposit and buy-and-hold of its markets, and its drawdown below. */

import { byId } from "./dom.js";
import { money, percent, signedPercent, time } from "./format.js";
import { CONFIG, axisTime, drawn, layout } from "./plotly.js";
import { colour } from "./theme.js";

const FEWEST_POINTS = 2;

/** Draw the chart from the equity at the closes of decision candles, and the equity of now. */
export async function drawEquity({ equity, status, held }) {
  const points = withNow(equity ?? [], status);
  if (points.length < FEWEST_POINTS || !status) return;
  const falls = drawdowns(points);
  const worst = Math.max(...falls);
  const total = points.at(-1).equity / status.deposit - 1;
  const idle = (held ?? []).map(({ ms, ratio }) => ({ ms, equity: points[0].equity * ratio }));
  byId("equity-hint").textContent = hintOf(points, total, worst, idle);
  const chart = byId("equity-chart");
  const ends = `${money(points[0].equity)} to ${money(points.at(-1).equity)}`;
  chart.setAttribute("aria-label", `Equity from ${ends}, deepest drawdown ${percent(worst)}`);
  await drawn(chart, traces(points, falls, status.deposit, idle), look(worst), CONFIG);
}

/** Return the fall from the highest equity so far at every point, as fractions >= 0. */
export function drawdowns(points) {
  let peak = -Infinity;
  return points.map(({ equity }) => {
    peak = Math.max(peak, equity);
    return 1 - equity / peak;
  });
}

function withNow(equity, status) {
  const last = equity.at(-1);
  const nowMs = (status?.minute_ms ?? 0) + 60000;
  return last && status && nowMs > last.ms ? [...equity, { ms: nowMs, equity: status.equity }] : equity;
}

function hintOf(points, total, worst, idle) {
  const parts = [`${signedPercent(total)} since the deposit`, `deepest drawdown here ${percent(worst)}`];
  if (idle.length) {
    const held = signedPercent(idle.at(-1).equity / points[0].equity - 1);
    parts.push(`holding all markets since ${time(idle[0].ms).slice(0, 10)} ${held}`);
  }
  return parts.join(", ");
}

function traces(points, falls, deposit, idle) {
  const x = points.map(({ ms }) => axisTime(ms));
  const line = (y, changes) => ({ type: "scatter", mode: "lines", x, y, ...changes });
  return [
    line(points.map(() => deposit), { line: { color: colour("line"), width: 1, dash: "dash" }, hoverinfo: "skip" }),
    line(points.map(({ equity }) => equity), {
      name: "equity",
      line: { color: colour("accent"), width: 1.8 },
      hovertemplate: "%{y:,.2f}<extra>equity</extra>",
    }),
    line(idle.map(({ equity }) => equity), {
      x: idle.map(({ ms }) => axisTime(ms)),
      line: { color: colour("soft"), width: 1, dash: "dot" },
      hovertemplate: "%{y:,.0f}<extra>buy and hold</extra>",
    }),
    line(falls.map((fall) => -fall), {
      name: "drawdown",
      yaxis: "y2",
      fill: "tozeroy",
      fillcolor: colour("loss-wash"),
      line: { color: colour("loss"), width: 1 },
      hovertemplate: "%{y:.2%}<extra>drawdown</extra>",
    }),
  ];
}

/** The drawdown hangs from zero; its axis never shows less than half a percent. */
function look(worst) {
  const shared = layout({});
  return layout({
    yaxis: { domain: [0.34, 1], tickformat: ",.0f" },
    yaxis2: { ...shared.yaxis, domain: [0, 0.26], tickformat: ".1%", nticks: 3, range: [-Math.max(worst * 1.15, 0.005), 0] },
    xaxis: { anchor: "y2" },
  });
}
