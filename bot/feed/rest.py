"""An exchange's public REST answers in our own types: closed candles, settled funding rates, markets.

Every request passes through `ask`, which spaces attempts; `asking.py` sends them. Canonical symbols outside, ccxt's
inside. Private requests do not exist here.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from bot.clock import Clock, ManualClock, PacedClock, SystemClock
from bot.feed.asking import Asking, Direct
from bot.feed.candle import ClosedCandle, Values
from bot.feed.failures import GeoBlocked, NoSuchMarket
from bot.feed.gate import Gate
from bot.feed.page import Page
from bot.feed.shared_answers import SharedAnswers
from bot.feed.validate import WHY, Refused, check
from bot.waiting import Backoff, elapsed_s
from strategies.errors import ExchangeFailed
from strategies.market import DAY_MS, MINUTE_MS, RATE_ONE, Timeframe

# Candles an answer may hold, or of which a request weight buys most.
PAGE_LIMITS = {"okx": 300, "binance": 1000, "bybit": 1000, "binanceusdm": 499, "builtin": 499}
FUNDING_PAGES = {"binanceusdm": 1000, "builtin": 1000}  # settled rates of one market an answer may hold
FUNDING_PAGE = 100  # elsewhere
ALL_FUNDING_PAGE = 1000
SKEW_S = 5.0  # wall seconds by which an exchange's rows may be ahead of its time as we know it
MARK_IS_NEW_MS = 3 * MINUTE_MS  # so long the present mark price says something about a minute
SETTLED_MS = MINUTE_MS  # a candle that ended so long ago is final even where no later one is listed
SECOND_LOOK_S = 1.0  # between two equal answers that settle the newest candle


class Rest:
    """Asks one exchange for candles and funding."""

    def __init__(
        self,
        client: Any,
        *,
        exchange: str,
        clock: Clock,
        counters: Counter[str],
        page: int = 1000,
        grace_s: float = 2.0,
        gate: Gate | None = None,
        answers: SharedAnswers | None = None,
    ) -> None:
        """Prepare to ask.

        Args:
            client: of ccxt.pro; says what the exchange can do and how its markets are called.
            exchange: the name in config.toml.
            clock: the exchange's time.
            counters: told what was refused.
            page: candles of a request.
            grace_s: wall seconds after a close before a candle counts as final.
            gate: of its bans; None: one that forgets them.
            answers: shared by several who ask.
        """
        self.client = client
        self._answers = answers
        self.exchange = exchange
        self.names: dict[str, str] = {}  # canonical symbol -> ccxt's
        self.page = min(page, PAGE_LIMITS.get(exchange, page))
        self.grace_s = grace_s
        self.gate = gate or Gate(exchange)
        self._asking: Asking = Direct(client, exchange=exchange, clock=clock, counters=counters, gate=self.gate)
        self._clock = clock
        self._counters = counters
        self._unsure: dict[tuple[str, int], tuple[tuple[float, ...], float]] = {}  # last rows, and when first seen so
        if isinstance(clock, SystemClock) and not client.has.get("fetchTime"):
            client.on_stamp = clock.observe

    def ask_through(self, asking: Asking) -> None:
        """Let another than the client put the questions from now on."""
        self._asking = asking

    async def ask(self, method: str, *args: Any, attempts: int = 1, **params: Any) -> Any:
        """Return what a method of the client answers.

        Args:
            method: name of the unified ccxt method.
            attempts: how often a passing failure is tried again before it is raised.

        Raises:
            ExchangeFailed: it cannot be reached, refuses us, or answers nonsense.
            NoSuchMarket: it does not know the market.
        """
        if self._answers is None:
            return await self._asked(method, *args, attempts=attempts, **params)
        ask = partial(self._asked, method, *args, attempts=attempts, **params)
        return await self._answers.get(method, args, params, ask)

    async def _asked(self, method: str, *args: Any, attempts: int, **params: Any) -> Any:
        backoff = Backoff()
        while True:
            attempts -= 1
            try:
                return await self._asking.ask(method, args, params)
            except (GeoBlocked, NoSuchMarket):
                raise
            except ExchangeFailed:
                if attempts <= 0:
                    raise
            await asyncio.sleep(backoff.next_s())

    async def candles(
        self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int, *, attempts: int = 1
    ) -> Page:
        """Return one page of the closed candles of [start, end), as many as one answer holds.

        What counts as closed is `_is_closed`; a row of which that is not certain is left out.

        Raises:
            ExchangeFailed: no usable answer; also when none of its rows is a candle (HTML with status 200).
            NoSuchMarket: the exchange does not know the symbol.
        """
        step_ms = timeframe.ms
        wanted = min(self.page, (end_ms - start_ms) // step_ms + 1)  # one more, to see whether the last has closed
        rows = await self.ask(
            "fetch_ohlcv", self.names[symbol], timeframe.value, start_ms, max(wanted, 2), attempts=attempts
        )
        found, refused = self._validated(symbol, rows, step_ms)
        newest_ms = max((candle.open_ms for candle in found), default=-1)
        closed: dict[int, ClosedCandle] = {}
        contradicted = []
        for candle in found:
            if start_ms <= candle.open_ms < end_ms and self._is_closed(candle, step_ms, newest_ms):
                former = closed.setdefault(candle.open_ms, candle)
                if former.values != candle.values:
                    contradicted.append(former)
                    closed[candle.open_ms] = candle
        self._counters["rest_pages"] += 1
        candles = tuple(closed[open_ms] for open_ms in sorted(closed))
        unsure = (candle.open_ms for candle in found if candle.open_ms >= start_ms and candle.open_ms not in closed)
        complete_ms = min(end_ms, newest_ms, *unsure)
        return Page(
            candles=candles,
            complete_ms=max(start_ms, complete_ms),
            refused=refused,
            contradicted=tuple(contradicted),
        )

    def _is_closed(self, candle: ClosedCandle, step_ms: int, newest_ms: int) -> bool:
        """Tell whether the exchange itself has shown that a candle is final.

        Its end must lie behind the exchange's own time by the grace. Then a newer row settles it; the last row of an
        answer must have been the same a second ago, or be a minute old: a forming candle is never booked.
        """
        known_ms = self._clock.at_least_ms()
        if known_ms < 0:
            return candle.open_ms < newest_ms
        past_ms = known_ms - candle.open_ms - step_ms
        if not isinstance(self._clock, SystemClock):
            return candle.open_ms < newest_ms or past_ms >= round(self.grace_s * self._clock.speed * 1000)
        if past_ms < round(self.grace_s * 1000):
            return False
        if candle.open_ms < newest_ms or past_ms >= SETTLED_MS:
            return True
        key = (candle.symbol, step_ms)
        seen = (candle.open_ms, *candle.values)
        former, since_s = self._unsure.get(key, ((), 0.0))
        if former != seen:
            self._unsure[key] = (seen, elapsed_s())
            return False
        return elapsed_s() - since_s >= SECOND_LOOK_S

    async def funding(self, symbol: str, start_ms: int, *, attempts: int = 1) -> list[tuple[int, int]]:
        """Return one page of (time, rate x 1e8) settled at or after `start_ms`, ascending; times on the minute.

        Raises:
            ExchangeFailed: no usable answer.
        """
        name, since_ms = self.names[symbol], start_ms - MINUTE_MS // 2  # stamps jitter by milliseconds
        page = FUNDING_PAGES.get(self.exchange, FUNDING_PAGE)
        rows = await self.ask("fetch_funding_rate_history", name, since_ms, page, attempts=attempts)
        return sorted(self._rates(rows, start_ms).items())

    async def funding_of_all(self, start_ms: int) -> dict[str, list[tuple[int, int]]] | None:
        """Return the same for every market by one request; None where the exchange has none, or has more to say.

        Raises:
            ExchangeFailed: no usable answer.
        """
        if self.client.id != "binanceusdm":
            return None
        rows = await self.ask("fetch_funding_rate_history", None, start_ms - MINUTE_MS // 2, ALL_FUNDING_PAGE)
        if len(rows) >= ALL_FUNDING_PAGE:
            return None
        of_market: dict[str, list[Any]] = {}
        for row in rows:
            of_market.setdefault(str(row.get("symbol")), []).append(row)
        return {
            symbol: sorted(self._rates(of_market.get(name, ()), start_ms).items())
            for symbol, name in self.names.items()
        }

    def _rates(self, rows: Sequence[Any], start_ms: int) -> dict[int, int]:
        """Return the usable rates by their time, on the minute."""
        rates: dict[int, int] = {}
        for row in rows:
            stamp, rate = row.get("timestamp"), row.get("fundingRate")
            if not isinstance(stamp, int) or not isinstance(rate, (int, float)) or not abs(rate) < 1:
                self._counters[f"refused_{Refused.NOT_A_CANDLE}"] += 1
                continue
            settled_ms = (stamp + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS
            if settled_ms >= start_ms:
                rates[settled_ms] = round(rate * RATE_ONE)
        return rates

    async def trades(
        self, symbol: str, since_ms: int, limit: int, *, attempts: int = 1
    ) -> list[tuple[int, float, float, str]]:
        """Return trades from `since_ms` on as (time, price, amount in base currency, id), ascending.

        Raises:
            ExchangeFailed: no usable answer.
        """
        rows = await self.ask("fetch_trades", self.names[symbol], since_ms, limit, attempts=attempts)
        found = []
        for row in rows:
            stamp, price, amount = row.get("timestamp"), row.get("price"), row.get("amount")
            if isinstance(stamp, int) and _is_amount(price) and _is_amount(amount):
                found.append((stamp, float(price), float(amount), str(row.get("id") or "")))
            else:
                self._counters[f"refused_{Refused.NOT_A_CANDLE}"] += 1
        return sorted(found)

    async def mark_candle(self, symbol: str, open_ms: int) -> Values | None:
        """Return the mark price's candle of a minute, or of now where only that is told; None: there is none.

        Raises:
            ExchangeFailed: no usable answer.
        """
        has, name = self.client.has, self.names[symbol]
        if has.get("fetchMarkOHLCV"):
            try:
                rows = await self.ask("fetch_mark_ohlcv", name, "1m", open_ms, 2)
                found = next((row for row in rows if row and row[0] == open_ms), None)
            except ExchangeFailed:
                found = None
            candle = None if found is None else check(symbol, [*found[:5], 0], step_ms=MINUTE_MS, newest_ms=open_ms)
            if isinstance(candle, ClosedCandle):
                return candle.values
        is_recent = self._clock.now_ms() - open_ms < MARK_IS_NEW_MS
        if not is_recent or not has.get("fetchFundingRate"):
            return None
        price = (await self.ask("fetch_funding_rate", name)).get("markPrice")
        if not isinstance(price, int | float) or not 0 < price < math.inf:
            return None
        return (price, price, price, price, 0.0)

    def _validated(
        self, symbol: str, rows: Sequence[Sequence[object]], step_ms: int
    ) -> tuple[list[ClosedCandle], dict[int, Refused]]:
        """Return the rows that are candles, the forming one among them, and by open why others are none."""
        loose = isinstance(self._clock, PacedClock | ManualClock)  # it lags behind the market that it follows
        ahead_ms = DAY_MS if loose else round(SKEW_S * self._clock.speed * 1000)
        newest_ms = self._clock.now_ms() + ahead_ms  # the forming candle is among them
        found, refused = [], {}
        for row in rows:
            candle = check(symbol, row, step_ms=step_ms, newest_ms=newest_ms)
            if isinstance(candle, ClosedCandle):
                found.append(candle)
                continue
            self._counters[f"refused_{candle}"] += 1
            if candle in WHY and row and isinstance(row[0], int):
                refused[row[0]] = candle
        if rows and not found:
            raise ExchangeFailed(
                f"{self.exchange} answered {len(rows)} rows for {symbol}, none of them a candle (a web page?)"
            )
        return found, refused


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
