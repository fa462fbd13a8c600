/** Events of the daemon into the store: one pulse a second however fast the market runs, and what people are told. */

import { Stream } from "./stream.js";

/** Which answers an event makes old, by the beginnings of their addresses. */
const MAKES_OLD = {
  alert: ["/api/alerts"],
  signal: ["/api/signals", "/api/decisions"],
  training: ["/api/models", "/api/training"],
  run: ["/api/run"],
};
const AT_A_DECISION = ["/api/decisions", "/api/no-trade-reasons", "/api/votes", "/api/performance", "/api/status", "/api/drift", "/api/features/series"];
const AT_A_TRADE = ["/api/trades", "/api/calendar", "/api/performance", "/api/trade?"];

export class Live {
  #store;
  #resources;
  #stream;

  constructor(store, resources) {
    this.#store = store;
    this.#resources = resources;
    this.#stream = new Stream({ onEvent: (event) => this.#on(event), onPhase: (phase) => this.#phase(phase) });
  }

  /** Listen; a market that is looked at comes with every pulse. */
  listen(symbol) {
    this.#stream.watch(symbol);
  }

  #phase(phase) {
    const { connection } = this.#store.state;
    this.#store.set({ connection: { ...connection, phase } });
    if (phase === "open") this.#resources.spoil("/");
  }

  #on(event) {
    const changes = { connection: { phase: "open", heardAt: Date.now() } };
    if (event.type === "hello" || event.type === "reset") this.#resources.spoil("/");
    if (event.type === "pulse") Object.assign(changes, this.#pulse(event.payload));
    if (event.type === "training" && this.#store.state.status) changes.status = { ...this.#store.state.status, training: event.payload };
    if (event.type === "alert") changes.newest = event.payload;
    if (MAKES_OLD[event.type]) this.#resources.spoil(...MAKES_OLD[event.type]);
    this.#store.set(changes);
  }

  #pulse(status) {
    const before = this.#store.state.status;
    if (!before || before.decided_ms !== status.decided_ms) this.#resources.spoil(...AT_A_DECISION);
    if (!before || before.trades !== status.trades || before.positions.length !== status.positions.length) this.#resources.spoil(...AT_A_TRADE);
    if (!before || before.bundle !== status.bundle) this.#resources.spoil("/api/models", "/api/drift");
    return { status, wallAhead: status.wall_ms - Date.now() };
  }
}
