"""One question to an exchange: how it is sent, what holds it back, and what a failure of it is called.

`Direct` asks through a ccxt client, behind the exchange's bans and request weight. `bot/feed/line.py` asks a feed
process instead, which does this for all who read from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import ccxt

from bot.clock import Clock, SystemClock
from bot.feed.failures import MALFORMED, Throttled, translate
from bot.feed.gate import Gate
from bot.feed.weights import WeightGauge
from strategies.errors import ExchangeFailed


class Asking(Protocol):
    """Whoever can put a question to the exchange."""

    async def ask(self, method: str, args: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """Return what a unified ccxt method answers, asked once.

        Raises:
            ExchangeFailed: it cannot be reached, refuses us, or answers nonsense.
            NoSuchMarket: it does not know the market.
        """


class Direct:
    """Asks an exchange itself."""

    def __init__(self, client: Any, *, exchange: str, clock: Clock, counters: Counter[str], gate: Gate) -> None:
        self._client = client
        self._exchange = exchange
        self._clock = clock
        self._counters = counters
        self._gate = gate
        self.weights = WeightGauge(exchange)

    async def ask(self, method: str, args: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """Return what a method of the client answers; see `Asking`."""
        await self._gate.passed()
        await self.weights.passed()
        client = self._client
        try:
            answer = await getattr(client, method)(*args, **params)
            if str(client.last_http_response or "").startswith("<"):  # ccxt makes empty lists of web pages
                raise ExchangeFailed(f"{self._exchange} answered {method} with a web page instead of data")
            return answer
        except (ccxt.BaseError, *MALFORMED) as error:
            status, headers = client.last_status, client.last_response_headers or {}
            now_ms = self._clock.now_ms() if isinstance(self._clock, SystemClock) else None
            failure = translate(
                error, exchange=self._exchange, status=status, headers=headers, body=client.last_body, now_ms=now_ms
            )
            if isinstance(failure, Throttled):
                self._counters["throttled"] += 1
                self._gate.bar(failure)
            raise failure from error
        finally:
            self.weights.answered(client.last_response_headers or {})
