"""Request gate: when an exchange may be asked or dialled; bans outlive the process, and its own limit is kept.

A ban that is ignored grows, so it is written down before it is waited for, and whoever starts later waits too. REST and
sockets of one exchange share one gate.
"""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson
import structlog

from bot.clock import wall_ms
from bot.feed.dials import Dials
from bot.feed.failures import LONGEST_RETRY_AFTER_S, Throttled
from bot.waiting import elapsed_s
from storage.durable import replace_files
from strategies.errors import StorageFailed

WORTH_KEEPING_S: Final = 5.0  # shorter pauses end before a process can start


class Gate:
    """Bars the way while an exchange wants to be left alone.

    Args:
        exchange: the name in config.toml.
        folder: where bans are kept; None: they are forgotten at the end.
    """

    def __init__(self, exchange: str, folder: Path | None = None) -> None:
        self._exchange = exchange
        self._file = None if folder is None else folder / f"{exchange}-ban.json"
        self._until_s: float | None = None
        self._dials = Dials(exchange, folder)

    def bar(self, failure: Throttled) -> None:
        """Ask nothing for as long as a refusal says."""
        self._until_s = max(self._until_s or 0.0, elapsed_s() + failure.retry_after_s)
        if failure.retry_after_s > WORTH_KEEPING_S:
            structlog.get_logger("feed").warning(
                "exchange wants a pause",
                exchange=self._exchange,
                seconds=round(failure.retry_after_s),
                why=str(failure),
            )
            self._keep(failure)

    def left_s(self) -> float:
        """Return the wall seconds for which nothing may be asked."""
        if self._until_s is None:
            self._until_s = elapsed_s() + self._kept_s()
        return max(0.0, self._until_s - elapsed_s())

    def opens_utc(self) -> str:
        """Return the minute by which the exchange may be asked again."""
        minute_s = math.ceil((wall_ms() / 1000 + self.left_s()) / 60) * 60
        return f"{datetime.fromtimestamp(minute_s, UTC):%Y-%m-%d %H:%M}"

    async def passed(self) -> None:
        """Wait until the exchange may be asked."""
        while (left_s := self.left_s()) > 0:  # noqa: ASYNC110 — a further refusal may make it longer meanwhile
            await asyncio.sleep(left_s)

    async def dial(self) -> None:
        """Wait until a connection may be opened, and count it."""
        await self.passed()
        await self._dials.take()

    def _kept_s(self) -> float:
        if self._file is None:
            return 0.0
        try:
            kept = orjson.loads(self._file.read_bytes())
            left_s = (int(kept["until_ms"]) - wall_ms()) / 1000
            longest_s = float(kept.get("seconds", LONGEST_RETRY_AFTER_S))  # a clock may have been set back
        except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
            return 0.0
        return min(max(0.0, left_s), longest_s, LONGEST_RETRY_AFTER_S)

    def _keep(self, failure: Throttled) -> None:
        if self._file is None:
            return
        until_ms = wall_ms() + round(failure.retry_after_s * 1000)
        told = {"until_ms": until_ms, "seconds": failure.retry_after_s, "why": str(failure)}
        content = orjson.dumps({"exchange": self._exchange, **told})
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            replace_files([(self._file, lambda path: _write(path, content))])
        except (OSError, StorageFailed) as error:
            structlog.get_logger("feed").warning("ban not kept", file=str(self._file), error=str(error))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
