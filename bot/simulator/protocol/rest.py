"""Binance's public REST under `/fapi/v1`, answered from the chart at the market clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import orjson
from aiohttp import web

from bot.simulator.market.chart import INTERVALS, Chart
from bot.simulator.market.source import Instrument
from bot.simulator.protocol.frames import exchange_info, kline_row
from strategies.market import CLOSE, DAY_MS, HOUR_MS, MINUTE_MS, OPEN, OPEN_MS, VOLUME

_MOST_KLINES: Final = 1500
_MOST_FUNDING: Final = 1000


class Refused(Exception):
    """A request Binance would refuse; told to the client in its words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.body = {"code": code, "msg": message}


def json_response(body: Any, status: int = 200) -> web.Response:
    """Return `body` as JSON."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


class Rest:
    """The handlers.

    Args:
        chart: what can be seen.
        now_ms: the market clock.
        server_ms: the time the exchange claims; differs from the market clock under a skew fault.
    """

    def __init__(self, chart: Chart, now_ms: Callable[[], int], server_ms: Callable[[], int]) -> None:
        self._chart, self._now_ms, self._server_ms = chart, now_ms, server_ms

    def routes(self) -> list[web.RouteDef]:
        """Return what is served."""
        answers: dict[str, Callable[[web.Request], Any]] = {
            "ping": lambda request: {},
            "time": lambda request: {"serverTime": self._server_ms()},
            "exchangeInfo": lambda request: exchange_info(self._chart.instruments(self._now_ms()), self._server_ms()),
            "klines": self._klines,
            "markPriceKlines": self._mark_klines,
            "fundingRate": self._funding_rate,
            "fundingInfo": self._funding_info,
            "premiumIndex": self._premium_index,
            "ticker/24hr": self._ticker,
        }
        return [web.get(f"/fapi/v1/{name}", _handler(answer)) for name, answer in answers.items()]

    def _klines(self, request: web.Request) -> list[list[Any]]:
        instrument = self._instrument(request)
        interval_ms = INTERVALS.get(_text(request, "interval"))
        if interval_ms is None:
            raise Refused(-1120, "Invalid interval.")
        start_ms, end_ms = _number(request, "startTime"), _number(request, "endTime")
        candles = self._chart.page(
            instrument.symbol,
            interval_ms,
            _limit(request, 500, _MOST_KLINES),
            start_ms,
            None if end_ms is None else end_ms + 1,
            self._now_ms(),
        )
        return [kline_row(instrument, interval_ms, candle) for candle in candles]

    def _mark_klines(self, request: web.Request) -> list[list[Any]]:
        """The mark price follows the last price; like Binance's, its candles bear no volume."""
        return [[*row[:5], "0", row[6], "0", 0, "0", "0", "0"] for row in self._klines(request)]

    def _funding_rate(self, request: web.Request) -> list[dict[str, Any]]:
        chosen = [self._instrument(request)] if "symbol" in request.query else self._chart.instruments(self._now_ms())
        start_ms, end_ms = _number(request, "startTime"), _number(request, "endTime")
        limit = _limit(request, 100, _MOST_FUNDING)
        rows = [row for instrument in chosen for row in self._settled(instrument, start_ms, end_ms, limit)]
        rows.sort(key=lambda row: row["fundingTime"])
        return rows[-limit:] if start_ms is None else rows[:limit]

    def _settled(
        self, instrument: Instrument, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[dict[str, Any]]:
        now_ms = self._now_ms()
        stop_ms = now_ms + 1 if end_ms is None else min(end_ms + 1, now_ms + 1)
        span_ms = (limit + 2) * instrument.market.funding_interval_ms
        first_ms = stop_ms - span_ms if start_ms is None else start_ms
        times, rates = self._chart.funding(instrument.symbol, first_ms, stop_ms, now_ms)
        kept = slice(-limit, None) if start_ms is None else slice(limit)
        stamps = times[kept].tolist()
        return [
            {"symbol": instrument.symbol, "fundingTime": time_ms, "fundingRate": f"{rate:.8f}", "markPrice": mark}
            for time_ms, rate, mark in zip(stamps, rates[kept], self._marks(instrument, stamps), strict=True)
        ]

    def _marks(self, instrument: Instrument, stamps: Sequence[int]) -> list[str]:
        """Return the price at each of ascending times: the open of its hour, "" where nothing was traded."""
        if not stamps:
            return []
        hours = [time_ms - time_ms % HOUR_MS for time_ms in stamps]
        last_ms = hours[-1] + HOUR_MS
        candles = self._chart.candles(instrument.symbol, HOUR_MS, hours[0], last_ms, last_ms)
        opens = dict(zip(candles[:, OPEN_MS].astype(np.int64).tolist(), candles[:, OPEN].tolist(), strict=True))
        return [f"{opens[hour_ms]:.8f}" if hour_ms in opens else "" for hour_ms in hours]

    def _funding_info(self, request: web.Request) -> list[dict[str, Any]]:
        return [
            {
                "symbol": instrument.symbol,
                "adjustedFundingRateCap": "0.02000000",
                "adjustedFundingRateFloor": "-0.02000000",
                "fundingIntervalHours": instrument.market.funding_interval_ms // HOUR_MS,
                "disclaimer": False,
            }
            for instrument in self._chart.instruments(self._now_ms())
        ]

    def _premium_index(self, request: web.Request) -> dict[str, Any] | list[dict[str, Any]]:
        if "symbol" in request.query:
            return self._premium(self._instrument(request))
        return [self._premium(instrument) for instrument in self._chart.instruments(self._now_ms())]

    def _premium(self, instrument: Instrument) -> dict[str, Any]:
        now_ms = self._now_ms()
        candles = self._chart.page(instrument.symbol, MINUTE_MS, 1, None, None, now_ms)
        price = f"{candles[-1, CLOSE]:.8f}" if len(candles) else "0.00000000"
        rate, next_ms = self._chart.premium(instrument.symbol, now_ms)
        return {
            "symbol": instrument.symbol,
            "markPrice": price,
            "indexPrice": price,
            "estimatedSettlePrice": price,
            "lastFundingRate": f"{rate:.8f}",
            "interestRate": "0.00010000",
            "nextFundingTime": next_ms,
            "time": self._server_ms(),
        }

    def _ticker(self, request: web.Request) -> dict[str, Any] | list[dict[str, Any]]:
        if "symbol" in request.query:
            return self._last_day(self._instrument(request))
        return [self._last_day(instrument) for instrument in self._chart.instruments(self._now_ms())]

    def _last_day(self, instrument: Instrument) -> dict[str, Any]:
        """Return what was traded in the last 24 hours, of the hours that have closed."""
        now_ms = self._now_ms()
        end_ms = now_ms - now_ms % HOUR_MS
        hours = self._chart.candles(instrument.symbol, HOUR_MS, end_ms - DAY_MS, end_ms, now_ms)
        traded = float((hours[:, VOLUME] * (hours[:, OPEN] + hours[:, CLOSE]) / 2).sum()) if len(hours) else 0.0
        last = f"{hours[-1, CLOSE]:.8f}" if len(hours) else "0"
        return {
            "symbol": instrument.symbol,
            "lastPrice": last,
            "openPrice": f"{hours[0, OPEN]:.8f}" if len(hours) else "0",
            "volume": f"{hours[:, VOLUME].sum():.8f}",
            "quoteVolume": f"{traded:.8f}",
            "openTime": end_ms - DAY_MS,
            "closeTime": end_ms,
        }

    def _instrument(self, request: web.Request) -> Instrument:
        instrument = self._chart.named(_text(request, "symbol"))
        if instrument is None:
            raise Refused(-1121, "Invalid symbol.")
        return instrument


def _handler(answer: Callable[[web.Request], Any]) -> Callable[[web.Request], Any]:
    async def handle(request: web.Request) -> web.Response:
        try:
            return json_response(answer(request))
        except Refused as refusal:
            return json_response(refusal.body, status=400)

    return handle


def _text(request: web.Request, name: str) -> str:
    value = request.query.get(name, "")
    if not value:
        raise Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return value


def _number(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isdigit() or len(text) > 15:
        raise Refused(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^[0-9]{{1,15}}$'.")
    return int(text)


def _limit(request: web.Request, default: int, most: int) -> int:
    limit = _number(request, "limit")
    if limit is None:
        return default
    if not 1 <= limit <= most:
        raise Refused(-1130, f"Data sent for parameter 'limit' is not valid: {limit} is not in 1 to {most}.")
    return limit
