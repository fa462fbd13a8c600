"""Alerts in words: a headline for every event, more lines where there is more to say. Plain text; faces escape it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from storage.ledger.outbox import Pending
from strategies.bundle.fallback_strategies import told

LONGEST_LINE: Final = 160
LONGEST_ODD: Final = 500  # characters of a payload nobody has words for
_COMMANDS: Final = {
    "pause": "Paused: no new entries, exits go on",
    "resume": "Resumed: entries are taken again",
    "stop": "Kill switch: everything is closed, no entries until /resume",
    "close": "Close commanded",
    "unlock": "Protections lifted",
}
_MARKET_CHANGES: Final = {"join": "joined the account", "change": "has new rules", "leave": "leaves the account"}
_LOCKS: Final = {
    "daily_loss": "the daily loss stop; no entries until the next UTC day, positions are closed",
    "drawdown": "the drawdown stop; no entries until a person sends /unlock, positions are closed",
}
_REASONS: Final = {
    "signal": "on its signal",
    "faded": "the signal faded",
    "reversed": "the signal turned",
    "stop": "stop-loss",
    "take": "take-profit",
    "trail": "trailing stop",
    "liquidation": "liquidated",
    "command": "commanded",
    "daily_loss": "daily loss stop",
    "drawdown": "drawdown stop",
    "kill_switch": "kill switch",
    "rebalance": "resized",
    "delisted": "delisted, settled at the last price",
    "regrid": "moved to the market's new grid",
}


def headline(event: str, payload: Mapping[str, Any]) -> str:
    """Return one line that says what happened; an alert whose payload is odd is shown as it is, never held back."""
    try:
        return _headline(event, payload)
    except (KeyError, TypeError, ValueError):
        return _as_it_is(event, payload)


def details(event: str, payload: Mapping[str, Any]) -> list[str]:
    """Return what else is worth reading, a line each."""
    try:
        return _details(event, payload)
    except (KeyError, TypeError, ValueError):
        return []


def _headline(event: str, payload: Mapping[str, Any]) -> str:
    match event, payload.get("type"):
        case "signals", None:
            return f"{payload['signal']} {payload['symbol']} at {price(payload['entry_price'])}"
        case "signals", _:
            return f"Entry missed: {payload.get('symbol', '?')} ({reason(payload.get('reason'))})"
        case "fills", _:
            return f"{_traded(payload)}, {reason(payload['reason'])}"
        case "exits", _:
            return f"Closed {payload['trade']} at {price(payload['price'])}: {reason(payload['reason'])}, " + (
                f"net {payload['trade_net']:+,.2f}"
            )
        case "protections" | "promotion", "command":
            return _commanded(payload)
        case "protections", kind:
            said = _LOCKS.get(str(payload.get("reason")), str(payload.get("reason")))
            return (
                f"Protection tripped: {said}" if kind == "lock" else f"Protection lifted: {reason(payload['reason'])}"
            )
        case "markets", _:
            return f"{payload['symbol']} {_MARKET_CHANGES[payload['kind']]}: {payload['why']}"
        case "training", "began":
            return f"Training began: {payload.get('why', '')}"
        case "training", _:
            return f"Training ended: {payload.get('outcome', '')}"
        case "feed", "recovered":
            return f"Feed recovered: {payload.get('what', '')} after {payload.get('seconds', 0):,.0f} s"
        case "feed", "condition" | "excluded" | "given_up" | "rebuilt":
            return f"Feed: {payload.get('text', '')}"
        case "feed", _:
            return f"Feed trouble: {payload.get('what', '')}; no entries there until it recovers"
    return str(payload.get("text") or _as_it_is(event, payload))


def _as_it_is(event: str, payload: Mapping[str, Any]) -> str:
    return f"{event}: {dict(payload)}"[:LONGEST_ODD]


def _details(event: str, payload: Mapping[str, Any]) -> list[str]:
    if event == "signals" and "signal" in payload:
        return [_levels(payload), str(payload["reasoning"])]
    if event == "fills" and payload.get("fee"):
        return [f"position {payload['position']:+,.6g}, fee {payload['fee']:,.2f}"]
    return [str(line) for line in payload.get("lines", ())]


def collapsed(rows: Sequence[Pending], limit: int) -> tuple[list[str], int]:
    """Return a burst as lines, and how many rows they tell of.

    Args:
        rows: in order.
        limit: characters that the lines may take, line ends counted; the first row always fits.
    """
    lines: list[str] = []
    left = limit
    for row in rows:
        line = f"{stamp(row.ms, short=True)} {headline(row.event, row.payload)}"[:LONGEST_LINE]
        if lines and len(line) + 1 > left:
            break
        lines.append(line)
        left -= len(line) + 1
    return lines, len(lines)


def tally(rows: Sequence[Pending]) -> str:
    """Return "23 alerts: 12 fills, 11 exits"."""
    counts = Counter(row.event for row in rows)
    return f"{len(rows)} alerts: " + ", ".join(f"{count} {event}" for event, count in counts.items())


def stamp(ms: int | None, *, short: bool = False) -> str:
    """Return a time for people: "2025-01-03 14:00 UTC", or "01-03 14:00"."""
    if ms is None:
        return "an unknown time"
    when = datetime.fromtimestamp(ms / 1000, UTC)
    return when.strftime("%m-%d %H:%M" if short else "%Y-%m-%d %H:%M UTC")


def price(value: float | None) -> str:
    """Return a price with as many digits as it has meaning for people."""
    if value is None:
        return "none"
    magnitude = abs(value)
    if magnitude >= 1_000:
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{value:,.6g}"


def reason(name: Any) -> str:
    """Return why a fill happened, in words."""
    return _REASONS.get(str(name), str(name).replace("_", " "))


def share(value: float | None, *, signed: bool = False) -> str:
    """Return a fraction as a percentage."""
    return "?" if value is None else f"{value:+.2%}" if signed else f"{value:.0%}"


def _traded(payload: Mapping[str, Any]) -> str:
    verb = "Bought" if payload["side"] == "buy" else "Sold"
    return f"{verb} {payload['quantity']:,.6g} {payload['symbol']} at {price(payload['price'])}"


def _commanded(payload: Mapping[str, Any]) -> str:
    by = f" (by {payload['by']})" if payload.get("by") else ""
    kind = str(payload.get("kind"))
    if kind == "swap":
        return f"{told(str(payload.get('bundle')))} decides from now on{by}"
    return _COMMANDS.get(kind, kind) + by


def _levels(payload: Mapping[str, Any]) -> str:
    said = [f"stop {price(payload['stop_loss'])}", f"target {price(payload['take_profit'])}"]
    said.append(f"confidence {share(payload['confidence'])}")
    for name, label in (("probability", "probability"), ("win_rate", "win rate")):
        if payload.get(name) is not None:
            said.append(f"{label} {share(payload[name])}")
    if payload.get("expected_return") is not None:
        said.append(f"expected {share(payload['expected_return'], signed=True)}")
    return ", ".join(said)
