/** Addresses: every room and every thing in it has one, so that back, forward, reload and sharing work. */

import { ofAccount, withoutAccount } from "./account.js";

const ROOMS = ["markets", "trades", "models", "runs", "calendar", "logs", "settings"];
let listener = () => {};

/** Return {room, id, query} of the address. */
export function here() {
  const [, first, second] = withoutAccount(location.pathname).split("/").map(decodeURIComponent);
  const room = ROOMS.includes(first) ? first : "overview";
  return { room, id: room !== "overview" && second ? second : null, query: Object.fromEntries(new URLSearchParams(location.search)) };
}

/** Go to an address; `replaces` leaves no step to go back to. */
export function go(to, { replaces = false } = {}) {
  const path = ofAccount(to);
  if (path === location.pathname + location.search) return;
  history[replaces ? "replaceState" : "pushState"](null, "", path);
  listener(here());
}

/** Change a part of the address's question, with no step to go back to. */
export function setQuery(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ""), { replaces: true });
}

/** Call `heard(route)` after every change of the address, however it was made. */
export function onRoute(heard) {
  listener = heard;
  addEventListener("popstate", () => listener(here()));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || link.target || link.dataset.account !== undefined || withoutAccount(url.pathname).startsWith("/api/") || url.hash) return;
    event.preventDefault();
    go(url.pathname + url.search);
  });
}
