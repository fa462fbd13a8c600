"""The digest's lines, in the language of the running task, from what the ledger said when it was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.alerts.numbers import share
from bot.views.no_trade import NoTrade
from storage.language import _, many, translated
from strategies.bundle.fallback_names import told


def lines_of(payload: Mapping[str, Any]) -> list[str]:
    """Return a digest's payload in lines: the account, the day, why nothing was traded, on Mondays the week."""
    total, day = share(payload["total_return"], signed=True), _day(payload["day_return"])
    closed = many("{count} trade closed", "{count} trades closed", payload["trades"])
    signals = many("{count} signal", "{count} signals", payload["signals"])
    lines = [
        _("equity {equity} ({total} since the start, {day})", equity=f"{payload['equity']:,.2f}", total=total, day=day),
        _("{closed}, net {net}; {signals}", closed=closed, net=f"{payload['net']:+,.2f}", signals=signals)
        + (f", {_resized(payload['rebalances'])}" if payload.get("rebalances") else ""),
    ]
    lines += _account(payload["account"])
    lines += [f"{_checked(str(kind))}: {translated(str(sentence))}" for kind, sentence in payload["checks"]]
    lines += _why_silent(payload, {symbol: side for symbol, side, _net in payload["account"].get("open", ())})
    return lines + (week_lines(payload["week"]) if payload.get("week") else [])


def week_lines(week: Mapping[str, Any]) -> list[str]:
    """Return the figures of a week in lines: all of it, then market by market."""
    change = week["change"]
    said = _("the account is younger than that") if change is None else share(change, signed=True)
    closed = many("{count} trade closed", "{count} trades closed", week["trades"])
    lines = [_("The week: {change}; {closed}, net {net}", change=said, closed=closed, net=f"{week['net']:+,.2f}")]
    return lines + [
        f"{symbol}: {many('{count} trade', '{count} trades', count)}, {_('net {net}', net=f'{net:+,.2f}')}"
        for symbol, count, net in week["markets"]
    ]


def wait_text(part: NoTrade, now_ms: int) -> str:
    """Return "usually 31 h between entries, last 14 h ago"."""
    ago = (now_ms - part.last_entry_ms) / 3_600_000
    last = _(", last {time} ago", time=_hours(ago)) if part.last_entry_ms else ""
    if part.usual_wait_h is None:
        few = many("{count} entry so far", "{count} entries so far", part.entries)
        return few + _(", too few to know the usual wait") + last
    return _("usually {time} between entries", time=_hours(part.usual_wait_h)) + last


def _account(account: Mapping[str, Any]) -> list[str]:
    if not account:
        return []
    held = ", ".join(f"{symbol} {side} {net:+,.2f}" for symbol, side, net in account["open"])
    name, drawdown = translated(told(account["bundle"])), f"{account['drawdown']:.2%}"
    lines = [
        _("open: {held}", held=held or _("nothing")),
        _("drawdown {drawdown}, {name} decides", drawdown=drawdown, name=name),
    ]
    return [*lines, _("why: {why}", why=translated(account["why"]))] if account["why"] else lines


def _why_silent(payload: Mapping[str, Any], held: Mapping[str, str]) -> list[str]:
    named = ", ".join(f"{count} {translated(name.replace('_', ' '))}" for name, count in payload["refusals"].items())
    lines = [_("refused in 24 h: {named}", named=named or _("nothing"))]
    if not payload["signals"]:
        lines.append(_("No entry in 24 h, because:"))
    for given in payload["markets"]:
        part = NoTrade(**given)
        if part.conviction is None:
            conviction = _("no score")
        else:
            conviction = _(
                "{conviction} (enters at {enter})", conviction=f"{part.conviction:+.2f}", enter=f"{part.enter:.2f}"
            )
        refused = _("; last refusal: {why}", why=translated(part.last_refusal)) if part.last_refusal else ""
        if part.symbol in held:  # its last refusal is older than its entry, and no reason for anything
            refused = "; " + _("held {side}", side=held[part.symbol])
        lines.append(
            _("{symbol}: conviction {conviction}{refused}", symbol=part.symbol, conviction=conviction, refused=refused)
            + f"; {wait_text(part, payload['ms'])}"
        )
    return lines


def _resized(count: int) -> str:
    return many("{count} position resized", "{count} positions resized", count)


def _day(change: float | None) -> str:
    if change is None:
        return _("less than a day old")
    return _("{change} in 24 h", change=share(change, signed=True))


def _checked(kind: str) -> str:
    return {"parity": _("parity"), "drift": _("drift")}.get(kind, kind)


def _hours(hours: float) -> str:
    if hours >= 72:
        return _("{days} d", days=f"{hours / 24:,.1f}")
    return _("{hours} h", hours=f"{hours:,.0f}") if hours >= 1 else _("{minutes} min", minutes=f"{hours * 60:,.0f}")
