"""Alerts in words, in the language of the running task: an icon and a headline for every event, more lines where
there is more to say. Plain text; faces escape it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.alerts.numbers import basis_points, price, quantity, reason, share, stamp
from bot.values.callers import where
from storage.language import N_, _, many, translated
from storage.lazy import lazily
from storage.ledger.outbox import Pending
from strategies.bundle.fallback_names import told

with lazily():
    from bot.alerts.digest_lines import lines_of

LONGEST_LINE: Final = 160
MOST_PARTS: Final = 3  # of what a nightly check found; all of it stands in the ledger
_CHECKS: Final = frozenset({"parity", "candles", "drift", "archive", "backup"})
LONGEST_ODD: Final = 500  # characters of a payload nobody has words for
_COMMANDS: Final = {
    "pause": N_("Paused: no new entries, exits go on"),
    "resume": N_("Resumed: entries are taken again"),
    "stop": N_("Kill switch: everything is closed, no entries until /resume"),
    "close": N_("Close commanded"),
    "unlock": N_("Protections lifted"),
}
_MARKET_CHANGES: Final = {
    "join": N_("{symbol} joined the account: {why}"),
    "change": N_("{symbol} has new rules: {why}"),
    "leave": N_("{symbol} leaves the account: {why}"),
}
_LOCKS: Final = {
    "daily_loss": N_("the daily loss stop; no entries until the next UTC day, positions are closed"),
    "drawdown": N_("the drawdown stop; no entries until a person sends /unlock, positions are closed"),
}
_FEED_NEWS: Final = frozenset({"condition", "excluded", "given_up", "rebuilt"})
_ICONS: Final = {
    "protections": "🛡",
    "promotion": "🏆",
    "training": "🧠",
    "feed": "📡",
    "markets": "🪙",
    "digest": "🗒",
    "telegram": "⚠️",
}
_EVENTS: Final = {
    "signals": N_("signals"),
    "fills": N_("fills"),
    "rebalances": N_("rebalances"),
    "exits": N_("exits"),
    "protections": N_("protections"),
    "training": N_("training"),
    "promotion": N_("promotion"),
    "feed": N_("feed"),
    "digest": N_("digest"),
    "markets": N_("markets"),
}


def icon(event: str, payload: Mapping[str, Any]) -> str:
    """Return the picture that stands before a headline."""
    match event:
        case "signals" if "signal" in payload:
            return "🟢" if payload["signal"] == "LONG" else "🔴"
        case "signals":
            return "⚪"
        case "fills":
            return "🟢" if payload.get("side") == "buy" else "🔴"
        case "rebalances":
            return "➕" if _grows(payload) else "➖"
        case "exits":
            return "✅" if float(payload.get("trade_net") or 0) > 0 else "❌"
        case "feed":
            return "📶" if payload.get("type") == "recovered" else "📡"
    return "🔎" if event in _CHECKS else _ICONS.get(event, "•")


def headline(event: str, payload: Mapping[str, Any]) -> str:
    """Return one line that says what happened; an alert whose payload is odd is shown as it is, never held back."""
    try:
        return _headline(event, payload)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return _as_it_is(event, payload)


def details(event: str, payload: Mapping[str, Any]) -> list[str]:
    """Return what else is worth reading, a line each."""
    try:
        return _details(event, payload)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return []


def _headline(event: str, payload: Mapping[str, Any]) -> str:
    match event, payload.get("type"):
        case "signals", None:
            at = price(payload["entry_price"])
            return _("{side} {symbol} at {price}", side=payload["signal"], symbol=payload["symbol"], price=at)
        case "signals", _kind:
            symbol, why = payload.get("symbol", "?"), reason(payload.get("reason"))
            return _("Entry missed: {symbol} ({reason})", symbol=symbol, reason=why)
        case "fills", _kind:
            return f"{_traded(payload)}, {reason(payload['reason'])}"
        case "rebalances", _kind:
            return _rebalanced(payload)
        case "exits", _kind:
            return _(
                "Closed {trade} at {price}: {reason}, net {net}",
                trade=payload["trade"],
                price=price(payload["price"]),
                reason=reason(payload["reason"]),
                net=f"{payload['trade_net']:+,.2f}",
            )
        case "protections" | "promotion", "command":
            return _commanded(payload)
        case "protections", kind:
            return _protection(str(kind), payload)
        case "markets", _kind:
            text = _MARKET_CHANGES[payload["kind"]]
            return _(text, symbol=payload["symbol"], why=translated(str(payload["why"])))
        case "parity" | "candles" | "drift" | "archive" | "backup", _kind:
            return translated(str(payload["text"]).split("; ")[0])
        case "training", "began":
            return _("Training began: {why}", why=translated(str(payload.get("why", ""))))
        case "training", _kind:
            return _("Training ended: {outcome}", outcome=translated(str(payload.get("outcome", ""))))
        case "feed", _kind:
            return _feed(payload)
        case "digest", _kind if payload.get("ms"):
            return _("Digest of {time}", time=stamp(int(payload["ms"])))
    return str(payload.get("text") or _as_it_is(event, payload))


def _as_it_is(event: str, payload: Mapping[str, Any]) -> str:
    return f"{event}: {dict(payload)}"[:LONGEST_ODD]


def _protection(kind: str, payload: Mapping[str, Any]) -> str:
    if kind != "lock":
        return _("Protection lifted: {reason}", reason=reason(payload["reason"]))
    name = str(payload.get("reason"))
    return _("Protection tripped: {reason}", reason=_(_LOCKS[name]) if name in _LOCKS else name)


def _feed(payload: Mapping[str, Any]) -> str:
    what = str(payload.get("what", ""))
    if payload.get("type") in _FEED_NEWS:
        return _("Feed: {text}", text=translated(str(payload.get("text", ""))))
    if payload.get("type") == "recovered":
        return _("Feed recovered: {what} after {seconds} s", what=what, seconds=f"{payload.get('seconds', 0):,.0f}")
    match payload.get("holds_entries"):
        case True:
            return _("Feed trouble: {what}; no entries there until it recovers", what=what)
        case False:
            return _("Feed trouble: {what}; its candles come by request, entries are still taken", what=what)
    return _("Feed trouble: {what}", what=what)


def _details(event: str, payload: Mapping[str, Any]) -> list[str]:
    if event == "signals" and "signal" in payload:
        odds = _odds(payload)
        return [_levels(payload), *([odds] if odds else []), translated(str(payload["reasoning"]))]
    if event in ("fills", "rebalances") and payload.get("fee"):
        position = quantity(payload["position"], signed=True)
        worth = f"{float(payload['quantity']) * float(payload['price']):,.2f}"
        fee = f"{payload['fee']:,.2f}"
        return [_("worth {worth}, position {position}, fee {fee}", worth=worth, position=position, fee=fee)]
    if event in _CHECKS:
        return [translated(part) for part in str(payload["text"]).split("; ")[1 : 1 + MOST_PARTS]]
    if event == "digest" and "account" in payload:
        return lines_of(payload)
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
    named = ", ".join(f"{count} {_(_EVENTS[event]) if event in _EVENTS else event}" for event, count in counts.items())
    return many("{count} alert: ", "{count} alerts: ", len(rows)) + named


def _traded(payload: Mapping[str, Any]) -> str:
    amount, symbol, at = quantity(payload["quantity"]), payload["symbol"], price(payload["price"])
    if payload["side"] == "buy":
        return _("Bought {amount} {symbol} at {price}", amount=amount, symbol=symbol, price=at)
    return _("Sold {amount} {symbol} at {price}", amount=amount, symbol=symbol, price=at)


def _grows(payload: Mapping[str, Any]) -> bool:
    return (payload.get("side") == "buy") == (float(payload.get("position") or 0) > 0)


def _rebalanced(payload: Mapping[str, Any]) -> str:
    amount, at = quantity(payload["quantity"]), price(payload["price"])
    if _grows(payload):
        return _("Enlarged {trade} by {amount} at {price}", trade=payload["trade"], amount=amount, price=at)
    return _("Reduced {trade} by {amount} at {price}", trade=payload["trade"], amount=amount, price=at)


def _commanded(payload: Mapping[str, Any]) -> str:
    by = f" ({_place(str(payload['by']))})" if payload.get("by") else ""
    kind = str(payload.get("kind"))
    if kind == "swap":
        return _("{name} decides from now on", name=translated(told(str(payload.get("bundle"))))) + by
    return (_(_COMMANDS[kind]) if kind in _COMMANDS else kind) + by


def _place(by: str) -> str:
    place = where(by)
    return _("by {name}", name=by) if place == f"by {by}" else translated(place)


def _levels(payload: Mapping[str, Any]) -> str:
    stop, target = price(payload["stop_loss"]), price(payload["take_profit"])
    said = _("stop {stop}, target {target}", stop=stop, target=target)
    ratio = payload.get("risk_reward")
    return said if ratio is None else said + _(", reward/risk {ratio}", ratio=f"{ratio:.1f}")


def _odds(payload: Mapping[str, Any]) -> str:
    said = []
    if payload["confidence"]:  # a rule without a past of convictions has none
        said.append(_("confidence {share}", share=share(payload["confidence"])))
    if payload.get("probability") is not None:
        said.append(_("probability {share}", share=share(payload["probability"])))
    if payload.get("win_rate") is not None:
        said.append(_("win rate {share}", share=share(payload["win_rate"])))
    if payload.get("expected_return") is not None:
        said.append(_("expected {share}", share=share(payload["expected_return"], signed=True)))
    return ", ".join(said)


__all__ = [
    "basis_points",
    "collapsed",
    "details",
    "headline",
    "icon",
    "price",
    "quantity",
    "reason",
    "share",
    "stamp",
    "tally",
]
