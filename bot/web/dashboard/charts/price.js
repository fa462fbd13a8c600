/**
 * Candles of a market with volume, entries, exits and the levels of the open position; more history by scrolling.
 *
 * The newest bars are asked for every two seconds, the older ones when the left edge comes near. Panes below show
 * conviction, votes and features (`panes.js`).
 */

import { ask } from "../core/api.js";
import { price, signedMoney, words } from "../core/format.js";
import { colour } from "../core/prefs.js";
import { t } from "../core/texts.js";
import { charts, looks, priceFormat } from "./frame.js";
import { Panes } from "./panes.js";

const BARS = 500;
const NEAR_THE_EDGE = 40; // bars left of the window when older ones are asked for
const TAIL_MS = 2000;

export class PriceChart {
  #element;
  #made;
  #chart;
  #candles;
  #volume;
  #markers;
  #lines = [];
  #panes;
  #bars = [];
  #trades = [];
  #older = null; // cursor of older bars; null: none
  #busy = false;
  #tailAt = 0;
  #wanted = "";
  #asked = 0;

  constructor(element) {
    this.#element = element;
  }

  /** What is shown, for people who do not see it: {bars, trades, last}. */
  get shown() {
    return { bars: this.#bars.length, trades: this.#trades.length, last: this.#bars.at(-1) ?? null };
  }

  /** Show a market at a timeframe. */
  async show(symbol, timeframe) {
    const wanted = `${symbol}:${timeframe}`;
    if (this.#wanted === wanted) return;
    this.#wanted = wanted;
    const number = ++this.#asked;
    const asked = ask(`/api/candles?symbol=${symbol}&timeframe=${timeframe}&limit=${BARS}`);
    const [page] = await Promise.all([asked, this.#make()]);
    if (number !== this.#asked) return;
    this.symbol = symbol;
    this.timeframe = timeframe;
    this.#bars = rowsOf(page);
    this.#trades = page.trades;
    this.#older = page.next_before;
    this.#candles.applyOptions({ priceFormat: priceFormat(this.#bars.at(-1)?.close ?? 1) });
    this.#redraw();
    const count = this.#bars.length;
    this.#chart.timeScale().setVisibleLogicalRange({ from: Math.max(-2, count - visibleBars(this.#element)), to: count + 4 });
    this.#element.dataset.ready = wanted;
    await this.#panes.load(symbol, this.#bars[0]?.open_ms);
  }

  /** Ask for the newest bars where it is time to, and set the levels of the open position. */
  async refresh(held, decided) {
    if (!this.symbol || this.#busy) return;
    this.#levels(held);
    const now = performance.now();
    if (now - this.#tailAt < TAIL_MS) return;
    this.#tailAt = now;
    const number = this.#asked;
    const since = this.#bars.at(-1)?.open_ms ?? 0;
    const path = `/api/candles?symbol=${this.symbol}&timeframe=${this.timeframe}&limit=1000&since=${since}`;
    const page = await ask(`${path}&trades=${this.#element.dataset.decided !== String(decided)}`);
    if (number !== this.#asked) return;
    for (const bar of rowsOf(page)) this.#append(bar);
    if (this.#element.dataset.decided !== String(decided)) await this.#decided(page, decided);
  }

  /** Show conviction, votes and features below. */
  async panes(chosen) {
    await this.#make();
    await this.#panes.choose(chosen);
  }

  /** Take over the looks of the page. */
  restyle() {
    if (!this.#chart) return;
    this.#chart.applyOptions(looks(this.#made));
    this.#candles.applyOptions(candleLooks());
    this.#redraw();
    this.#panes.restyle();
  }

  /** Forget everything. */
  remove() {
    this.#asked += 1;
    this.#chart?.remove();
    this.#chart = null;
    this.symbol = null;
  }

  async #make() {
    this.#made = await charts();
    if (this.#chart) return;
    const made = this.#made;
    this.#chart = made.createChart(this.#element, looks(made));
    this.#candles = this.#chart.addSeries(made.CandlestickSeries, { ...candleLooks(), priceLineStyle: made.LineStyle.Dotted });
    this.#volume = this.#chart.addSeries(made.HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.#chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    this.#candles.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.2 } });
    this.#markers = made.createSeriesMarkers(this.#candles, []);
    this.#panes = new Panes(this.#chart, made);
    this.#chart.timeScale().subscribeVisibleLogicalRangeChange((range) => range && range.from < NEAR_THE_EDGE && this.#loadOlder());
    this.#chart.subscribeCrosshairMove((move) => this.onCrosshair?.(move.time ? this.#at(move.time) : null));
  }

  #at(seconds) {
    return this.#bars.find((bar) => bar.open_ms / 1000 === seconds) ?? null;
  }

  async #loadOlder() {
    if (this.#busy || !this.#older || !this.symbol) return;
    this.#busy = true;
    const number = this.#asked;
    try {
      const page = await ask(`/api/candles?symbol=${this.symbol}&timeframe=${this.timeframe}&limit=${BARS}&before=${this.#older}`);
      if (number !== this.#asked) return;
      this.#older = page.next_before;
      const older = rowsOf(page).filter((bar) => bar.open_ms < this.#bars[0].open_ms);
      this.#bars = [...older, ...this.#bars];
      const known = new Set(this.#trades.map(({ id }) => id));
      this.#trades = [...page.trades.filter(({ id }) => !known.has(id)), ...this.#trades];
      this.#redraw();
      await this.#panes.load(this.symbol, this.#bars[0]?.open_ms);
    } finally {
      this.#busy = false;
    }
  }

  #append(bar) {
    const last = this.#bars.at(-1);
    if (last && bar.open_ms < last.open_ms) return;
    if (last?.open_ms === bar.open_ms) this.#bars[this.#bars.length - 1] = bar;
    else this.#bars.push(bar);
    this.#candles.update(candle(bar));
    this.#volume.update(volume(bar));
  }

  async #decided(page, decided) {
    this.#element.dataset.decided = String(decided);
    const fresh = new Map(page.trades.map((trade) => [trade.id, trade]));
    this.#trades = [...this.#trades.map((trade) => fresh.get(trade.id) ?? trade), ...page.trades.filter(({ id }) => !this.#trades.some((old) => old.id === id))];
    this.#mark();
    await this.#panes.load(this.symbol, this.#bars[0]?.open_ms);
  }

  #redraw() {
    this.#candles.setData(this.#bars.map(candle));
    this.#volume.setData(this.#bars.map(volume));
    this.#mark();
  }

  #mark() {
    if (!this.#bars.length) return;
    const times = this.#bars.map((bar) => bar.open_ms);
    this.#markers.setMarkers(this.#trades.flatMap((trade) => marks(trade, times)).sort((a, b) => a.time - b.time));
  }

  #levels(held) {
    const wanted = held ? [
      { price: held.entry_price, color: colour("accent"), title: t("entry"), lineStyle: 0 },
      { price: held.stop_loss, color: colour("loss"), title: t("stop"), lineStyle: 2 },
      { price: held.take_profit, color: colour("gain"), title: t("target"), lineStyle: 1 },
    ].filter((line) => line.price) : [];
    const key = JSON.stringify(wanted);
    if (key === this.#element.dataset.levels) return;
    this.#element.dataset.levels = key;
    for (const line of this.#lines) this.#candles.removePriceLine(line);
    this.#lines = wanted.map((line) => this.#candles.createPriceLine({ ...line, lineWidth: 1, axisLabelVisible: true }));
  }
}

/** The closed bars of an answer, and the one that fills. */
function rowsOf({ candles, filling }) {
  return filling && filling.open_ms > (candles.at(-1)?.open_ms ?? -1) ? [...candles, filling] : candles;
}

function visibleBars(element) {
  return Math.max(40, Math.min(220, Math.round(element.clientWidth / 7)));
}

function candle(bar) {
  return { time: bar.open_ms / 1000, open: bar.open, high: bar.high, low: bar.low, close: bar.close };
}

function volume(bar) {
  return { time: bar.open_ms / 1000, value: bar.volume, color: colour(bar.close >= bar.open ? "gain-soft" : "loss-soft") };
}

function candleLooks() {
  const [up, down] = [colour("up"), colour("down")];
  return { upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false };
}

/** Entry by side, exit by outcome: an arrow in the trade's direction, and a dot that says what came of it. */
function marks(trade, times) {
  const at = (ms) => times.findLast((time) => time <= ms);
  const isLong = trade.side === "LONG";
  const found = [];
  const opened = at(trade.opened_ms);
  if (opened !== undefined) {
    found.push({ time: opened / 1000, position: isLong ? "belowBar" : "aboveBar", shape: isLong ? "arrowUp" : "arrowDown", color: colour("accent"), text: isLong ? "L" : "S", id: trade.id });
  }
  const closed = trade.closed_ms === null ? undefined : at(trade.closed_ms);
  if (closed !== undefined && opened !== undefined) {
    const won = trade.net > 0;
    found.push({ time: closed / 1000, position: isLong ? "aboveBar" : "belowBar", shape: won ? "circle" : "square", color: colour(won ? "gain" : "loss"), text: signedMoney(trade.net, 0), id: trade.id });
  }
  return found;
}

/** One sentence on the chart for those who do not see it. */
export function spoken(symbol, timeframe, { bars, trades, last }, held) {
  if (!last) return t("{symbol}: candles are loading", { symbol });
  const position = held ? t("{side} open from {price}", { side: held.side, price: price(held.entry_price) }) : t("no open position");
  return `${symbol}: ${t("{bars} candles of {timeframe}, last close {price}, {trades} trades shown", { bars, timeframe, price: price(last.close), trades })}, ${words(position)}`;
}
