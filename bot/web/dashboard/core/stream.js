/**
 * The daemon's events over a websocket that comes back by itself.
 *
 * After a break it asks for what it missed by the id of the last event. Silence longer than the daemon's own
 * heartbeat counts as a break: a dead connection must never look alive.
 */

import { BASE } from "./account.js";

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;
const LONGEST_SILENCE_MS = 12000; // two pulses that did not come: the daemon sends one at least every five seconds
const CHECK_MS = 1000;
const PULSE_MS = 1000;

export class Stream {
  #socket = null;
  #lastId = "";
  #failures = 0;
  #heardAt = 0;
  #symbol = "";

  /** @param {{onEvent: (event: object) => void, onPhase: (phase: string) => void}} listeners */
  constructor({ onEvent, onPhase }) {
    this.onEvent = onEvent;
    this.onPhase = onPhase;
    setInterval(() => this.#check(), CHECK_MS);
    addEventListener("online", () => this.connect());
  }

  /** Listen, with this market in every pulse; goes on where it was. */
  watch(symbol) {
    if (this.#socket && symbol === this.#symbol) return;
    this.#symbol = symbol;
    const before = this.#socket;
    this.#socket = null;
    leave(before);
    this.connect();
  }

  /** Open the connection unless it is open or opening. */
  connect() {
    if (this.#socket) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const query = new URLSearchParams({ every: PULSE_MS, watch: this.#symbol });
    if (this.#lastId) query.set("after", this.#lastId);
    const socket = new WebSocket(`${scheme}://${location.host}${BASE}/api/stream?${query}`);
    this.#socket = socket;
    this.#heardAt = performance.now();
    socket.addEventListener("open", () => socket === this.#socket && this.#opened());
    socket.addEventListener("message", (message) => socket === this.#socket && this.#received(message.data));
    socket.addEventListener("close", () => this.#lost(socket));
  }

  #opened() {
    this.#failures = 0;
    this.#heardAt = performance.now();
    this.onPhase("open");
  }

  #received(text) {
    this.#heardAt = performance.now();
    const event = JSON.parse(text);
    if (event.id !== undefined && event.type !== "resumed") this.#lastId = event.id; // what was missed follows "resumed"
    this.onEvent(event);
  }

  #lost(socket) {
    if (this.#socket !== socket) return;
    this.#socket = null;
    this.#failures += 1;
    this.onPhase("disconnected");
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#failures - 1));
    setTimeout(() => this.connect(), wait * (0.75 + Math.random() / 2));
  }

  #check() {
    const socket = this.#socket;
    if (!socket || performance.now() - this.#heardAt < LONGEST_SILENCE_MS) return;
    socket.close();
    this.#lost(socket);
  }
}

/** Close a socket; one that is still opening first opens, since browsers complain otherwise. */
function leave(socket) {
  if (socket?.readyState === WebSocket.CONNECTING) socket.addEventListener("open", () => socket.close());
  else socket?.close();
}
