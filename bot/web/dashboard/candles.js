/** Candles of one market with entries, exits and the stop and target of the open position; the tabs above them. */

import { byId, h, patch } from "./dom.js";
import { price, score, signedMoney, time, words } from "./format.js";
import { CONFIG, axisTime, drawn, layout } from "./plotly.js";
import { colour } from "./theme.js";

const SHOWN_BARS = 160;
const FARTHEST_LINE = 1.2; // heights of the candles: a stop or target farther out is told in words only

/** Draw the chart and the line below it. */
export async function drawCandles(state) {
  const chartOf = state.charts[state.market];
  if (!chartOf?.candles.length) return;
  const held = state.status?.positions.find((position) => position.symbol === state.market);
  const shown = withFilling(chartOf).slice(-SHOWN_BARS);
  const trades = chartOf.trades.filter((trade) => trade.closed_ms >= shown[0].open_ms);
  drawLegend(shown.at(-1), held);
  const chart = byId("candles-chart");
  chart.setAttribute("aria-label", spoken(state.market, shown, trades, held));
  await drawn(chart, traces(shown, trades, held), look(state.market, shown, held), CONFIG);
}

/** The closed candles, and the one that fills now. */
function withFilling({ candles, filling }) {
  const last = candles.at(-1);
  return filling && filling.open_ms > last.open_ms ? [...candles, filling] : candles;
}

/** Draw a tab for every market. */
export function drawTabs({ status, market }) {
  if (!market) return;
  patch(
    byId("market-tabs"),
    status.markets.map(({ symbol }) =>
      h(
        "button",
        {
          type: "button",
          role: "tab",
          key: symbol,
          id: `tab-${symbol}`,
          "data-action": "market",
          "data-symbol": symbol,
          "aria-controls": "candles-panel",
          "aria-selected": String(symbol === market),
          tabindex: symbol === market ? "0" : "-1",
        },
        symbol,
      ),
    ),
  );
  byId("candles-panel").setAttribute("aria-labelledby", `tab-${market}`);
}

function drawLegend(last, held) {
  patch(
    byId("candles-legend"),
    h(
      "span",
      { key: "close", "data-last-close": String(last.close), "data-last-open": String(last.open_ms) },
      `${time(last.open_ms)} ${last.is_closed === false ? "stands" : "closed"} at ${price(last.close)}`,
    ),
    held ? h("span", { key: "held" }, `${held.side} from ${price(held.entry_price)}`) : null,
    held?.stop_loss ? h("span", { key: "stop", class: "loss" }, `stop ${price(held.stop_loss)}`) : null,
    held?.take_profit ? h("span", { key: "take", class: "gain" }, `target ${price(held.take_profit)}`) : null,
  );
}

function spoken(symbol, shown, trades, held) {
  const position = held ? `${held.side} open from ${price(held.entry_price)}` : "no open position";
  const last = shown.at(-1);
  const candles = `${shown.length} candles until ${time(last.open_ms)}, last close ${price(last.close)}`;
  return `${symbol}: ${candles}, ${trades.length} closed trades shown, ${position}`;
}

function traces(shown, trades, held) {
  const entries = [...trades.map(entryOf), ...(held ? [entryOf(held)] : [])].filter(({ ms }) => ms >= shown[0].open_ms);
  return [candlesticks(shown), ...trades.flatMap(pathsOf), markers(entries, "entry"), markers(trades.map(exitOf), "exit")];
}

function candlesticks(shown) {
  const side = (name) => ({ line: { color: colour(name), width: 1 }, fillcolor: colour(name) });
  return {
    type: "candlestick",
    name: "",
    x: shown.map((bar) => axisTime(bar.open_ms)),
    open: shown.map((bar) => bar.open),
    high: shown.map((bar) => bar.high),
    low: shown.map((bar) => bar.low),
    close: shown.map((bar) => bar.close),
    increasing: side("gain"),
    decreasing: side("loss"),
    hoverlabel: { namelength: 0 },
  };
}

/** From entry to exit; and along its time the stop and the target that it had. */
function pathsOf(trade) {
  const line = (from, to, changes) => ({
    type: "scatter",
    mode: "lines",
    x: [axisTime(trade.opened_ms), axisTime(trade.closed_ms)],
    y: [from, to],
    hoverinfo: "skip",
    ...changes,
  });
  const fence = (level, tone) => line(level, level, { line: { color: colour(tone), width: 1 }, opacity: 0.45 });
  return [
    line(trade.entry_price, trade.exit_price, { line: { color: colour(trade.net > 0 ? "gain" : "loss"), width: 1.8, dash: "dot" } }),
    ...(trade.stop_loss ? [fence(trade.stop_loss, "loss")] : []),
    ...(trade.take_profit ? [fence(trade.take_profit, "gain")] : []),
  ];
}

function entryOf(trade) {
  return { ms: trade.opened_ms, y: trade.entry_price, side: trade.side, text: `${trade.side} at ${price(trade.entry_price)}` };
}

function exitOf(trade) {
  const why = `${words(trade.closed_because)}, ${signedMoney(trade.net)}`;
  return { ms: trade.closed_ms, y: trade.exit_price, side: trade.side, text: `closed at ${price(trade.exit_price)}: ${why}` };
}

function markers(points, kind) {
  const symbolOf = ({ side }) => (side === "LONG" ? "triangle-up" : "triangle-down");
  return {
    type: "scatter",
    mode: "markers",
    name: "",
    x: points.map(({ ms }) => axisTime(ms)),
    y: points.map(({ y }) => y),
    text: points.map(({ text }) => text),
    hovertemplate: "%{text}<extra></extra>",
    marker: {
      size: kind === "entry" ? 12 : 9,
      symbol: kind === "entry" ? points.map(symbolOf) : "x",
      color: colour("accent"),
      line: { color: colour("surface"), width: 1.5 },
    },
  };
}

function look(market, shown, held) {
  const low = Math.min(...shown.map((bar) => bar.low));
  const high = Math.max(...shown.map((bar) => bar.high));
  const reach = (high - low) * FARTHEST_LINE;
  const lines = levels(held).filter(({ y }) => y > low - reach && y < high + reach);
  const bottom = Math.min(low, ...lines.map(({ y }) => y));
  const top = Math.max(high, ...lines.map(({ y }) => y));
  const room = (top - bottom) * 0.05 || 1;
  const step = shown.length > 1 ? shown[1].open_ms - shown[0].open_ms : 0;
  return layout({
    uirevision: market,
    xaxis: { range: [axisTime(shown[0].open_ms), axisTime(shown.at(-1).open_ms + 4 * step)] },
    yaxis: { range: [bottom - room, top + room], tickformat: bottom > 1000 ? ",.0f" : ",~g" },
    shapes: lines.map(({ y, tone, dash }) => ({
      type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { color: colour(tone), width: 1.2, dash },
    })),
    annotations: lines.map(({ y, tone, name }) => ({
      xref: "paper", x: 0.004, xanchor: "left", y, yanchor: "bottom", showarrow: false, text: name, font: { color: colour(tone), size: 11 },
    })),
  });
}

function levels(held) {
  if (!held) return [];
  const named = [
    { name: "stop", y: held.stop_loss, tone: "loss", dash: "dash" },
    { name: "target", y: held.take_profit, tone: "gain", dash: "dash" },
    { name: `entry ${score(held.unrealised_fraction * 100)} %`, y: held.entry_price, tone: "accent", dash: "solid" },
  ];
  return named.filter(({ y }) => y);
}
