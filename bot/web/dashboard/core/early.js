// Sets the chosen looks before the first paint; without a choice the system's theme holds. And asks at once for the
// modules of the room at this address, and for what its chart shows: both would come one after the other otherwise.
const MODULES = {
  "": ["rooms/overview.js", "rooms/decisions.js", "charts/equity.js"],
  markets: ["rooms/markets.js", "rooms/decisions.js", "charts/price.js", "charts/panes.js"],
  trades: ["rooms/trades.js", "rooms/trade.js", "charts/trade.js"],
  models: ["rooms/models.js", "rooms/learning.js", "rooms/training.js", "rooms/shadow_tests.js", "charts/plot.js"],
  runs: ["rooms/runs.js", "rooms/learning.js", "rooms/training.js", "charts/plot.js"],
};
const base = location.pathname.match(/^\/accounts\/[a-z0-9_-]+(?=\/)/)?.[0] ?? "";
const [, room, id] = location.pathname.slice(base.length).split("/");
for (const name of MODULES[room] ?? []) {
  const link = document.createElement("link");
  link.rel = "modulepreload";
  link.href = `/static/${name}`;
  document.head.append(link);
}
const shown = { "": "/api/performance" }[room] ?? (room === "markets" && id ? `/api/candles?symbol=${id}&timeframe=${new URLSearchParams(location.search).get("tf") ?? "1h"}&limit=500` : null);
if (shown) window.sigmaEarly = { path: shown, answer: fetch(base + shown, { headers: { Accept: "application/json" }, cache: "no-store" }).catch(() => null) };
try {
  const looks = JSON.parse(localStorage.getItem("sigma-looks") ?? "{}");
  const { dataset } = document.documentElement;
  if (looks.theme === "dark" || looks.theme === "light") dataset.theme = looks.theme;
  for (const name of ["colours", "density", "width"]) if (looks[name]) dataset[name] = looks[name];
} catch {
  // storage is switched off: the system's looks hold
}
