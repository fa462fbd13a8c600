"""Commands about decisions: what each market says now and why not, why a trade was made, what it looks like."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Final

from bot.alerts.digest_lines import wait_text
from bot.alerts.numbers import basis_points, price, quantity, reason, share, stamp
from bot.telegram.charts import equity_picture, market_picture
from bot.telegram.context import Button, Question, Reply
from bot.telegram.tables import bold, plain, pre
from bot.views.book import strongest_symbols
from bot.views.no_trade import NoTrade, no_trade_reasons, refusal_sentence
from storage.language import _, many, translated
from storage.ledger.queries import Ledger, RecordedDecision
from storage.ledger.trades import Trade
from strategies.errors import BadInput
from strategies.kernel.state import Action
from strategies.market import CLOSE, HOUR_MS, UNITS_PER_QUOTE, typed_symbol

HOURS: Final = 168
BLOCKS: Final = 8  # markets told in full


async def signals(question: Question) -> Reply:
    """Conviction, threshold, last refusal and usual wait: /signals [market]. Of many, the strongest."""
    control = question.control
    shown, more = _chosen(question)
    found = await asyncio.to_thread(no_trade_reasons, control.ledger, shown)
    now_ms = control.clock.now_ms()
    snapshot = control.snapshot
    held = {part.symbol: part.side for part in snapshot.positions} if snapshot else {}
    blocks = "\n\n".join(_market(part, held.get(part.symbol), now_ms) for part in found)
    why = tuple(
        Button(label=_("Why {symbol}", symbol=part.symbol), data=f"run:why {part.symbol}") for part in found[:3]
    )
    return Reply(
        text=f"{bold(_('Signals'))}\n{pre(blocks)}\n{more}/explain",
        buttons=((Button(label=_("Refresh"), data="show:signals"),), why),
    )


async def why(question: Question) -> Reply:
    """Why a trade was made and ended, or a market's last decision: /why [BTCUSDT-17 | BTCUSDT]."""
    ledger = question.control.ledger
    word = typed_symbol(question.words[0]) if question.words else ""
    if "-" in word:
        return await asyncio.to_thread(_why_trade, ledger, word)
    if word:
        return await asyncio.to_thread(_why_market, ledger, question.symbol() or "")
    newest = await asyncio.to_thread(_newest_trade, ledger)
    if newest is None:
        return Reply(text=_("No trade yet. /signals says why; /why BTCUSDT explains a market's last decision."))
    return await asyncio.to_thread(_why_trade, ledger, newest)


async def chart(question: Question) -> Reply:
    """Price with trades, or equity: /chart [market] [hours], /chart equity."""
    if question.words and question.words[0].lower() == "equity":
        return await asyncio.to_thread(_equity_chart, question)
    hours, symbol = question.number(HOURS, 2_000), question.symbol() or question.control.markets[0].symbol
    return await asyncio.to_thread(_price_chart, question, symbol, hours)


def _chosen(question: Question) -> tuple[set[str], str]:
    """Return the markets that are told in full, and a line about the others."""
    control, asked = question.control, question.symbol()
    if asked is not None:
        return {asked}, ""
    symbols = [market.symbol for market in control.members]
    shown = set(strongest_symbols(control.snapshot, symbols, BLOCKS))
    more = len(symbols) - len(shown)
    return shown, plain(_("{count} weaker ones: /signals and a market, or /markets", count=more)) + "\n" if more else ""


def _market(part: NoTrade, held: str | None, now_ms: int) -> str:
    if not part.decided_ms:
        return _("{symbol}: no decision candle has closed yet", symbol=part.symbol)
    conviction = _("no score") if part.conviction is None else f"{part.conviction:+.2f}"
    enters = _("(enters at {enter})", enter=f"{part.enter:.2f}")
    lines = [f"{part.symbol} {conviction} {enters}"]
    state = _("held {side}", side=held) if held else _("flat")
    decided = _("decided {time}: {action}", time=stamp(part.decided_ms, short=True), action=translated(part.action))
    lines.append(f"  {state}, {decided}")
    if part.last_refusal:
        refused = translated(part.last_refusal)
        lines.append("  " + _("refused {time}: {why}", time=stamp(part.refused_ms, short=True), why=refused))
    return "\n".join([*lines, f"  {wait_text(part, now_ms)}"])


def _newest_trade(ledger: Ledger) -> str | None:
    held = ledger.positions()
    if held:
        newest = max(held, key=lambda position: position.opened_ms)
        return f"{newest.symbol}-{newest.trade}"
    closed = ledger.trades(limit=1)
    return closed[0].id if closed else None


def _why_trade(ledger: Ledger, name: str) -> Reply:
    trade = _trade(ledger, name)
    opening = ledger.decisions(since_ms=trade.decision_ms, until_ms=trade.decision_ms + 1, symbol=trade.symbol, limit=1)
    at, because = price(trade.first_price), reason(trade.opened_because)
    lines = [
        _("{trade} by {bundle}", trade=bold(f"{trade.id} {trade.side}"), bundle=plain(trade.bundle_id)),
        _("Opened {time} at {price}, {reason}.", time=stamp(trade.opened_ms), price=at, reason=because),
        *(_decided(opening[0]) if opening else [_("Its decision is not in the ledger.")]),
    ]
    buttons = ((Button(label=_("Chart"), data=f"run:chart {trade.symbol}"),),)
    if trade.resizes:
        lines.append(_resized(trade))
    if trade.closed_ms is None:
        said = _("It is still open: net {net} so far ({change}).", net=f"{trade.net:+,.2f}", change=_change(trade))
        return Reply(text="\n".join([*lines, said]), buttons=buttons)
    lines.append(
        _(
            "Closed {time} at {price}: {reason}, net {net} ({change}), fees {fees}, funding {funding}.",
            time=stamp(trade.closed_ms),
            price=price(trade.exit_price),
            reason=reason(trade.closed_because),
            net=f"{trade.net:+,.2f}",
            change=_change(trade),
            fees=f"{trade.fees:,.2f}",
            funding=f"{trade.funding:+,.2f}",
        )
    )
    closing = ledger.decisions(until_ms=trade.closed_ms + 1, symbol=trade.symbol, limit=1)
    if closing and trade.closed_because in ("faded", "reversed"):
        lines.append(_("Conviction by then: {conviction}.", conviction=_signed(closing[0].record["conviction"])))
    return Reply(text="\n".join(lines), buttons=buttons)


def _resized(trade: Trade) -> str:
    times = many("Resized {count} time", "Resized {count} times", trade.resizes)
    most, mean = quantity(trade.quantity), price(trade.entry_price)
    return f"{times}: " + _("{most} at most, entered at {mean} on average.", most=most, mean=mean)


def _change(trade: Trade) -> str:
    return f"{trade.return_fraction:+.2%}"


def _trade(ledger: Ledger, name: str) -> Trade:
    """Return a trade by name, open or closed.

    Raises:
        BadInput: there is none.
    """
    found = ledger.trade(name)
    if found is None:
        raise BadInput(_("{name} is not a trade of this account; /trades lists the last ones", name=name))
    return found


def _why_market(ledger: Ledger, symbol: str) -> Reply:
    decisions = ledger.decisions(symbol=symbol, limit=1)
    if not decisions:
        return Reply(text=_("{symbol}: no decision candle has closed yet", symbol=symbol) + ".")
    decision = decisions[0]
    enter = ledger.stopped().settings.decision.opens_at
    refusal = refusal_sentence(decision, enter)
    action = Action(int(decision.record["action"])).name
    head = _(
        "{symbol} at {time}: {action}, by {bundle}",
        symbol=bold(symbol),
        time=stamp(decision.ms),
        action=action,
        bundle=plain(decision.bundle_id),
    )
    refused = [_("Not entered: {why}.", why=plain(translated(refusal)))] if refusal else []
    return Reply(text="\n".join([head, *refused, *_decided(decision)]))


def _decided(decision: RecordedDecision) -> list[str]:
    """Return the numbers of a decision: votes by family and reasoning where it gave a signal."""
    record, signal = decision.record, decision.signal
    numbers = _(
        "conviction {conviction}, expected {expected}, round trip {cost}",
        conviction=_signed(record["conviction"]),
        expected=basis_points(float(record["expected_return"]), signed=True),
        cost=basis_points(float(record["cost"])),
    )
    if signal is None:
        votes = record["votes"][: int(record["voters"])]
        said = _("votes {votes}", votes=", ".join(_signed(vote) for vote in votes))
        return [plain(numbers), plain(said)] if len(votes) else [plain(numbers)]
    votes_by_family: Mapping[str, float | None] = signal["votes"]
    named = ", ".join(
        f"{name} {_('absent') if vote is None else _signed(vote)}" for name, vote in votes_by_family.items()
    )
    levels = _("stop {stop}, target {target}", stop=price(signal["stop_loss"]), target=price(signal["take_profit"]))
    if signal["confidence"]:  # a rule without a past of convictions has none
        levels = _("confidence {share}", share=share(signal["confidence"])) + f", {levels}"
    told = (numbers, _("votes {votes}", votes=named), levels, translated(str(signal["reasoning"])))
    return [plain(line) for line in told]


def _signed(value: float) -> str:
    return f"{float(value):+.2f}" if math.isfinite(value) else _("unknown")


def _price_chart(question: Question, symbol: str, hours: int) -> Reply:
    ledger = question.control.ledger
    picture = market_picture(question.control, symbol, hours, is_dark=_is_dark(question))
    if picture is None:
        said = _("{symbol}: no candle of the last {hours} h is in the ledger.", symbol=symbol, hours=hours)
        return Reply(text=said)
    closed = ledger.trades(symbol=symbol, since_ms=question.control.clock.now_ms() - hours * HOUR_MS)
    last = price(float(ledger.candles(symbol)[-1, CLOSE]))
    count = many("{count} trade closed", "{count} trades closed", len(closed))
    return Reply(text=f"{bold(symbol)} {last}, {_('{hours} h', hours=hours)}, {count}", picture=picture)


def _equity_chart(question: Question) -> Reply:
    ledger = question.control.ledger
    points = ledger.equity()
    if not points:
        return Reply(text=_("No decision candle has closed yet."))
    deposit = ledger.account.deposit / UNITS_PER_QUOTE
    title = f"{_('Equity')} · {translated(question.control.exchange_info.market_name)}"
    picture = equity_picture(points, deposit, title, is_dark=_is_dark(question))
    total = points[-1].equity / deposit - 1
    return Reply(text=f"{bold(_('Equity'))} {points[-1].equity:,.2f} ({total:+.2%})", picture=picture)


def _is_dark(question: Question) -> bool:
    chats = question.context.chats
    return bool(chats and chats.of(question.chat_id).is_dark)
