"""Status text of `sigma status`: the account, the book, and the markets one by one where they are few or asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from bot.alerts.numbers import age
from storage.terminal.sparkline import sparkline
from strategies.bundle.fallback_names import told
from strategies.errors import BadInput

FEW: Final = 12  # markets that are printed one by one
MOST: Final = 40  # of a search


def status_text(document: dict[str, Any], search: str = "", curve: Sequence[float] = ()) -> str:
    """Return the text of a status document.

    Args:
        document: of `/api/status`.
        search: part of a market's name; only such markets are printed.
        curve: equity since the account began.

    Raises:
        BadInput: no market has that in its name.
    """
    lines = [f"{document['exchange']}: {document['market']}, account {document['account']}{_speed(document)}"]
    if document["equity"] is None:
        return "\n".join([*lines, "waiting for the first candle"])
    views = [view for view in document["markets"] if search.upper() in view["symbol"].upper()]
    if not views:
        raise BadInput(f"none of the {len(document['markets'])} markets has {search!r} in its name")
    if search:
        return "\n".join([*_markets(views[:MOST]), *_held(document, {view["symbol"] for view in views[:MOST]})])
    lines += [*_account(document, curve), *_book(document["book"])]
    if len(views) > FEW:
        return "\n".join([*lines, *_strongest(document["book"]), "one market: sigma status SYMBOL; all: --json"])
    return "\n".join([*lines, *_markets(views), *_held(document, {view["symbol"] for view in views})])


def _account(document: dict[str, Any], curve: Sequence[float]) -> list[str]:
    when = datetime.fromtimestamp(document["minute_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [
        f"market time {when}, last candle {age(document['candle_age_real_s'])} ago, {_feed(document)}",
        f"equity {document['equity']:,.2f} ({document['total_return']:+.2%}), drawdown {document['drawdown']:.2%}, "
        f"{document['trades']} closed trades, bundle {document['bundle']}",
    ]
    lines += [sparkline(curve, 60)] if len(curve) > 1 else []
    fallback = document["fallback_level"] != "models"
    lines += [f"{told(document['bundle'])} decides: {document['fallback_why']}"] if fallback else []
    locks = [name for name in ("paused", "day_locked", "drawdown_locked") if document[name]]
    return [*lines, f"locked: {', '.join(locks)}"] if locks else lines


def _speed(document: dict[str, Any]) -> str:
    speed = document["slowed_to"] or document["speed"]
    if speed == 1:
        return ""
    if not document["speed"]:
        return ", as fast as it is processed"
    return f", {speed:,.0f}x real time"


def _feed(document: dict[str, Any]) -> str:
    if not document["is_fresh"]:
        return "STALE: no candles come"
    broken = [symbol for symbol, is_ready in document["feed"].items() if not is_ready]
    return f"candles missing in {', '.join(broken)}" if broken else "feed unbroken"


def _book(book: dict[str, Any]) -> list[str]:
    held = f"{book['long']} long, {book['short']} short" if book["long"] + book["short"] else "nothing held"
    line = f"{book['markets']} markets, {held}: gross {book['gross']:.0%}, net {book['net']:+.0%} of the equity"
    lines = [f"{line}, volatility {book['volatility']:.0%} a year"]
    for name, said in (("statuses", "not trading"), ("refusals", "no entry")):
        if book[name]:
            counted = ", ".join(f"{count} {_words(key)}" for key, count in book[name].items())
            lines.append(f"{said}: {counted}")
    return lines


def _strongest(book: dict[str, Any]) -> list[str]:
    lines = ["largest positions"] if book["positions"] else []
    lines += [
        f"  {part['symbol']:<12} {part['side']:<5} {part['share']:>+7.1%} of the equity, net {part['net']:+,.2f}"
        for part in book["positions"]
    ]
    lines += ["strongest convictions"] if book["convictions"] else []
    lines += [
        f"  {part['symbol']:<12} {part['conviction']:+.2f} (enters at {part['enter']:.2f}): {_words(part['said'])}"
        for part in book["convictions"]
    ]
    return lines


def _markets(views: list[dict[str, Any]]) -> list[str]:
    lines = []
    for view in views:
        conviction = "–" if view["conviction"] is None else f"{view['conviction']:+.2f}"
        price, enter = f"{view['price']:>12,.6g}", f"{view['enter']:.2f}"
        last = _words(view["refusal"] or view["action"])
        lines.append(f"  {view['symbol']:<10} {price}  conviction {conviction} (enters at {enter}): {last}")
    return lines


def _held(document: dict[str, Any], symbols: set[str]) -> list[str]:
    lines = []
    for held in document["positions"]:
        entry, net = f"{held['entry_price']:,.6g}", f"{held['net']:+,.2f}"
        if held["symbol"] in symbols:
            lines.append(f"  {held['side']} {held['quantity']:g} {held['symbol']} from {entry}, net {net}")
    return lines


def _words(name: str) -> str:
    return name.replace("_", " ")
