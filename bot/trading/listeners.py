"""Listeners to account minutes, and what of a minute is said on the console and in the log."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import structlog

from bot.trading.snapshot import Snapshot
from strategies.market import MINUTE_MS

Listeners = list[Callable[[Snapshot], None]]


def publisher(listeners: Listeners) -> Callable[[Snapshot], None]:
    """Return what tells them all, in their order."""

    def publish(snapshot: Snapshot) -> None:
        for listen in listeners:
            listen(snapshot)

    return publish


def log_trading(snapshot: Snapshot) -> None:
    """Say what a minute brought: entries, changes of size, exits with what the trade came to, and signals."""
    log = structlog.get_logger("trader")
    for alert in snapshot.alerts:
        fill = orjson.loads(alert.payload) if alert.event in ("fills", "rebalances", "exits") else {}
        shown = {name: fill[name] for name in ("trade", "side", "quantity", "price", "reason") if name in fill}
        if alert.event == "fills":
            log.info("fill", **shown)
        elif alert.event == "rebalances":
            log.info("rebalance", **shown, position=abs(fill["position"]), net=round(fill["trade_net"], 2))
        elif alert.event == "exits":
            log.info("exit", **shown, net=round(fill["trade_net"], 2), equity=round(snapshot.equity, 2))
    for view in snapshot.markets:
        if view.signal is not None and view.signal.decision_ms == snapshot.minute_ms + MINUTE_MS:
            log.info("signal", symbol=view.symbol, side=view.signal.signal, conviction=round(view.conviction or 0.0, 2))
