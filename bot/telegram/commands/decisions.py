"""Commands about decisions: what each market says now and why not, why a trade was made, what it looks like."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from bot.alerts.messages import price, reason, share, stamp
from bot.telegram.charts import equity_picture, price_picture
from bot.telegram.context import Button, Question, Reply
from bot.telegram.tables import bold, plain, pre
from bot.views.no_trade import NoTrade, no_trade_reasons, refusal_sentence
from storage.ledger.queries import Ledger, RecordedDecision
from storage.ledger.trades import Trade
from strategies.errors import BadInput
from strategies.kernel.state import Action
from strategies.market import HOUR_MS, UNITS_PER_QUOTE, typed_symbol

HOURS: Final = 168


async def signals(question: Question) -> Reply:
    """Every market's conviction, threshold, last refusal and usual wait between entries."""
    control = question.control
    found = await asyncio.to_thread(no_trade_reasons, control.ledger)
    now_ms = control.clock.now_ms()
    snapshot = control.snapshot
    held = {part.symbol: part.side for part in snapshot.positions} if snapshot else {}
    blocks = "\n\n".join(_market(part, held.get(part.symbol), now_ms) for part in found)
    why = tuple(Button(label=f"Why {part.symbol}", data=f"run:why {part.symbol}") for part in found[:3])
    return Reply(
        text=f"{bold('Signals')}\n{pre(blocks)}", buttons=((Button(label="Refresh", data="show:signals"),), why)
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
        return Reply(text="No trade yet. /signals says why; /why BTCUSDT explains a market's last decision.")
    return await asyncio.to_thread(_why_trade, ledger, newest)


async def chart(question: Question) -> Reply:
    """Price with trades, or equity: /chart [market] [hours], /chart equity."""
    if question.words and question.words[0].lower() == "equity":
        return await asyncio.to_thread(_equity_chart, question)
    hours, symbol = question.number(HOURS, 2_000), question.symbol() or question.control.markets[0].symbol
    return await asyncio.to_thread(_price_chart, question, symbol, hours)


def _market(part: NoTrade, held: str | None, now_ms: int) -> str:
    if not part.decided_ms:
        return f"{part.symbol}: no decision candle has closed yet"
    conviction = "no score" if part.conviction is None else f"{part.conviction:+.2f}"
    lines = [f"{part.symbol} {conviction} (enters at {part.enter:.2f})"]
    lines.append(f"  {f'held {held}' if held else 'flat'}, decided {stamp(part.decided_ms, short=True)}: {part.action}")
    if part.last_refusal:
        lines.append(f"  refused {stamp(part.refused_ms, short=True)}: {part.last_refusal}")
    return "\n".join([*lines, f"  {part.wait_text(now_ms)}"])


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
    lines = [
        f"{bold(f'{trade.id} {trade.side}')} by {plain(trade.bundle_id)}",
        f"Opened {stamp(trade.opened_ms)} at {price(trade.entry_price)}, {reason(trade.opened_because)}.",
        *(_decided(opening[0]) if opening else ["Its decision is not in the ledger."]),
    ]
    if trade.closed_ms is None:
        return Reply(text="\n".join([*lines, "It is still open."]))
    lines.append(
        f"Closed {stamp(trade.closed_ms)} at {price(trade.exit_price)}: {reason(trade.closed_because)}, "
        f"net {trade.net:+,.2f} ({trade.return_fraction:+.2%}), fees {trade.fees:,.2f}, funding {trade.funding:+,.2f}."
    )
    closing = ledger.decisions(until_ms=trade.closed_ms + 1, symbol=trade.symbol, limit=1)
    if closing and trade.closed_because in ("faded", "reversed"):
        lines.append(f"Conviction by then: {float(closing[0].record['conviction']):+.2f}.")
    return Reply(text="\n".join(lines))


def _trade(ledger: Ledger, name: str) -> Trade:
    """Return a trade by name, open or closed.

    Raises:
        BadInput: there is none.
    """
    found = ledger.trade(name)
    if found is None:
        raise BadInput(f"{name} is not a trade of this account; /trades lists the last ones")
    return found


def _why_market(ledger: Ledger, symbol: str) -> Reply:
    decisions = ledger.decisions(symbol=symbol, limit=1)
    if not decisions:
        return Reply(text=f"{symbol}: no decision candle has closed yet.")
    decision = decisions[0]
    enter = ledger.stopped().settings.decision.enter
    refusal = refusal_sentence(decision, enter)
    action = Action(int(decision.record["action"])).name
    head = f"{bold(symbol)} at {stamp(decision.ms)}: {action}, by {plain(decision.bundle_id)}"
    refused = [f"Not entered: {plain(refusal)}."] if refusal else []
    return Reply(text="\n".join([head, *refused, *_decided(decision)]))


def _decided(decision: RecordedDecision) -> list[str]:
    """Return the numbers of a decision: votes by family and reasoning where it gave a signal."""
    record, signal = decision.record, decision.signal
    lines = [f"conviction {record['conviction']:+.2f}, expected {record['expected_return'] * 1e4:+.1f} bp, "]
    lines[0] += f"round trip {record['cost'] * 1e4:.1f} bp"
    if signal is None:
        votes = record["votes"][: int(record["voters"])]
        return [plain(lines[0]), plain("votes " + ", ".join(f"{vote:+.2f}" for vote in votes))] if len(votes) else lines
    votes_by_family: Mapping[str, float | None] = signal["votes"]
    named = ", ".join(
        f"{name} {'absent' if vote is None else f'{vote:+.2f}'}" for name, vote in votes_by_family.items()
    )
    lines.append(f"votes {named}")
    lines.append(f"confidence {share(signal['confidence'])}, stop {price(signal['stop_loss'])}, ")
    lines[-1] += f"target {price(signal['take_profit'])}"
    return [plain(line) for line in (*lines, str(signal["reasoning"]))]


def _price_chart(question: Question, symbol: str, hours: int) -> Reply:
    ledger, exchange_info = question.control.ledger, question.control.exchange_info
    candles = ledger.candles(symbol)
    candles = candles[candles[:, 0] >= question.control.clock.now_ms() - hours * HOUR_MS]
    if not len(candles):
        return Reply(text=f"{symbol}: no candle of the last {hours} h is in the ledger.")
    closed = ledger.trades(symbol=symbol, since_ms=int(candles[0, 0]))
    held = [position for position in ledger.positions() if position.symbol == symbol]
    title = f"{symbol} · {ledger.account.timeframe} · {exchange_info.market_name}"
    picture = price_picture(candles, closed, held, title)
    caption = f"{bold(symbol)} {price(float(candles[-1, 4]))}, {hours} h, {len(closed)} trades closed"
    return Reply(text=caption, picture=picture)


def _equity_chart(question: Question) -> Reply:
    ledger = question.control.ledger
    points = ledger.equity()
    if not points:
        return Reply(text="No decision candle has closed yet.")
    deposit = ledger.account.deposit / UNITS_PER_QUOTE
    picture = equity_picture(points, deposit, f"Equity · {question.control.exchange_info.market_name}")
    total = points[-1].equity / deposit - 1
    return Reply(text=f"{bold('Equity')} {points[-1].equity:,.2f} ({total:+.2%})", picture=picture)
