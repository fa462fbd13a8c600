/** Closed trades: what each came to, why it was opened and why it was closed. */

import { byId, h, patch } from "./dom.js";
import { hours, percent, price, signedMoney, signedPercent, time, tone, withMinus, words } from "./format.js";
import { sideTag } from "./positions.js";
import { table } from "./table.js";

const CLOSED = {
  faded: "the conviction faded",
  reversed: "the other side was signalled",
  stop: "stop loss",
  take: "target",
  trail: "trailing stop",
  liquidation: "liquidated",
  command: "closed by a person",
  daily_loss: "daily loss stop",
  drawdown: "drawdown stop",
  kill_switch: "kill switch",
};

const COLUMNS = [
  { name: "Market", bare: true, cell: (trade) => [h("strong", {}, trade.symbol), " ", sideTag(trade.side)] },
  { name: "Net", right: true, cell: result },
  { name: "Entry", right: true, cell: (trade) => price(trade.entry_price) },
  { name: "Exit", right: true, cell: (trade) => price(trade.exit_price) },
  { name: "Held", right: true, cell: (trade) => hours((trade.closed_ms - trade.opened_ms) / 3600000) },
  { name: "Why it was opened", wide: true, reason: true, cell: (trade) => [openedBecause(trade), h("small", {}, `by ${trade.bundle_id}`)] },
  { name: "Why it was closed", wide: true, cell: (trade) => CLOSED[trade.closed_because] ?? words(trade.closed_because) },
  { name: "Closed", right: true, wide: true, cell: (trade) => time(trade.closed_ms) },
];

function result(trade) {
  const net = h("span", { class: tone(trade.net) }, signedMoney(trade.net));
  return [net, h("small", {}, signedPercent(trade.return_fraction))];
}

/** What the signal gave as its reasons; the kernel's own word where the signal is not at hand. */
function openedBecause(trade) {
  if (!trade.reasoning) return words(trade.opened_because);
  return withMinus(trade.reasoning.split(/;?\s*context:/)[0].replace(/^because:\s*/, ""));
}

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
