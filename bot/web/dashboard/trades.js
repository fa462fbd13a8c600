/** Closed trades: what each came to, why it was opened and why it was closed. */

import { byId, h, patch } from "./dom.js";
import { hours, percent, price, signedMoney, signedPercent, time, tone, words } from "./format.js";
import { sideTag } from "./positions.js";
import { table } from "./table.js";

const COLUMNS = [
  { name: "Market", bare: true, cell: (trade) => [h("strong", {}, trade.symbol), " ", sideTag(trade.side)] },
  { name: "Net", right: true, cell: (trade) => [h("span", { class: tone(trade.net) }, signedMoney(trade.net)), h("small", {}, signedPercent(trade.return_fraction))] },
  { name: "Entry", right: true, cell: (trade) => price(trade.entry_price) },
  { name: "Exit", right: true, cell: (trade) => price(trade.exit_price) },
  { name: "Held", right: true, cell: (trade) => hours((trade.closed_ms - trade.opened_ms) / 3600000) },
  { name: "Opened because", wide: true, cell: (trade) => words(trade.opened_because) },
  { name: "Closed because", wide: true, cell: (trade) => words(trade.closed_because) },
  { name: "Closed", right: true, cell: (trade) => time(trade.closed_ms) },
  { name: "Bundle", right: true, cell: (trade) => trade.bundle_id },
];

/** Draw the newest closed trades. */
export function drawTrades({ trades, status }) {
  if (!trades) return;
  const won = trades.filter((trade) => trade.net > 0).length;
  const net = trades.reduce((sum, trade) => sum + trade.net, 0);
  const more = status?.trades > trades.length ? ` of ${status.trades}` : "";
  byId("trades-hint").textContent = trades.length
    ? `newest ${trades.length}${more}: won ${percent(won / trades.length, 0)}, net ${signedMoney(net)}`
    : "";
  patch(byId("trades"), table("Closed trades", COLUMNS, trades, (trade) => trade.id, "No trade has closed yet."));
}
