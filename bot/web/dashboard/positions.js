/** Open positions, live, each with its way out. */

import { byId, h, patch } from "./dom.js";
import { money, price, quantity, signedMoney, signedPercent, time, tone } from "./format.js";
import { table } from "./table.js";

const COLUMNS = [
  { name: "Market", bare: true, cell: (held) => [h("strong", {}, held.symbol), " ", sideTag(held.side)] },
  { name: "Quantity", right: true, cell: (held) => quantity(held.quantity) },
  { name: "Entry", right: true, cell: (held) => price(held.entry_price) },
  { name: "Mark", right: true, cell: (held) => price(held.mark_price) },
  { name: "Net so far", right: true, cell: (held) => result(held) },
  { name: "Stop", right: true, cell: (held) => price(held.stop_loss) },
  { name: "Target", right: true, cell: (held) => price(held.take_profit) },
  { name: "Since", right: true, cell: (held) => time(held.opened_ms) },
  { name: "Close", bare: true, wide: true, hidden: true, cell: (held) => closeButton(held.symbol) },
];

/** Draw the open positions. */
export function drawPositions({ status }) {
  const held = status?.positions ?? [];
  const net = held.reduce((sum, position) => sum + position.unrealised, 0);
  const gross = held.reduce((sum, position) => sum + position.notional, 0);
  byId("positions-hint").textContent = held.length ? `${money(gross, 0)} held, unrealised P&L ${signedMoney(net)}` : "";
  const none = status ? "No open position. A market is entered when its conviction reaches the threshold." : "Loading";
  patch(byId("positions"), table("Open positions", COLUMNS, held, (position) => position.symbol, none));
}

/** LONG or SHORT, in words and in colour. */
export function sideTag(side) {
  return h("span", { class: `tag ${side === "LONG" ? "gain" : "loss"}` }, side);
}

function result(held) {
  return [
    h("span", { class: tone(held.unrealised), "data-unrealised": held.symbol }, signedMoney(held.unrealised)),
    h("small", {}, signedPercent(held.unrealised_fraction)),
  ];
}

function closeButton(symbol) {
  return h(
    "button",
    { type: "button", class: "button small", "data-action": "close", "data-symbol": symbol, "aria-label": `Close ${symbol}` },
    "Close",
  );
}
