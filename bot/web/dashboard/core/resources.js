/**
 * Answers of the daemon by address: whoever draws says what it needs, and gets what is known of it.
 *
 * An answer is asked for when it is first needed, when an event made it old, and when it is older than it may be; each
 * address at most once in its `every` milliseconds, none while nobody looks. What nobody needs is forgotten.
 */

import { Refused, askAgain } from "./api.js";

const LOOK_MS = 500;
const AFTER_FAILURE_MS = 5000;
const AFTER_REFUSAL_MS = 15000;

export class Resources {
  #kept = new Map(); // address -> {value, error, at, old, asking, every, age, needed}
  #store;
  #onRefused;

  constructor(store, onRefused) {
    this.#store = store;
    this.#onRefused = onRefused;
    setInterval(() => this.look(), LOOK_MS);
    document.addEventListener("visibilitychange", () => this.look());
  }

  /** Return the newest answer of an address, or null; asks for it if need be. */
  need(path, { every = 4000, age = Infinity } = {}) {
    const entry = this.#kept.get(path) ?? { value: null, error: null, at: -Infinity, old: true, asking: false };
    if (!this.#kept.has(path)) {
      this.#kept.set(path, entry);
      queueMicrotask(() => this.look());
    }
    Object.assign(entry, { every, age, needed: performance.now() });
    return entry.value;
  }

  /** Return why an address has no answer; null where it has one. */
  problem(path) {
    return this.#kept.get(path)?.error ?? null;
  }

  /** Say that answers are old whose address begins like this. */
  spoil(...beginnings) {
    for (const [path, entry] of this.#kept) if (beginnings.some((part) => path.startsWith(part))) entry.old = true;
  }

  /** Ask for what is old and needed. */
  look() {
    if (document.hidden || this.#store.state.connection.phase === "disconnected") return;
    const now = performance.now();
    for (const [path, entry] of this.#kept) {
      if (now - entry.needed > 60000) this.#kept.delete(path);
      else if (!entry.asking && now - entry.needed < 3000 && this.#isDue(entry, now)) this.#ask(path, entry);
    }
  }

  #isDue(entry, now) {
    const waited = now - entry.at;
    return (entry.old && waited >= entry.every) || waited > Math.max(entry.age, entry.every);
  }

  async #ask(path, entry) {
    entry.asking = true;
    entry.old = false;
    try {
      Object.assign(entry, await askAgain(path, { value: entry.value, tag: entry.tag }));
      entry.error = null;
      entry.at = performance.now();
    } catch (error) {
      entry.error = error;
      entry.old = true;
      entry.at = performance.now() - entry.every + (error instanceof Refused ? AFTER_REFUSAL_MS : AFTER_FAILURE_MS);
      if (error instanceof Refused && error.status === 401) this.#onRefused();
    } finally {
      entry.asking = false;
      this.#store.set({});
    }
  }
}
