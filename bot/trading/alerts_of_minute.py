"""Alerts of an account minute's facts and decisions: one key per event, so a repeat is never a second alert."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import numpy as np
import orjson

from storage.ledger.journal import Alert
from strategies.explain.signals import Signal
from strategies.kernel.state import FactKind, Reason
from strategies.market import UNITS_PER_QUOTE, Market
from strategies.minute import Command, Outcome

COMMANDED: Final = frozenset({Reason.PAUSED, Reason.KILL_SWITCH, Reason.COMMAND})  # told by the command's own alert
EVENT_OF_FACT: Final = {FactKind.LOCK: "protections", FactKind.UNLOCK: "protections", FactKind.MISSED: "signals"}


def alerts_of(outcome: Outcome, markets: tuple[Market, ...], signals: dict[int, Signal]) -> list[Alert]:
    """Return the alerts of a minute: signals, then facts, in the order they happened."""
    alerts = [
        _alert(f"signal:{signal.decision_ms}:{markets[index].symbol}", signal.decision_ms, "signals", asdict(signal))
        for index, signal in signals.items()
    ]
    for number, record in enumerate(outcome.facts):
        event = _event_of(record)
        if event:
            key = f"fact:{outcome.minute_ms}:{number}"
            alerts.append(_alert(key, int(record["ms"]), event, _fact_payload(record, markets)))
    return alerts


def command_alert(command: Command, minute_ms: int, number: int) -> Alert:
    """Return the alert that says a command took effect."""
    if command.is_lifecycle and command.spec is not None:
        payload = {"type": "market", "kind": command.kind, "symbol": command.spec.symbol, "why": command.why}
        return _alert(f"command:{minute_ms}:{number}", minute_ms, "markets", payload | {"by": command.by})
    event = "promotion" if command.kind == "swap" else "protections"
    return _alert(f"command:{minute_ms}:{number}", minute_ms, event, {"type": "command"} | command.document())


def _event_of(record: np.void) -> str | None:
    kind = FactKind(int(record["kind"]))
    if kind is FactKind.FILL:
        return _event_of_fill(int(record["lots"]), int(record["position"]))
    if kind in (FactKind.LOCK, FactKind.UNLOCK) and Reason(int(record["reason"])) in COMMANDED:
        return None
    return EVENT_OF_FACT.get(kind)


def _event_of_fill(lots: int, position: int) -> str:
    """Return what a fill did: opened ("fills") or closed ("exits") a position, or changed the size of one."""
    if position == 0:
        return "exits"
    return "fills" if lots == position else "rebalances"


def _fact_payload(record: np.void, markets: tuple[Market, ...]) -> dict[str, Any]:
    kind, reason = FactKind(int(record["kind"])), Reason(int(record["reason"]))
    payload: dict[str, Any] = {"type": kind.name.lower(), "reason": reason.name.lower(), "ms": int(record["ms"])}
    index = int(record["market"])
    if index >= 0:
        market = markets[index]
        payload |= {
            "symbol": market.symbol,
            "trade": f"{market.symbol}-{int(record['trade'])}",
            "side": "buy" if record["lots"] > 0 else "sell",
            "quantity": float(market.quantity(abs(int(record["lots"])))),
            "price": float(market.price(int(record["price"]))),
            "fee": int(record["fee"]) / UNITS_PER_QUOTE,
            "position": float(market.quantity(int(record["position"]))),
            "trade_net": _net_at_price(record, market) / UNITS_PER_QUOTE,
        }
    return payload


def _net_at_price(record: np.void, market: Market) -> int:
    """Return what the round trip has come to, in units, with what is still held at the price of this fact."""
    held = int(record["position"]) * int(record["price"]) * market.unit_value
    return int(record["trade_cash_flow"]) + held


def _alert(key: str, ms: int, event: str, payload: dict[str, Any]) -> Alert:
    return Alert(key=key, ms=ms, event=event, payload=orjson.dumps(payload, option=orjson.OPT_SERIALIZE_NUMPY).decode())
