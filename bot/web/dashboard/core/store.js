/** What the page knows, in one object; whoever draws is told when it changed, at most four times a second. */

const AT_MOST_EVERY_MS = 250;

export class Store {
  #listeners = [];
  #told = -Infinity;
  #waiting = false;

  constructor(state) {
    this.state = state;
  }

  /** Call `listener(state)` after changes. */
  subscribe(listener) {
    this.#listeners.push(listener);
  }

  /** Change parts of the state. */
  set(changes) {
    Object.assign(this.state, changes);
    if (this.#waiting) return;
    this.#waiting = true;
    const wait = Math.max(0, this.#told + AT_MOST_EVERY_MS - performance.now());
    setTimeout(() => this.#tell(), wait);
  }

  /** Tell at once, as after a click. */
  now() {
    this.#tell();
  }

  #tell() {
    this.#waiting = false;
    this.#told = performance.now();
    for (const listener of this.#listeners) listener(this.state);
  }
}
