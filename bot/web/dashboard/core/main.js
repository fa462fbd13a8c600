/**
 * The page: what the daemon tells goes into one store; the frame and the room at this address are drawn from it.
 *
 *     pulses and alerts by websocket, answers by HTTP -> store and resources -> shell and room
 */

import { listenToAccount } from "./account.js";
import { readSession, useClock, watchSession } from "./api.js";
import { askForToken, changeSession, listenToCommands } from "./commands.js";
import { byId, h, patch } from "./dom.js";
import { listenToKeys } from "./keys.js";
import { tellNewest } from "./notify.js";
import { Live } from "./live.js";
import { apply, language, next, onSystemTheme } from "./prefs.js";
import { Resources } from "./resources.js";
import { here, onRoute } from "./router.js";
import { NAMES, canCommand, drawShell } from "./shell.js";
import { Store } from "./store.js";
import { speak, t } from "./texts.js";

const ROOMS = {
  overview: () => import("../rooms/overview.js"),
  markets: () => import("../rooms/markets.js"),
  trades: () => import("../rooms/trades.js"),
  models: () => import("../rooms/models.js"),
  runs: () => import("../rooms/runs.js"),
  calendar: () => import("../rooms/calendar.js"),
  logs: () => import("../rooms/logs.js"),
  settings: () => import("../rooms/settings.js"),
};

const store = new Store({ connection: { phase: "connecting", heardAt: Date.now() }, signedIn: false, mayOnlyLook: false, status: null, newest: null, wallAhead: 0 });
const resources = new Resources(store, askForToken);
const live = new Live(store, resources);
let route = here();
let room = null;
let shown = "";

/** What a room may use. */
const context = {
  need: (path, options) => resources.need(path, options),
  problem: (path) => resources.problem(path),
  spoil: (...paths) => resources.spoil(...paths),
  watch: (symbol) => live.listen(symbol ?? ""),
  redraw: () => draw(store.state),
  canCommand: () => canCommand(store.state),
};

/** Return the accounts of the database, of which there are seldom more than were there. */
function accounts() {
  return resources.need("/api/accounts", { every: 10000, age: 60000 })?.accounts ?? [];
}

function draw(state) {
  drawShell(state, route, accounts());
  if (!room || shown !== route.room) return;
  patch(byId("main"), room.draw(state, route, context));
  if (!document.hidden) Promise.resolve(room.drawn?.(state, route, context)).catch((error) => console.warn(error.message));
}

async function enter(to) {
  const from = route;
  route = to;
  const loaded = await ROOMS[to.room]();
  if (route !== to) return;
  if (shown && shown !== to.room) room?.leave?.();
  room = loaded.room;
  if (shown !== to.room) patch(byId("main"), h("div", { key: `enter-${to.room}` }));
  shown = to.room;
  if (from.room !== to.room || from.id !== to.id) {
    scrollTo(0, 0);
    byId("announcer").textContent = t("Room: {room}", { room: to.id ?? t(NAMES[to.room]) });
  }
  draw(store.state);
}

function restyle() {
  room?.restyle?.();
  draw(store.state);
}

apply();
await speak(language());
store.subscribe(draw);
useClock(() => store.state.wallAhead);
watchSession((session) => store.set({ signedIn: session.signed_in, mayOnlyLook: session.signed_in && !session.may_change }));
onSystemTheme(restyle);
onRoute(enter);
listenToCommands({ canCommand: context.canCommand, onDone: () => resources.spoil("/") });
listenToKeys({ onLook: restyle });
listenToAccount();
store.subscribe(tellNewest);
byId("session").addEventListener("click", () => changeSession(store.state.signedIn));
byId("theme").addEventListener("click", () => {
  next("theme");
  restyle();
});
readSession().catch(() => {});
enter(route);
live.listen(route.room === "markets" ? (route.id ?? "") : "");
setInterval(() => drawShell(store.state, route, accounts()), 1000); // ages grow while nothing comes
document.addEventListener("visibilitychange", () => document.hidden || draw(store.state));
