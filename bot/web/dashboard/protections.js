/** What keeps the account from entering, and what a person may lift. */

import { byId, h, patch } from "./dom.js";

/** Draw the locks, and set the buttons that depend on them. */
export function drawProtections({ status }) {
  if (!status) return;
  const locks = [
    ["Entries", status.paused, "paused by a person", "taken"],
    ["Daily loss stop", status.day_locked, "in force until the next UTC day", "armed"],
    ["Drawdown stop", status.drawdown_locked, "in force until a person lifts it", "armed"],
    ["Feed", status.is_ready === false, "not ready, no entries", "unbroken"],
  ];
  patch(byId("protections"), locks.map(([name, holds, held, free]) => lock(name, holds, held, free)));
  byId("unlock").disabled = !status.drawdown_locked && !status.day_locked;
  const pause = byId("pause");
  pause.dataset.action = status.paused ? "resume" : "pause";
  pause.textContent = status.paused ? "Resume" : "Pause";
}

function lock(name, holds, held, free) {
  const tag = h("span", { class: holds ? "tag warn" : "tag" }, holds ? held : free);
  return h("li", { key: name, "data-lock": name }, h("span", {}, name), tag);
}
