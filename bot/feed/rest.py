"""An exchange's public REST answers in our own types: closed candles, settled funding rates, markets.

Every request passes through `ask`: a throttled exchange is left alone until it allows more, a failure is translated,
and attempts are spaced. Canonical symbols outside, ccxt's inside. Private requests do not exist here.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ccxt

from bot.clock import Clock
from bot.feed.candle import ClosedCandle
from bot.feed.failures import GeoBlocked, NoSuchMarket, Throttled, translate
from bot.feed.validate import Refused, check
from bot.feed.waiting import Backoff, elapsed_s
from bot.feed.weights import WeightGauge
from strategies.errors import ExchangeFailed
from strategies.market import DAY_MS, MINUTE_MS, RATE_ONE, Timeframe

MALFORMED = (TypeError, KeyError, ValueError, AttributeError, IndexError)  # what ccxt's parsers raise on HTML or null
PAGE_LIMITS = {"okx": 300, "binance": 1000, "bybit": 1000}
FUNDING_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer to a request for candles.

    Attributes:
        candles: validated, closed, ascending; those asked for that the exchange has.
        complete_ms: whatever lies before it and is not in `candles` does not exist: a later candle was in the answer.
    """

    candles: tuple[ClosedCandle, ...]
    complete_ms: int


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
    ) -> None:
        self.client = client
        self.exchange = exchange
        self.names: dict[str, str] = {}  # canonical symbol -> ccxt's
        self.page = min(page, PAGE_LIMITS.get(exchange, page))
        self._grace_s = grace_s
        self.weights = WeightGauge(exchange)
        self._clock = clock
        self._counters = counters
        self._closed_until_s = 0.0

    async def ask(self, method: str, *args: Any, attempts: int = 1, **params: Any) -> Any:
        """Return what a method of the client answers.

        Args:
            method: name of the unified ccxt method.
            attempts: how often a passing failure is tried again before it is raised.

        Raises:
            ExchangeFailed: it cannot be reached, refuses us, or answers nonsense.
            NoSuchMarket: it does not know the market.
        """
        backoff = Backoff()
        while True:
            attempts -= 1
            await self._wait_until_open()
            try:
                return await self._once(method, *args, **params)
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

        A row counts as closed when the answer holds a later one, or when its close lies `grace_s` behind the clock.

        Raises:
            ExchangeFailed: no usable answer; also when none of its rows is a candle (HTML with status 200).
            NoSuchMarket: the exchange does not know the symbol.
        """
        step_ms = timeframe.ms
        wanted = min(self.page, (end_ms - start_ms) // step_ms + 1)  # one more, to see whether the last has closed
        rows = await self.ask(
            "fetch_ohlcv", self.names[symbol], timeframe.value, start_ms, max(wanted, 2), attempts=attempts
        )
        settled_ms = self._clock.now_ms() - step_ms - round(self._grace_s * self._clock.speed * 1000)
        found = self._validated(symbol, rows, step_ms)
        newest_ms = max((candle.open_ms for candle in found), default=-1)
        closed = {
            candle.open_ms: candle
            for candle in found
            if start_ms <= candle.open_ms < end_ms and (candle.open_ms < newest_ms or candle.open_ms <= settled_ms)
        }
        self._counters["rest_pages"] += 1
        candles = tuple(closed[open_ms] for open_ms in sorted(closed))
        return Page(candles=candles, complete_ms=min(end_ms, newest_ms) if newest_ms > start_ms else start_ms)

    async def funding(self, symbol: str, start_ms: int, *, attempts: int = 1) -> list[tuple[int, int]]:
        """Return one page of (time, rate x 1e8) settled at or after `start_ms`, ascending; times on the minute.

        Raises:
            ExchangeFailed: no usable answer.
        """
        name, since_ms = self.names[symbol], start_ms - MINUTE_MS // 2  # stamps jitter by milliseconds
        rows = await self.ask("fetch_funding_rate_history", name, since_ms, FUNDING_PAGE, attempts=attempts)
        rates: dict[int, int] = {}
        for row in rows:
            stamp, rate = row.get("timestamp"), row.get("fundingRate")
            if not isinstance(stamp, int) or not isinstance(rate, (int, float)) or not abs(rate) < 1:
                self._counters[f"refused_{Refused.NOT_A_CANDLE}"] += 1
                continue
            settled_ms = (stamp + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS
            if settled_ms >= start_ms:
                rates[settled_ms] = round(rate * RATE_ONE)
        return sorted(rates.items())

    async def _once(self, method: str, *args: Any, **params: Any) -> Any:
        await self.weights.passed()
        try:
            answer = await getattr(self.client, method)(*args, **params)
            if str(self.client.last_http_response or "").startswith("<"):  # ccxt makes empty lists of web pages
                raise ExchangeFailed(f"{self.exchange} answered {method} with a web page instead of data")
            return answer
        except (ccxt.BaseError, *MALFORMED) as error:
            status, headers = self.client.last_status, self.client.last_response_headers or {}
            failure = translate(error, exchange=self.exchange, status=status, headers=headers)
            if isinstance(failure, Throttled):
                self._counters["throttled"] += 1
                self._closed_until_s = max(self._closed_until_s, elapsed_s() + failure.retry_after_s)
            raise failure from error
        finally:
            self.weights.answered(self.client.last_response_headers or {})

    async def _wait_until_open(self) -> None:
        await asyncio.sleep(max(0.0, self._closed_until_s - elapsed_s()))

    def _validated(self, symbol: str, rows: Sequence[Sequence[object]], step_ms: int) -> list[ClosedCandle]:
        """Return the rows that are candles, the forming one among them; refused ones are counted."""
        newest_ms = self._clock.now_ms() + DAY_MS  # loose: the forming candle is among them, and a paced clock lags
        found = []
        for row in rows:
            candle = check(symbol, row, step_ms=step_ms, newest_ms=newest_ms)
            if isinstance(candle, ClosedCandle):
                found.append(candle)
            else:
                self._counters[f"refused_{candle}"] += 1
        if rows and not found:
            raise ExchangeFailed(
                f"{self.exchange} answered {len(rows)} rows for {symbol}, none of them a candle (a web page?)"
            )
        return found
