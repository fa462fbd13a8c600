/**
 * What the page knows, in one object; sections are told when it changed.
 *
 * A demo market moves faster than people read: changes are told at most four times a second, together.
 */

const AT_MOST_EVERY_MS = 250;

export class Store {
  #listeners = [];
  #told = 0;
  #waiting = false;

  constructor(state) {
    this.state = state;
    this.version = 0;
  }

  /** Call `listener(state)` after changes. */
  subscribe(listener) {
    this.#listeners.push(listener);
  }

  /** Change parts of the state. */
  set(changes) {
    Object.assign(this.state, changes);
    this.version += 1;
    if (this.#waiting) return;
    this.#waiting = true;
    const wait = Math.max(0, this.#told + AT_MOST_EVERY_MS - performance.now());
    setTimeout(() => requestAnimationFrame(() => this.#tell()), wait);
  }

  #tell() {
    this.#waiting = false;
    this.#told = performance.now();
    for (const listener of this.#listeners) listener(this.state);
  }
}
