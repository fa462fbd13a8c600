/** The account's equity beside buy and hold over the very same time, and its drawdown below. */

import { colour } from "../core/prefs.js";
import { t } from "../core/texts.js";
import { charts, looks } from "./frame.js";

export class EquityChart {
  #element;
  #made;
  #chart;
  #series = {};
  #drawn = "";
  #range = "";

  constructor(element) {
    this.#element = element;
  }

  /** Draw a performance; `days` is how many of its last days are seen first, null: all. */
  async show(performance, days) {
    this.#made = await charts();
    if (!this.#chart) this.#make();
    const key = `${performance.until_ms}:${performance.points.length}`;
    if (key !== this.#drawn) this.#fill(performance);
    this.#drawn = key;
    const range = `${days}`;
    if (range !== this.#range) this.#see(performance, days);
    this.#range = range;
    this.#element.dataset.ready = "equity";
  }

  /** Take over the looks of the page. */
  restyle() {
    if (!this.#chart) return;
    this.#chart.applyOptions(looks(this.#made));
    const styles = this.#styles();
    for (const [name, series] of Object.entries(this.#series)) series.applyOptions(styles[name]);
  }

  remove() {
    this.#chart?.remove();
    this.#chart = null;
  }

  #make() {
    const made = this.#made;
    this.#chart = made.createChart(this.#element, looks(made));
    const styles = this.#styles();
    this.#series.held = this.#chart.addSeries(made.LineSeries, styles.held);
    this.#series.equity = this.#chart.addSeries(made.AreaSeries, styles.equity);
    this.#series.fall = this.#chart.addSeries(made.AreaSeries, styles.fall, 1);
    this.#chart.panes()[1].setStretchFactor(0.35);
    this.#chart.timeScale().applyOptions({ rightOffset: 0, fixLeftEdge: true, fixRightEdge: true });
  }

  #styles() {
    const quiet = { priceLineVisible: false, lineWidth: 2 };
    const money = { type: "price", precision: 2, minMove: 0.01 };
    return {
      equity: { ...quiet, lineColor: colour("accent"), topColor: colour("accent-soft"), bottomColor: "transparent", priceFormat: money, title: t("equity") },
      held: { ...quiet, lineWidth: 1, color: colour("soft"), priceFormat: money, lineStyle: 2, title: t("buy and hold") },
      fall: {
        ...quiet,
        lineWidth: 1,
        lineColor: colour("loss"),
        topColor: "transparent",
        bottomColor: colour("loss-soft"),
        invertFilledArea: true,
        priceFormat: { type: "custom", formatter: (value) => `${value.toFixed(2)} %`, minMove: 0.01 },
        title: t("drawdown"),
      },
    };
  }

  #fill({ points }) {
    const line = (value) => distinct(points).map((point) => ({ time: Math.floor(point.ms / 1000), value: value(point) })).filter(({ value }) => value !== null);
    this.#series.equity.setData(line((point) => point.equity));
    this.#series.held.setData(line((point) => point.buy_and_hold));
    this.#series.fall.setData(line((point) => -100 * point.drawdown));
    if (this.#range === "null") this.#chart.timeScale().fitContent();
  }

  #see({ points, until_ms: until }, days) {
    if (days === null || points[0].ms >= until - days * 86400000) this.#chart.timeScale().fitContent();
    else this.#chart.timeScale().setVisibleRange({ from: (until - days * 86400000) / 1000, to: until / 1000 });
  }
}

function distinct(points) {
  return points.filter((point, row) => row === 0 || point.ms > points[row - 1].ms);
}
