/**
 * Keeps the store up to date: everything once by HTTP, then what the stream tells.
 *
 * The stream carries what changes by the minute. Lists are asked for again after an event that adds to them, each at
 * most every three seconds, so that a fast demo market stays far below the request limit.
 */

import { askForToken } from "./actions.js";
import { MOST_ALERTS, SHOWN_EVENTS, withAlert } from "./alerts.js";
import { Refused, ask, readSession } from "./api.js";
import { Stream } from "./stream.js";

const LIST_EVERY_MS = 3000;
const AFTER_REFUSAL_MS = 10000;
const STATUS_AFTER_MS = 5000; // without one from the stream: only the daemon knows whether candles still come
const BARS = 200;
const MOST_POINTS = 1000;
const LESS_OFTEN_MS = { held: 60000, models: 5000 };

/** What is asked for by name: a function of the state that returns its changes. */
const LISTS = {
  status: async () => ({ status: await ask("/api/status") }),
  chart: async ({ market }) => (market ? { chart: await ask(`/api/candles?symbol=${market}&limit=${BARS}`) } : {}),
  equity: async () => ({ equity: (await ask(`/api/equity?limit=${MOST_POINTS}`)).equity }),
  trades: async () => ({ trades: await tradesWithReasons() }),
  decisions: async () => ({ decisions: (await ask("/api/decisions?limit=120")).decisions }),
  noTrade: async () => ({ noTrade: bySymbol((await ask("/api/no-trade-reasons")).markets) }),
  models: async () => ({ models: await ask("/api/models") }),
  alerts: async () => ({ alerts: (await ask(`/api/alerts?limit=${MOST_ALERTS}&events=${SHOWN_EVENTS}`)).alerts }),
  held: async ({ status, equity }) => ({ held: await heldSince(status?.markets ?? [], equity?.[0]?.ms) }),
};

/** Which lists an event of the stream makes old. */
const MAKES_OLD = {
  decision: ["decisions", "equity", "noTrade", "held", "models"],
  fill: ["trades", "chart"],
  position: ["trades", "chart"],
};

/** Return the newest closed trades, each with what its signal said. */
async function tradesWithReasons() {
  const { trades } = await ask("/api/trades?limit=50");
  const since = Math.min(...trades.map((trade) => trade.decision_ms));
  const { signals } = trades.length ? await ask(`/api/signals?limit=1000&since=${since}`) : { signals: [] };
  const said = new Map(signals.map((signal) => [`${signal.symbol}:${signal.decision_ms}`, signal.reasoning]));
  return trades.map((trade) => ({ ...trade, reasoning: said.get(`${trade.symbol}:${trade.decision_ms}`) ?? null }));
}

/** Return what holding every market was worth since a time, equal parts of each: [{ms, ratio}], ascending. */
async function heldSince(markets, sinceMs) {
  if (!sinceMs || !markets.length) return null;
  const page = ({ symbol }) => ask(`/api/candles?symbol=${symbol}&since=${sinceMs}&limit=${MOST_POINTS}`);
  const pages = (await Promise.all(markets.map(page))).map(({ candles }) => candles);
  if (pages.some((candles) => candles.length < 2)) return null;
  const [first, second] = pages[0];
  const closes = pages.map((candles) => new Map(candles.map(({ open_ms, close }) => [open_ms, close / candles[0].open])));
  const shared = pages[0].filter(({ open_ms }) => closes.every((ratios) => ratios.has(open_ms)));
  const worth = shared.map(({ open_ms }) => ({
    ms: open_ms + second.open_ms - first.open_ms,
    ratio: closes.reduce((sum, ratios) => sum + ratios.get(open_ms), 0) / closes.length,
  }));
  return [{ ms: first.open_ms, ratio: 1 }, ...worth];
}

function bySymbol(rows) {
  return Object.fromEntries(rows.map((row) => [row.symbol, row]));
}

export class Feed {
  #store;
  #stream;
  #old = new Set();
  #asking = new Set();
  #askedAt = {};
  #statusAt = 0;

  constructor(store) {
    this.#store = store;
    this.#stream = new Stream({ onEvent: (event) => this.#on(event), onPhase: (phase) => this.#phase(phase) });
  }

  /** Begin: the status first, since the whole page hangs on it. */
  async start() {
    readSession().catch(() => {});
    await this.#fetch("status");
    this.#stream.connect();
    setInterval(() => this.#askOld(), 250);
  }

  /** Show another market. */
  show(symbol) {
    this.#store.set({ market: symbol });
    this.#fetch("chart");
  }

  /** Ask for everything again, as after a command. */
  refresh() {
    for (const name of Object.keys(LISTS)) this.#old.add(name);
  }

  #phase(phase) {
    this.#store.set({ connection: { ...this.#store.state.connection, phase } });
  }

  #on(event) {
    const { state } = this.#store;
    const changes = { connection: { phase: "open", heardAt: Date.now() } };
    if (event.type === "hello" || event.type === "reset") this.refresh();
    if (event.type === "status") changes.status = event.payload;
    if (event.type === "training") Object.assign(changes, this.#trained(event.payload));
    if (event.type === "alert") Object.assign(changes, this.#alerted(event.payload));
    if (event.type === "candles") changes.charts = this.#charted(state.charts, event.payload);
    for (const name of MAKES_OLD[event.type] ?? []) this.#old.add(name);
    this.#adopt(changes);
  }

  /** Put an alert in front of the list; one that comes while the list is asked for may not be in the answer. */
  #alerted(alert) {
    if (alert.event === "promotion") this.#old.add("models");
    const { alerts } = this.#store.state;
    if (alerts && !this.#asking.has("alerts")) return { alerts: withAlert(alerts, alert) };
    this.#old.add("alerts");
    return {};
  }

  #trained(training) {
    const { status } = this.#store.state;
    if (training.state === "idle") this.#old.add("models");
    return status ? { status: { ...status, training } } : {};
  }

  /** Put candles into the charts that are known; one that does not follow on is reason to ask again. */
  #charted(charts, candles) {
    const changed = { ...charts };
    for (const candle of candles) {
      const chart = changed[candle.symbol];
      if (!chart?.candles.length) continue;
      const follows = followsOn(chart, candle);
      if (!follows && candle.symbol === this.#store.state.market) this.#old.add("chart");
      if (follows) changed[candle.symbol] = withCandle(chart, candle);
    }
    return changed;
  }

  #adopt({ chart, ...changes }) {
    const { state } = this.#store;
    const { status } = changes;
    if (chart) changes.charts = { ...state.charts, [chart.symbol]: chart };
    if (status) this.#statusAt = performance.now();
    if (changes.equity?.length && !state.equity?.length) {
      delete this.#askedAt.held; // it begins where the equity begins
      this.#old.add("held");
    }
    if (status && status.bundle !== state.status?.bundle) this.#old.add("models");
    if (status && !state.market && status.markets.length) {
      changes.market = status.markets[0].symbol;
      this.#old.add("chart");
    }
    this.#store.set(changes);
  }

  #askOld() {
    if (this.#store.state.connection.phase !== "open") return;
    if (performance.now() - this.#statusAt > STATUS_AFTER_MS) this.#old.add("status");
    for (const name of this.#old) {
      const wait = LESS_OFTEN_MS[name] ?? LIST_EVERY_MS;
      if (performance.now() - (this.#askedAt[name] ?? -Infinity) >= wait) this.#fetch(name);
    }
  }

  async #fetch(name) {
    if (this.#asking.has(name)) return;
    this.#asking.add(name);
    this.#old.delete(name);
    this.#askedAt[name] = performance.now();
    try {
      this.#adopt(await LISTS[name](this.#store.state));
    } catch (error) {
      await this.#failed(name, error);
    } finally {
      this.#asking.delete(name);
    }
  }

  async #failed(name, error) {
    this.#old.add(name);
    if (!(error instanceof Refused)) return;
    this.#askedAt[name] = performance.now() + AFTER_REFUSAL_MS;
    if (error.status === 401) await askForToken();
  }
}

/** Return whether a candle is the next one after those of a chart. */
function followsOn({ candles }, candle) {
  const step = candles.length > 1 ? candles.at(-1).open_ms - candles.at(-2).open_ms : Infinity;
  return candle.open_ms <= candles.at(-1).open_ms + step;
}

function withCandle(chart, candle) {
  if (!candle.is_closed) return { ...chart, filling: candle };
  if (candle.open_ms <= chart.candles.at(-1).open_ms) return chart;
  return { ...chart, candles: [...chart.candles.slice(1 - BARS), candle], filling: null };
}
