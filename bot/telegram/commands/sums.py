"""Commands that add trades up: over time, by market, by how they were opened and how they ended."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bot.alerts.numbers import share, short_reason
from bot.telegram.context import Question, Reply
from bot.telegram.tables import bold, pairs, table
from bot.views.calendar import Day, calendar_of
from bot.views.trade_summary import Summary, summarise
from storage.language import N_, _, many
from storage.ledger.trades import Trade
from strategies.market import DAY_MS, HOUR_MS

MOST_GROUPS = 12
NOTHING = N_("No closed trade yet.")


@dataclass(frozen=True, slots=True)
class Period:
    """Days, weeks or months.

    Attributes:
        longest_d: days of the longest one.
        form: of its first day in a table.
        begin: the first day of the period a day belongs to.
    """

    longest_d: int
    form: str
    begin: Callable[[date], date]


async def profit(question: Question) -> Reply:
    """What closed trades came to: /profit [days], all without a number."""
    control = question.control
    days = question.number(0, 36_500) if question.words else 0
    since_ms = control.clock.now_ms() - days * DAY_MS if days else 0
    found = summarise(await asyncio.to_thread(control.ledger.trades, since_ms=since_ms))
    over = many("the last {count} day", "the last {count} days", days) if days else _("all time")
    if not found.trades:
        return Reply(text=_("No trade was closed over {span}.", span=over))
    head = _("{title} over {span}, closed trades", title=bold(_("Profit")), span=over)
    return Reply(text=f"{head}\n{pairs(_sums(found))}")


async def daily(question: Question) -> Reply:
    """Equity and trades by UTC day: /daily [days]."""
    return await _by_period(question, _("By day"), question.number(7, 30), Period(1, "%m-%d", lambda day: day))


async def weekly(question: Question) -> Reply:
    """Equity and trades by week, from Monday: /weekly [weeks]."""
    weeks = Period(7, "%m-%d", lambda day: day - timedelta(days=day.weekday()))
    return await _by_period(question, _("By week"), question.number(8, 52), weeks)


async def monthly(question: Question) -> Reply:
    """Equity and trades by month: /monthly [months]."""
    months = Period(31, "%Y-%m", lambda day: day.replace(day=1))
    return await _by_period(question, _("By month"), question.number(6, 36), months)


async def performance(question: Question) -> Reply:
    """Closed trades by market, by bundle and by how they ended."""
    groups = [(_("market"), _market), (_("bundle"), _bundle), (_("closed"), _ending)]
    return await _grouped(question, _("Performance"), groups)


async def entries(question: Question) -> Reply:
    """Closed trades by side and by why they were opened."""
    opened = [(_("side"), lambda trade: trade.side), (_("opened"), lambda trade: short_reason(trade.opened_because))]
    return await _grouped(question, _("Entries"), opened)


async def exits(question: Question) -> Reply:
    """Closed trades by how they ended."""
    return await _grouped(question, _("Exits"), [(_("closed"), _ending)])


async def stats(question: Question) -> Reply:
    """Wins and losses by ending, and how long each was held."""
    found = await asyncio.to_thread(question.control.ledger.trades)
    if not found:
        return Reply(text=_(NOTHING))
    endings: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    holds_h: dict[bool, list[float]] = {True: [], False: []}
    for trade in found:
        is_win = trade.net > 0
        endings[short_reason(trade.closed_because)][not is_win] += 1
        holds_h[is_win].append(((trade.closed_ms or trade.opened_ms) - trade.opened_ms) / HOUR_MS)
    rows = [(name, str(wins), str(losses)) for name, (wins, losses) in sorted(endings.items())]
    values = [(_("winners held"), _mean_h(holds_h[True])), (_("losers held"), _mean_h(holds_h[False]))]
    total = summarise(found)
    values.append((_("win rate"), share(total.win_rate)))
    text = table((_("closed"), _("won"), _("lost")), rows, "<>>")
    return Reply(text=f"{bold(_('Statistics'))}, {_closed(len(found))}\n{text}\n{pairs(values)}\n/explain")


async def _by_period(question: Question, title: str, count: int, period: Period) -> Reply:
    """Return a row for every period, the newest first; as the dashboard's calendar counts them."""
    control = question.control
    since_ms = (control.clock.now_ms() // DAY_MS - count * period.longest_d) * DAY_MS
    calendar = await asyncio.to_thread(calendar_of, control, since_ms)
    found: dict[date, list[Day]] = defaultdict(list)
    for day in calendar.days:
        found[period.begin(_date(day.ms))].append(day)
    rows = [_row(first.strftime(period.form), found[first]) for first in sorted(found, reverse=True)[:count]]
    if not rows:
        return Reply(text=_("No decision candle has closed yet."))
    text = table((_("from"), _("equity"), "%", "n", _("net")), rows)
    return Reply(text=f"{bold(title)} {_('(UTC; n: trades closed)')}\n{text}")


def _row(name: str, days: Sequence[Day]) -> tuple[str, ...]:
    end, before = days[-1].equity, days[0].equity - days[0].net
    change = f"{end / before - 1:+.1%}" if before > 0 else ""
    return name, f"{end:,.0f}", change, str(sum(day.trades for day in days)), f"{sum(day.traded for day in days):+,.1f}"


async def _grouped(question: Question, title: str, groups: Sequence[tuple[str, Callable[[Trade], str]]]) -> Reply:
    found = await asyncio.to_thread(question.control.ledger.trades)
    if not found:
        return Reply(text=_(NOTHING))
    tables = "\n".join(_group(found, name, key) for name, key in groups)
    return Reply(text=f"{bold(title)}, {_closed(len(found))}\n{tables}")


def _group(found: Iterable[Trade], name: str, key: Callable[[Trade], str]) -> str:
    groups: dict[str, list[Trade]] = defaultdict(list)
    for trade in found:
        groups[key(trade)].append(trade)
    sums = sorted(((label, summarise(part)) for label, part in groups.items()), key=lambda pair: -pair[1].net)
    rows = [(label, str(part.trades), share(part.win_rate), f"{part.net:+,.2f}") for label, part in sums[:MOST_GROUPS]]
    return table((name, "n", _("won"), _("net")), rows)


def _sums(found: Summary) -> list[tuple[str, str]]:
    factor = _("no loss yet") if found.profit_factor is None else f"{found.profit_factor:.2f}"
    values = [
        (_("trades"), str(found.trades)),
        (_("net"), f"{found.net:+,.2f}"),
        (_("win rate"), share(found.win_rate)),
        (_("profit factor"), factor),
        (_("average hold"), _hours(found.average_hold_h or 0)),
        (_("fees"), f"{found.fees:,.2f}"),
        (_("funding"), f"{found.funding:+,.2f}"),
    ]
    for name, trade in ((_("best"), found.best), (_("worst"), found.worst)):
        if trade is not None:
            values.append((name, f"{trade.net:+,.2f} {trade.id}"))
    return values


def _market(trade: Trade) -> str:
    return f"{trade.symbol.removesuffix('USDT')} {trade.side}"


def _bundle(trade: Trade) -> str:
    return trade.bundle_id[:10]


def _ending(trade: Trade) -> str:
    return short_reason(trade.closed_because)


def _closed(count: int) -> str:
    return many("{count} trade closed", "{count} trades closed", count)


def _mean_h(holds_h: list[float]) -> str:
    return _hours(sum(holds_h) / len(holds_h)) if holds_h else "?"


def _hours(hours: float) -> str:
    return _("{hours} h", hours=f"{hours:,.1f}")


def _date(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1000, UTC).date()
