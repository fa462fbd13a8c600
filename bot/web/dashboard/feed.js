/**
 * Keeps the store up to date: everything once by HTTP, then what the stream tells.
 *
 * The stream carries what changes by the minute. Lists are asked for again after an event that adds to them, each at
 * most every three seconds, so that a fast demo market stays far below the request limit.
 */

import { askForToken } from "./actions.js";
import { Refused, ask, readSession } from "./api.js";
import { Stream } from "./stream.js";

const LIST_EVERY_MS = 3000;
const AFTER_REFUSAL_MS = 10000;
const BARS = 200;

/** What is asked for by name: a function of the state that returns its changes. */
const LISTS = {
  status: async () => ({ status: await ask("/api/status") }),
  chart: async ({ market, charts }) => (market ? { charts: { ...charts, [market]: await ask(`/api/candles?symbol=${market}&limit=${BARS}`) } } : {}),
  equity: async () => ({ equity: (await ask("/api/equity?limit=1000")).equity }),
  trades: async () => ({ trades: (await ask("/api/trades?limit=50")).trades }),
  decisions: async () => ({ decisions: (await ask("/api/decisions?limit=120")).decisions }),
  silences: async () => ({ silences: bySymbol((await ask("/api/silence")).markets) }),
  models: async () => ({ models: await ask("/api/models") }),
};

/** Which lists an event of the stream makes old. */
const MAKES_OLD = {
  decision: ["decisions", "equity", "silences"],
  fill: ["trades", "chart"],
  position: ["trades", "chart"],
};

function bySymbol(rows) {
  return Object.fromEntries(rows.map((row) => [row.symbol, row]));
}

export class Feed {
  #store;
  #stream;
  #old = new Set();
  #asking = new Set();
  #askedAt = {};

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
    if (event.type === "candles") changes.charts = withCandles(state.charts, event.payload);
    for (const name of MAKES_OLD[event.type] ?? []) this.#old.add(name);
    this.#adopt(changes);
  }

  #trained(training) {
    const { status } = this.#store.state;
    if (training.state === "idle") this.#old.add("models");
    return status ? { status: { ...status, training } } : {};
  }

  #adopt(changes) {
    const { state } = this.#store;
    const { status } = changes;
    if (status && status.bundle !== state.status?.bundle) this.#old.add("models");
    if (status && !state.market && status.markets.length) {
      changes.market = status.markets[0].symbol;
      this.#old.add("chart");
    }
    this.#store.set(changes);
  }

  #askOld() {
    for (const name of this.#old) if (performance.now() - (this.#askedAt[name] ?? -Infinity) >= LIST_EVERY_MS) this.#fetch(name);
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

/** Put the newest candles into the charts that are known. */
function withCandles(charts, candles) {
  const changed = { ...charts };
  for (const candle of candles) {
    const chart = changed[candle.symbol];
    if (!chart) continue;
    if (!candle.is_closed) changed[candle.symbol] = { ...chart, filling: candle };
    else if (candle.open_ms > (chart.candles.at(-1)?.open_ms ?? 0)) {
      changed[candle.symbol] = { ...chart, candles: [...chart.candles.slice(1 - BARS), candle], filling: null };
    }
  }
  return changed;
}
