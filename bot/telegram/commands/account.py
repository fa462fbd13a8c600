"""Commands about the account: how it stands, what it holds, what its trades came to."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from bot.alerts.messages import price, reason, share, stamp
from bot.telegram.context import Button, Question, Reply
from bot.telegram.tables import bold, pairs, plain, pre, table
from bot.views.calendar import calendar_of
from bot.views.status import deposit_of, status_of
from bot.views.trade_summary import Summary, summarise
from storage.ledger.queries import OpenPosition
from storage.ledger.trades import Trade
from strategies.bundle.fallback_strategies import is_fallback, told
from strategies.market import DAY_MS, HOUR_MS, UNITS_PER_QUOTE

WAITING = "Waiting for the first candle."


async def status(question: Question) -> Reply:
    """How everything stands, in one message."""
    control, snapshot = question.control, question.control.snapshot
    head = f"{bold('Status')} {plain(control.exchange_info.market_name)}"
    if snapshot is None:
        return Reply(text=f"{head}\n{WAITING}")
    now = status_of(control)
    values = [
        ("equity", f"{snapshot.equity:,.2f}"),
        ("return", share(now.total_return, signed=True)),
        ("today", share(snapshot.day_return, signed=True)),
        ("drawdown", f"{snapshot.drawdown:.2%}"),
        ("leverage", f"{snapshot.gross_leverage:.2f}"),
        ("positions", str(len(snapshot.positions))),
        ("trades", str(snapshot.trades)),
        ("entries", ", ".join(now.locks).replace("_", " ") or "taken"),
        ("feed", "unbroken" if control.is_ready() else "broken, see /health"),
        ("candle", f"{control.minute_age_ms() / 1000:,.0f} s old"),
        ("training", control.training.progress().state),
        ("decides", told(snapshot.bundle_id)),
        ("market time", stamp(control.clock.now_ms())),
    ]
    below = f"\n{plain(control.why_deciding())}" if is_fallback(snapshot.bundle_id) else ""
    buttons = (
        Button(label="Refresh", data="show:status"),
        Button(label="Positions", data="run:positions"),
        Button(label="Signals", data="run:signals"),
    )
    return Reply(text=f"{head}\n{pairs(values)}{below}", buttons=(buttons,))


async def positions(question: Question) -> Reply:
    """What is held, with entry, stop, target and unrealised P&L."""
    control, snapshot = question.control, question.control.snapshot
    if snapshot is None:
        return Reply(text=WAITING)
    if not snapshot.positions:
        return Reply(text="No open position. /signals says why.")
    now_ms = control.clock.now_ms()
    blocks = "\n\n".join(_position(position, now_ms) for position in snapshot.positions)
    closing = tuple(
        Button(label=f"Close {part.symbol}", data=f"run:close {part.symbol}") for part in snapshot.positions[:8]
    )
    buttons = ((Button(label="Refresh", data="show:positions"),), *((button,) for button in closing))
    return Reply(text=f"{bold('Positions')}\n{pre(blocks)}", buttons=buttons)


async def trades(question: Question) -> Reply:
    """The last closed trades: /trades [count] [market]."""
    count, symbol = question.number(10, 40), question.symbol()
    found = await asyncio.to_thread(question.control.ledger.trades, symbol=symbol, limit=count)
    if not found:
        return Reply(text="No closed trade yet.")
    rows = [
        (
            trade.id.replace("USDT", ""),
            trade.side[0],
            f"{trade.net:+,.2f}",
            f"{trade.return_fraction:+.2%}",
            reason(trade.closed_because),
        )
        for trade in found
    ]
    text = table(("trade", "", "net", "return", "closed"), rows, "<<>><")
    return Reply(text=f"{bold(f'Last {len(found)} trades')}, newest first\n{text}\n/why {plain(found[0].id)}")


async def profit(question: Question) -> Reply:
    """What closed trades came to: /profit [days], all without a number."""
    control = question.control
    days = question.number(0, 36_500) if question.words else 0
    since_ms = control.clock.now_ms() - days * DAY_MS if days else 0
    found = summarise(await asyncio.to_thread(control.ledger.trades, since_ms=since_ms))
    over = f"the last {days} days" if days else "all time"
    if not found.trades:
        return Reply(text=f"No trade was closed over {over}.")
    return Reply(text=f"{bold('Profit')} over {over}, closed trades\n{pairs(_sums(found))}")


async def daily(question: Question) -> Reply:
    """Equity and trades by UTC day: /daily [days]."""
    count, control = question.number(7, 30), question.control
    since_ms = (control.clock.now_ms() // DAY_MS - count) * DAY_MS
    found = (await asyncio.to_thread(calendar_of, control, since_ms)).days[-count:]
    rows = [
        (_day(part.ms), f"{part.equity:,.0f}", f"{part.change:+.2%}", str(part.trades), f"{part.traded:+,.2f}")
        for part in reversed(found)
    ]
    if not rows:
        return Reply(text="No decision candle has closed yet.")
    text = table(("day", "equity", "change", "n", "net"), rows)
    return Reply(text=f"{bold('By day')} (UTC; n: trades closed)\n{text}")


async def performance(question: Question) -> Reply:
    """Closed trades by market, by bundle and by how they ended."""
    found = await asyncio.to_thread(question.control.ledger.trades)
    if not found:
        return Reply(text="No closed trade yet.")
    groups: list[tuple[str, Callable[[Trade], str]]] = [
        ("market", lambda trade: f"{trade.symbol.removesuffix('USDT')} {trade.side}"),
        ("bundle", lambda trade: trade.bundle_id[:10]),
        ("closed", lambda trade: reason(trade.closed_because)),
    ]
    tables = "\n".join(_grouped(found, name, key) for name, key in groups)
    return Reply(text=f"{bold('Performance')}, closed trades\n{tables}")


async def balance(question: Question) -> Reply:
    """Cash, positions and what was paid."""
    control = question.control
    stopped = await asyncio.to_thread(control.ledger.stopped)
    account = stopped.state.account[0]
    deposit, equity = deposit_of(control), int(account["equity"]) / UNITS_PER_QUOTE
    held = await asyncio.to_thread(control.ledger.positions)
    values = [
        ("deposit", f"{deposit:,.2f}"),
        ("equity", f"{equity:,.2f}"),
        ("net result", f"{equity - deposit:+,.2f}"),
        ("of it open", f"{sum(part.unrealised for part in held):+,.2f}"),
        ("gross notional", f"{sum(part.notional for part in held):,.2f}"),
        ("peak equity", f"{int(account['peak_equity']) / UNITS_PER_QUOTE:,.2f}"),
        ("fees paid", f"{int(account['fees']) / UNITS_PER_QUOTE:,.2f}"),
        ("funding paid", f"{int(account['funding']) / UNITS_PER_QUOTE:+,.2f}"),
    ]
    return Reply(text=f"{bold('Balance')}, paper money in quote currency\n{pairs(values)}")


def _position(position: OpenPosition, now_ms: int) -> str:
    held_h = (now_ms - position.opened_ms) / HOUR_MS
    return (
        f"{position.symbol} {position.side} {position.quantity:g}\n"
        f"  entry {price(position.entry_price)}, now {price(position.mark_price)}\n"
        f"  net {position.unrealised:+,.2f} ({position.unrealised_fraction:+.2%})\n"
        f"  stop {price(position.stop_loss)}, target {price(position.take_profit)}\n"
        f"  held {held_h:,.0f} h, trade {position.symbol}-{position.trade}"
    )


def _sums(found: Summary) -> list[tuple[str, str]]:
    factor = "no loss yet" if found.profit_factor is None else f"{found.profit_factor:.2f}"
    values = [
        ("trades", str(found.trades)),
        ("net", f"{found.net:+,.2f}"),
        ("win rate", share(found.win_rate)),
        ("profit factor", factor),
        ("average hold", f"{found.average_hold_h or 0:,.1f} h"),
        ("fees", f"{found.fees:,.2f}"),
        ("funding", f"{found.funding:+,.2f}"),
    ]
    for name, trade in (("best", found.best), ("worst", found.worst)):
        if trade is not None:
            values.append((name, f"{trade.net:+,.2f} {trade.id}"))
    return values


def _grouped(found: Iterable[Trade], name: str, key: Callable[[Trade], str]) -> str:
    groups: dict[str, list[Trade]] = defaultdict(list)
    for trade in found:
        groups[key(trade)].append(trade)
    sums = sorted(((label, summarise(part)) for label, part in groups.items()), key=lambda pair: -pair[1].net)
    rows = [(label, str(part.trades), share(part.win_rate), f"{part.net:+,.2f}") for label, part in sums[:12]]
    return table((name, "n", "won", "net"), rows)


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%m-%d")
