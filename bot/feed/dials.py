"""How many connections an address opens to an exchange: tokens in a file that all programs of one state folder share.

A token is the steady time of a dial; it comes free when the exchange's window has passed. Without a folder, or where
its file cannot be written, a program counts its own.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import orjson
import structlog

from bot.clock import steady_ms
from storage.durable import folder_lock
from strategies.errors import StorageFailed

DIALS: Final = {  # connections an address may open, and in how many seconds; half of what the exchange states
    "binance": (150, 300.0),
    "binanceusdm": (150, 300.0),
    "bybit": (250, 300.0),
    "okx": (1, 0.7),
    "kraken": (75, 600.0),
    "builtin": (10_000, 1.0),
}
DIALS_ELSEWHERE: Final = (30, 60.0)
LOCK_S: Final = 5.0


class Dials:
    """Counts the dials to one exchange.

    Args:
        exchange: the name in config.toml.
        folder: where the tokens lie; None: this program counts alone.
        limit: dials, and in how many seconds; None: those of the exchange.
    """

    def __init__(self, exchange: str, folder: Path | None, limit: tuple[int, float] | None = None) -> None:
        self._exchange = exchange
        self._folder = folder
        self._count, self._window_s = limit or DIALS.get(exchange, DIALS_ELSEWHERE)
        self._own: list[int] = []

    async def take(self) -> None:
        """Wait until another connection may be opened, and count it."""
        while True:
            wait_s = await asyncio.to_thread(self._take)
            if wait_s <= 0:
                return
            await asyncio.sleep(max(0.01, wait_s))

    def _take(self) -> float:
        """Take a token; return 0, or the seconds until the next comes free."""
        if self._folder is None:
            return self._taken(self._own)
        try:
            with folder_lock(self._folder / f"{self._exchange}-dials", LOCK_S):
                shared = self._read()
                wait_s = self._taken(shared)
                if wait_s == 0:
                    self._file.write_bytes(orjson.dumps(shared))
                return wait_s
        except (OSError, StorageFailed) as error:
            structlog.get_logger("feed").warning("dials counted alone", exchange=self._exchange, error=str(error))
            self._folder = None
            return self._taken(self._own)

    def _taken(self, tokens: list[int]) -> float:
        now_ms = steady_ms()
        oldest_ms = now_ms - round(self._window_s * 1000)
        tokens[:] = [token for token in tokens if oldest_ms < token <= now_ms]  # later ones are of before a reboot
        if len(tokens) >= self._count:
            return (tokens[0] - oldest_ms) / 1000
        tokens.append(now_ms)
        return 0.0

    @property
    def _file(self) -> Path:
        assert self._folder is not None
        return self._folder / f"{self._exchange}-dials" / "tokens.json"

    def _read(self) -> list[int]:
        try:
            found = orjson.loads(self._file.read_bytes())
        except (OSError, ValueError):
            return []
        return sorted(token for token in found if isinstance(token, int)) if isinstance(found, list) else []
