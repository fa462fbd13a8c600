// Sets the chosen looks before the first paint; without a choice the system's theme holds. And asks for the modules of
// the room at this address at once: they would be found one after the other otherwise.
const MODULES = {
  "": ["rooms/overview.js", "rooms/decisions.js", "charts/equity.js"],
  markets: ["rooms/markets.js", "rooms/decisions.js", "charts/price.js", "charts/panes.js"],
  trades: ["rooms/trades.js", "rooms/trade.js", "charts/trade.js"],
  models: ["rooms/models.js", "rooms/learning.js", "rooms/training.js", "rooms/trials.js", "charts/plot.js"],
  runs: ["rooms/runs.js", "rooms/learning.js", "rooms/training.js", "charts/plot.js"],
};
for (const name of MODULES[location.pathname.split("/")[1]] ?? []) {
  const link = document.createElement("link");
  link.rel = "modulepreload";
  link.href = `/static/${name}`;
  document.head.append(link);
}
try {
  const looks = JSON.parse(localStorage.getItem("sigma-looks") ?? "{}");
  const { dataset } = document.documentElement;
  if (looks.theme === "dark" || looks.theme === "light") dataset.theme = looks.theme;
  for (const name of ["colours", "density", "width"]) if (looks[name]) dataset[name] = looks[name];
} catch {
  // storage is switched off: the system's looks hold
}
