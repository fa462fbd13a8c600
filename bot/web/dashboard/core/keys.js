/** The keyboard: rooms by number, search, looks. No key does anything while somebody types or a dialog is open. */

import { byId } from "./dom.js";
import { next } from "./prefs.js";
import { go } from "./router.js";

const ROOMS = ["/", "/markets", "/trades", "/models", "/runs", "/calendar", "/logs", "/settings"];
const LOOKS = { t: "theme", z: "zone", d: "density", w: "width" };

/** Listen; `onLook` is called after a look was changed. */
export function listenToKeys({ onLook }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
    const room = ROOMS[Number(event.key) - 1];
    if (room) go(room);
    else if (event.key === "?") byId("keys").showModal();
    else if (event.key === "/") search(event);
    else if (LOOKS[event.key]) {
      next(LOOKS[event.key]);
      onLook();
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-pref]")) onLook();
  });
}

function isTyping(target) {
  return target.closest?.("input, select, textarea, [contenteditable]") !== null;
}

function search(event) {
  const field = document.querySelector("input[type=search]");
  if (!field) return;
  event.preventDefault();
  field.focus();
}
