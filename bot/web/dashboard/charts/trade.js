/** The minutes of one trade: where it was entered and left, its stop and target, and how far it went. */

import { signedMoney } from "../core/format.js";
import { colour } from "../core/prefs.js";
import { t } from "../core/texts.js";
import { charts, looks, priceFormat } from "./frame.js";

export class TradeChart {
  #element;
  #made;
  #chart;
  #candles;
  #markers;
  #levels = [];
  #size = null;
  #found = null;

  constructor(element, id) {
    this.#element = element;
    this.id = id;
  }

  /** Draw a trade's page. */
  async show(found) {
    if (this.#found === found) return;
    this.#made = await charts();
    const isFirst = !this.#chart;
    if (isFirst) this.#make(found);
    this.#found = found;
    this.#candles.setData(found.candles.map((bar) => ({ time: bar.open_ms / 1000, open: bar.open, high: bar.high, low: bar.low, close: bar.close })));
    this.#mark(found);
    this.#step(found);
    this.#held(found);
    if (isFirst) this.#chart.timeScale().setVisibleLogicalRange({ from: -Math.ceil(found.candles.length / 40) - 1, to: found.candles.length + 3 }); // room for the words beside the first and last bar
    this.#element.dataset.ready = this.id;
  }

  restyle() {
    if (!this.#chart) return;
    this.#chart.applyOptions(looks(this.#made));
    const [up, down] = [colour("up"), colour("down")];
    this.#candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down });
    this.#size?.applyOptions({ color: colour("accent") });
    for (const [number, tone] of ["loss", "gain"].entries()) this.#levels[number]?.applyOptions({ color: colour(tone) });
  }

  remove() {
    this.#chart?.remove();
    this.#chart = null;
    this.#levels = [];
    this.#size = null;
  }

  #make(found) {
    const [up, down] = [colour("up"), colour("down")];
    this.#chart = this.#made.createChart(this.#element, looks(this.#made));
    this.#candles = this.#chart.addSeries(this.#made.CandlestickSeries, { upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false, priceLineVisible: false, priceFormat: priceFormat(found.trade.entry_price) });
    this.#markers = this.#made.createSeriesMarkers(this.#candles, []);
    const lines = [
      [found.trade.entry_price, "accent", t("entry"), 0],
      [found.trade.exit_price, "soft", t("exit"), 3],
    ];
    for (const [value, tone, title, lineStyle] of lines) if (value) this.#candles.createPriceLine({ price: value, color: colour(tone), title, lineStyle, lineWidth: 1 });
  }

  /** Stop and target as lines that step where they moved; far ones do not press the candles flat. */
  #step({ trade, candles, moves }) {
    const kinds = [["stop", "loss", 2], ["target", "gain", 1]];
    const end = trade.closed_ms ?? candles.at(-1)?.open_ms;
    for (const [number, [kind, tone, lineStyle]] of kinds.entries()) {
      const points = new Map(moves.filter((move) => move[kind] !== null).map((move) => [barAt(candles, move.ms), move[kind]]));
      points.delete(undefined);
      if (!points.size) continue;
      const last = barAt(candles, end);
      if (last !== undefined && !points.has(last)) points.set(last, [...points.values()].at(-1));
      this.#levels[number] ??= this.#chart.addSeries(this.#made.LineSeries, { color: colour(tone), lineType: 1, lineWidth: 1, lineStyle, title: t(kind), priceLineVisible: false, crosshairMarkerVisible: false, lastValueVisible: true, autoscaleInfoProvider: () => null });
      this.#levels[number].setData([...points].sort(([a], [b]) => a - b).map(([ms, value]) => ({ time: ms / 1000, value })));
    }
  }

  /** How much was held, as a pane of its own below, where it changed on the way. */
  #held({ trade, candles, events }) {
    if (!trade.resizes) return;
    const points = new Map(events.filter((event) => event.quantity).map((event) => [barAt(candles, event.ms), Math.abs(event.position)]));
    points.delete(undefined);
    const last = candles.at(-1)?.open_ms;
    if (!points.size || last === undefined) return;
    if (!points.has(last)) points.set(last, trade.closed_ms === null ? [...points.values()].at(-1) : 0);
    if (!this.#size) {
      this.#size = this.#chart.addSeries(this.#made.LineSeries, { color: colour("accent"), lineType: 1, lineWidth: 2, title: t("held"), priceLineVisible: false, crosshairMarkerVisible: false, priceFormat: { type: "volume" } }, 1);
      this.#chart.panes()[1]?.setStretchFactor(0.22);
    }
    this.#size.setData([...points].sort(([a], [b]) => a - b).map(([ms, value]) => ({ time: ms / 1000, value })));
  }

  #mark({ trade, candles, events, best_ms: best, worst_ms: worst }) {
    const at = (ms) => barAt(candles, ms);
    const isLong = trade.side === "LONG";
    const mark = (ms, above, shape, tone, text) => (ms && at(ms) !== undefined ? [{ time: at(ms) / 1000, position: above ? "aboveBar" : "belowBar", shape, color: colour(tone), text }] : []);
    const resized = events.filter((event) => event.quantity && event.position && event.quantity !== event.position);
    const found = [
      ...resized.flatMap((event) => mark(event.ms, event.quantity < 0, event.quantity > 0 ? "arrowUp" : "arrowDown", "soft", "").map((found) => ({ ...found, size: 0.5 }))),
      ...mark(trade.opened_ms, !isLong, isLong ? "arrowUp" : "arrowDown", "accent", trade.side),
      ...mark(best, isLong, "circle", "gain", t("MFE")),
      ...mark(worst, !isLong, "circle", "loss", t("MAE")),
      ...mark(trade.closed_ms, isLong, "square", trade.net > 0 ? "gain" : "loss", signedMoney(trade.net)),
    ];
    this.#markers.setMarkers(found.sort((a, b) => a.time - b.time));
  }
}

/** Return when the candle opened that holds a time; undefined before the first. */
function barAt(candles, ms) {
  return candles.findLast((bar) => bar.open_ms <= ms)?.open_ms;
}
