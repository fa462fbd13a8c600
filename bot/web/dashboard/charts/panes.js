/** Panes below the candles: conviction against its threshold, each family's votes, any feature; some lie on the price. */

import { ask } from "../core/api.js";
import { colour } from "../core/prefs.js";
import { t } from "../core/texts.js";
import { palette } from "./frame.js";

const MOST = 1000;
const HEIGHT = 110;

export class Panes {
  #chart;
  #made;
  #chosen = { conviction: false, votes: false, features: [] };
  #series = new Map(); // name -> {series, pane}
  #symbol = null;
  #since = 0;
  #enter = 1;

  constructor(chart, made) {
    this.#chart = chart;
    this.#made = made;
  }

  /** Show these and no others: {conviction, votes, features: [{name, on_price}]}. */
  async choose(chosen) {
    if (JSON.stringify(chosen) === JSON.stringify(this.#chosen)) return;
    this.#chosen = chosen;
    this.#clear();
    if (this.#symbol) await this.load(this.#symbol, this.#since);
  }

  /** Fill what is chosen for a market, from a time on. */
  async load(symbol, since) {
    if (symbol !== this.#symbol) this.#clear();
    this.#symbol = symbol;
    this.#since = since ?? 0;
    const { conviction, votes, features } = this.#chosen;
    if (conviction || votes) this.#votes(await ask(`/api/votes?symbol=${symbol}&limit=${MOST}`));
    if (features.length) {
      const names = features.map(({ name }) => name).join(",");
      this.#features(await ask(`/api/features/series?symbol=${symbol}&limit=${MOST}&names=${encodeURIComponent(names)}`));
    }
  }

  /** Take over the looks of the page. */
  restyle() {
    let number = 0;
    for (const { series } of this.#series.values()) series.applyOptions({ color: palette(number++) });
  }

  #votes(answer) {
    if (answer.symbol !== this.#symbol) return;
    this.#enter = answer.enter ?? 1;
    if (this.#chosen.conviction) {
      const entry = this.#line("conviction", t("conviction"), "conviction", 0);
      this.#fill(entry, answer.open_ms, answer.conviction);
      if (!entry.thresholds && answer.enter) {
        entry.thresholds = [answer.enter, -answer.enter].map((price) => entry.series.createPriceLine({ price, color: colour("soft"), lineWidth: 1, lineStyle: 2, axisLabelVisible: false }));
      }
    }
    if (!this.#chosen.votes) return;
    Object.entries(answer.votes).forEach(([family, values], number) => this.#fill(this.#line(`vote:${family}`, family, "votes", number + 1), answer.open_ms, values));
  }

  #features(answer) {
    if (answer.symbol !== this.#symbol) return;
    this.#chosen.features.forEach(({ name, on_price: onPrice }, number) => {
      const values = answer.values[name];
      if (values) this.#fill(this.#line(name, name, onPrice ? null : `feature:${name}`, number), answer.open_ms, values);
    });
  }

  #line(key, title, pane, number) {
    if (this.#series.has(key)) return this.#series.get(key);
    const index = pane === null ? 0 : this.#paneOf(pane);
    const limits = key === "conviction" ? this.#limits() : {};
    const options = { ...limits, color: palette(number), lineWidth: pane === null ? 1 : 2, title, priceLineVisible: false, lastValueVisible: pane !== null };
    const entry = { series: this.#chart.addSeries(this.#made.LineSeries, options, index), pane };
    this.#series.set(key, entry);
    if (index > 0) this.#chart.panes()[index]?.setHeight(HEIGHT);
    return entry;
  }

  /** The thresholds are always in sight. */
  #limits() {
    return {
      autoscaleInfoProvider: (original) => {
        const found = original();
        const enter = this.#enter * 1.1;
        const range = found?.priceRange ?? { minValue: 0, maxValue: 0 };
        return { ...found, priceRange: { minValue: Math.min(range.minValue, -enter), maxValue: Math.max(range.maxValue, enter) } };
      },
    };
  }

  #paneOf(name) {
    const known = [...this.#series.values()].find((entry) => entry.pane === name);
    return known ? known.series.getPane().paneIndex() : this.#chart.panes().length;
  }

  #fill({ series }, times, values) {
    series.setData(times.map((ms, row) => (values[row] === null ? { time: ms / 1000 } : { time: ms / 1000, value: values[row] })).filter(({ time }) => time * 1000 >= this.#since));
  }

  #clear() {
    for (const { series } of this.#series.values()) this.#chart.removeSeries(series);
    this.#series.clear();
    while (this.#chart.panes().length > 1) this.#chart.removePane(this.#chart.panes().length - 1);
  }
}
