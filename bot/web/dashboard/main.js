/**
 * The page: what the daemon tells goes into one store, and every section is drawn from it.
 *
 *     status and lists by HTTP, events by websocket -> store -> sections
 */

import { drawButtons, listen } from "./actions.js";
import { drawAlerts } from "./alerts.js";
import { watchSession } from "./api.js";
import { drawCandles, drawTabs } from "./candles.js";
import { drawEquity } from "./equity.js";
import { Feed } from "./feed.js";
import { drawHeader } from "./header.js";
import { drawMarkets } from "./markets.js";
import { drawModels } from "./models.js";
import { drawPositions } from "./positions.js";
import { drawProtections } from "./protections.js";
import { drawSignals } from "./signals.js";
import { Store } from "./store.js";
import { onSystemTheme } from "./theme.js";
import { drawTrades } from "./trades.js";
import { drawTraining } from "./training.js";

const CHARTS_EVERY_MS = 1000;
const TEXT = [
  drawButtons,
  drawHeader,
  drawTabs,
  drawMarkets,
  drawPositions,
  drawSignals,
  drawTrades,
  drawModels,
  drawTraining,
  drawProtections,
  drawAlerts,
];
const CHARTS = [drawCandles, drawEquity];

const store = new Store({
  connection: { phase: "connecting", heardAt: Date.now() },
  signedIn: false,
  status: null,
  market: null,
  charts: {}, // by symbol: candles ascending, the one that fills, round trips
  equity: null,
  trades: null,
  decisions: null,
  noTrade: {}, // by symbol
  held: null, // what buying and holding every market would have been
  models: null,
  alerts: null,
});
const feed = new Feed(store);
let drawnVersion = -1;
let drawing = false;

function drawText(state) {
  for (const draw of TEXT) draw(state);
}

/** Charts come after the text, at most once a second, and neither while nobody looks nor while nothing comes. */
async function drawCharts() {
  const isOpen = store.state.connection.phase === "open";
  if (drawing || !isOpen || document.hidden || drawnVersion === store.version) return;
  drawing = true;
  drawnVersion = store.version;
  try {
    await Promise.all(CHARTS.map((draw) => draw(store.state)));
  } catch (error) {
    drawnVersion = -1;
    console.warn(error.message);
  } finally {
    drawing = false;
  }
}

function redraw() {
  drawnVersion = -1;
  drawText(store.state);
  drawCharts();
}

store.subscribe(drawText);
watchSession((signedIn) => store.set({ signedIn }));
onSystemTheme(redraw);
listen({
  onMarket: (symbol) => feed.show(symbol),
  onTheme: redraw,
  onCommand: () => feed.refresh(),
  onFilter: () => store.set({}),
});
feed.start();
setInterval(() => drawHeader(store.state), 1000); // ages grow while nothing comes
addEventListener("load", () => setInterval(drawCharts, CHARTS_EVERY_MS));
document.addEventListener("visibilitychange", drawCharts);
