"""Commands about the account as it stands: status, positions, trades, balance."""

from __future__ import annotations

import asyncio
from typing import Final

from bot.alerts.numbers import age, price, quantity, share, short_reason, stamp
from bot.telegram.context import Button, Question, Reply
from bot.telegram.tables import bold, pairs, plain, pre, table
from bot.trading.snapshot import MarketView
from bot.values.training import TrainingProgress
from bot.views.book import Book, book_of
from bot.views.status import deposit_of, rests_of, status_of
from storage.language import N_, _, many, translated
from storage.ledger.queries import OpenPosition
from strategies.bundle.fallback_names import is_fallback, told
from strategies.errors import BadInput
from strategies.market import HOUR_MS, UNITS_PER_QUOTE

BLOCKS: Final = 8  # positions told in full
ROWS: Final = 25  # markets in a table
STATUSES = {"halted": N_("halted"), "leaving": N_("leaving")}
REFUSED = {
    "weak": N_("too weak"),
    "cost": N_("too dear"),
    "side": N_("side not allowed"),
    "blocked": N_("blocked"),
    "cooldown": N_("cooling down"),
    "paused": N_("paused"),
    "leverage": N_("no room"),
    "too_small": N_("too small"),
    "not_ready": N_("not ready"),
    "late": N_("too late"),
    "no_score": N_("no score"),
    "halted": N_("halted"),
    "leaving": N_("leaving"),
}
WAITING = N_("Waiting for the first candle.")
LOCKS = {"paused": N_("paused"), "day_locked": N_("day locked"), "drawdown_locked": N_("drawdown locked")}
STATES = {
    "idle": N_("idle"),
    "downloading": N_("downloading"),
    "waiting": N_("waiting"),
    "training": N_("training"),
    "promoting": N_("promoting"),
}


async def choose(question: Question) -> Reply:
    """Which account this chat asks about, or another one from now on."""
    choice = question.context.choice
    if choice is None or len(choice.names) == 1:
        return Reply(text=plain(_("This daemon trades one account.")))
    if question.words:
        choice.choose(question.chat_id, question.words[0].lower())
    chosen = choice.name_of(question.chat_id)
    rows = tuple((Button(label=name, data=f"run:account {name}"),) for name in choice.names if name != chosen)
    return Reply(text=bold(_("This chat asks about account {name}.", name=chosen)), buttons=rows)


async def status(question: Question) -> Reply:
    """How everything stands, in one message."""
    control, snapshot = question.control, question.control.snapshot
    head = f"{bold(_('Status'))} {plain(translated(control.exchange_info.market_name))}"
    if snapshot is None:
        return Reply(text=f"{head}\n{_(WAITING)}")
    now = status_of(control)
    locks = [_(LOCKS[name]) for name in now.locks]
    values = [
        (_("equity"), f"{snapshot.equity:,.2f}"),
        (_("return"), share(now.total_return, signed=True)),
        (_("today"), share(snapshot.day_return, signed=True)),
        (_("drawdown"), f"{snapshot.drawdown:.2%}"),
        (_("leverage"), f"{snapshot.gross_leverage:.2f}"),
        (_("positions"), str(len(snapshot.positions))),
        (_("trades"), str(snapshot.trades)),
        (_("entries"), ", ".join(locks) or _("taken")),
        (_("feed"), _("unbroken") if control.is_ready() else _("broken, see /health")),
        (_("candle"), _("{age} old", age=age(control.candle_age_s()))),
        (_("training"), _training_of(now.training)),
        (_("decides"), translated(told(snapshot.bundle_id))),
        (_("market time"), stamp(control.clock.now_ms())),
    ]
    below = f"\n{plain(translated(control.why_active()))}" if is_fallback(snapshot.bundle_id) else ""
    buttons = (
        Button(label=_("Refresh"), data="show:status"),
        Button(label=_("Positions"), data="run:positions"),
        Button(label=_("Signals"), data="run:signals"),
    )
    return Reply(text=f"{head}\n{pairs(values)}{below}", buttons=(buttons,))


def _training_of(progress: TrainingProgress) -> str:
    if not progress.is_busy:
        return _(STATES[progress.state])
    if progress.state == "training" and progress.fraction is not None:
        return _("running, {share}", share=f"{progress.fraction:.0%}")
    return _("running") if progress.state == "training" else _(STATES[progress.state])


async def positions(question: Question) -> Reply:
    """What is held, with entry, stop, target and unrealised P&L."""
    control, snapshot = question.control, question.control.snapshot
    if snapshot is None:
        return Reply(text=_(WAITING))
    if not snapshot.positions:
        return Reply(text=_("No open position. /signals says why."))
    now_ms = control.clock.now_ms()
    largest = sorted(snapshot.positions, key=lambda part: -part.notional)[:BLOCKS]
    rests = rests_of(snapshot.positions, control.markets)
    blocks = "\n\n".join(_position(position, now_ms, is_rest=position.symbol in rests) for position in largest)
    closing = tuple(
        Button(label=_("Close {symbol}", symbol=part.symbol), data=f"run:close {part.symbol}") for part in largest
    )
    buttons = ((Button(label=_("Refresh"), data="show:positions"),), *((button,) for button in closing))
    more = len(snapshot.positions) - len(largest)
    rest = "\n" + plain(_("and {count} smaller ones; the dashboard lists all", count=more)) if more else ""
    return Reply(text=f"{bold(_('Positions'))}\n{pre(blocks)}{rest}", buttons=buttons)


async def trades(question: Question) -> Reply:
    """The last closed trades: /trades [count] [market]."""
    count, symbol = question.number(10, 40), question.symbol()
    found = await asyncio.to_thread(question.control.ledger.trades, symbol=symbol, limit=count)
    if not found:
        return Reply(text=_("No closed trade yet."))
    rows = [
        (
            trade.id.replace("USDT", ""),
            trade.side[0],
            f"{trade.net:+,.2f}",
            f"{trade.return_fraction:+.1%}",
            short_reason(trade.closed_because),
        )
        for trade in found
    ]
    text = table((_("trade"), "", _("net"), "%", _("closed")), rows, "<<>><")
    last = many("Last {count} trade", "Last {count} trades", len(found))
    return Reply(text=f"{bold(last)}{_(', newest first')}\n{text}\n/why {plain(found[0].id)}")


async def balance(question: Question) -> Reply:
    """Cash, positions and what was paid."""
    control = question.control
    stopped = await asyncio.to_thread(control.ledger.stopped)
    account = stopped.state.account[0]
    deposit, equity = deposit_of(control), int(account["equity"]) / UNITS_PER_QUOTE
    held = await asyncio.to_thread(control.ledger.positions)
    values = [
        (_("deposit"), f"{deposit:,.2f}"),
        (_("equity"), f"{equity:,.2f}"),
        (_("net result"), f"{equity - deposit:+,.2f}"),
        (_("of it open"), f"{sum(part.net for part in held):+,.2f}"),
        (_("gross notional"), f"{sum(part.notional for part in held):,.2f}"),
        (_("peak equity"), f"{int(account['peak_equity']) / UNITS_PER_QUOTE:,.2f}"),
        (_("fees paid"), f"{int(account['fees']) / UNITS_PER_QUOTE:,.2f}"),
        (_("funding paid"), f"{int(account['funding']) / UNITS_PER_QUOTE:+,.2f}"),
    ]
    return Reply(text=f"{bold(_('Balance'))}{_(', paper money in quote currency')}\n{pairs(values)}")


async def markets(question: Question) -> Reply:
    """The book, then the markets: /markets [part of a name]. Of many, those held and the strongest convictions."""
    snapshot = question.control.snapshot
    if snapshot is None:
        return Reply(text=_(WAITING))
    search = question.words[0].upper() if question.words else ""
    found = [view for view in snapshot.markets if search in view.symbol.upper()]
    if not found:
        raise BadInput(_("no market has {text} in its name", text=question.words[0]))
    held = {part.symbol: part for part in snapshot.positions}
    shown = sorted(found, key=lambda view: (view.symbol not in held, -abs(view.conviction or 0.0)))[:ROWS]
    rows = [_market_row(view, held.get(view.symbol)) for view in found if view in shown]
    text = table((_("market"), _("price"), _("conv."), _("held")), rows, "<>><")
    note = _("conv.: conviction; an entry needs {enter} either way.", enter=f"{found[0].enter:.2f}")
    if len(found) > len(shown):
        note += "\n" + _("{count} more: /markets and a part of the name.", count=len(found) - len(shown))
    book = "" if search else f"{_book(book_of(snapshot))}\n"
    return Reply(text=f"{bold(_('Markets'))}\n{book}{text}\n{note}", buttons=((_refresh("markets"),),))


def _market_row(view: MarketView, position: OpenPosition | None) -> tuple[str, str, str, str]:
    conviction = "?" if view.conviction is None else f"{view.conviction:+.2f}"
    held = f"{position.side} {position.net:+,.0f}" if position else ""
    if view.status != "trading":
        held = f"{held} {_(STATUSES[view.status])}".strip()
    return view.symbol.removesuffix("USDT"), price(view.price), conviction, held


def _book(book: Book) -> str:
    values = [
        (_("markets"), str(book.markets)),
        (_("held"), _("{long} long, {short} short", long=book.long, short=book.short)),
        (_("gross"), f"{book.gross:.0%}"),
        (_("net"), f"{book.net:+.0%}"),
        (_("volatility"), f"{book.volatility:.0%}"),
    ]
    refused = [f"{count} {_(REFUSED.get(name, name))}" for name, count in list(book.refusals.items())[:4]]
    return pairs([*values, (_("no entry"), ", ".join(refused))] if refused else values)


def _refresh(command: str) -> Button:
    return Button(label=_("Refresh"), data=f"show:{command}")


def _position(position: OpenPosition, now_ms: int, *, is_rest: bool) -> str:
    held_h = f"{(now_ms - position.opened_ms) / HOUR_MS:,.0f}"
    entry, now = price(position.entry_price), price(position.mark_price)
    stop, target = price(position.stop_loss), price(position.take_profit)
    unrealised = f"{position.unrealised:+,.2f} ({position.unrealised_fraction:+.2%})"
    return "\n".join(
        [
            f"{position.symbol} {position.side} {quantity(position.quantity)}",
            "  " + _("entry {entry}, now {now}", entry=entry, now=now),
            "  " + _("unrealised {net}", net=unrealised),
            "  "
            + _("realised {realised}, net {net}", realised=f"{position.realised:+,.2f}", net=f"{position.net:+,.2f}"),
            "  " + _("stop {stop}, target {target}", stop=stop, target=target),
            "  " + _("held {hours} h, {trade}", hours=held_h, trade=f"{position.symbol}-{position.trade}"),
            *(
                ["  " + _("a rest, under the smallest order: kept until the conviction grows or turns")]
                if is_rest
                else []
            ),
        ]
    )
