/** Notifications of the browser: exits, protections and the like, told while the page is open, also in the background. */

import { ofAccount } from "./account.js";
import { ask } from "./api.js";
import { t } from "./texts.js";

export const TOLD = ["exits", "protections", "promotion", "feed", "digest", "fills"];
const NAME = "sigma-notify";
let wanted = read();
let newest = null;

/** Whether this browser can notify, and whether it may: "off", "on", "refused" or "none". */
export function notifying() {
  if (!("Notification" in window) || !window.isSecureContext) return "none";
  if (Notification.permission === "denied") return "refused";
  return wanted && Notification.permission === "granted" ? "on" : "off";
}

/** Switch notifications on, asking the person, or off. */
export async function setNotifying(on) {
  wanted = on && (await Notification.requestPermission()) === "granted";
  try {
    localStorage.setItem(NAME, wanted ? "on" : "off");
  } catch {
    // storage is switched off: the choice lasts as long as the page
  }
  if (wanted) await navigator.serviceWorker?.register("/worker.js").catch(() => {});
}

/** Tell the newest alert, once, where the person wants it and does not look at the page. */
export function tellNewest({ newest: alert }) {
  if (!alert || alert.key === newest) return;
  newest = alert.key;
  if (notifying() === "on" && document.hidden && TOLD.includes(alert.event)) tell(alert).catch(() => {});
}

async function tell(alert) {
  const { alerts } = await ask(`/api/alerts?limit=10&events=${alert.event}`); // in the person's language
  const { text } = alerts.find(({ key }) => key === alert.key) ?? alert;
  const options = { body: text, tag: alert.key, icon: "/static/icon-192.png", data: { path: ofAccount(alert.payload?.trade && alert.payload?.symbol ? `/trades/${alert.payload.symbol}-${alert.payload.trade}` : "/") } };
  const worker = await navigator.serviceWorker?.getRegistration();
  if (worker) await worker.showNotification(t("Sigma Analyst"), options);
  else new Notification(t("Sigma Analyst"), options);
}

function read() {
  try {
    return localStorage.getItem(NAME) === "on";
  } catch {
    return false;
  }
}
