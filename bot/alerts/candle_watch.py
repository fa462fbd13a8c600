"""Candle watch: keeps what the feed says about single candles, and tells people what they must know of it."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import asdict
from typing import Final, Protocol

from sqlalchemy import Engine as Database

from bot.alerts.alerts import Alerts
from bot.feed.candle import CandleNote
from storage.ledger import candle_notes
from storage.ledger.accounts import Account

ALERTED: Final = frozenset({"excluded", "given_up", "rebuilt"})  # a revision or a widened range is looked up, not told
MOST_ALERTS: Final = 5  # at a time; the notes have all


class NoteSource(Protocol):
    """Where notes pile up."""

    notes: deque[CandleNote]


class CandleWatch:
    """Empties the feed's notes into the database. `look` is called every second."""

    def __init__(self, feed: NoteSource, database: Database, account: Account, alerts: Alerts) -> None:
        self._feed = feed
        self._database = database
        self._account = account
        self._alerts = alerts

    async def look(self, passed_s: float) -> None:
        """Keep and tell what is new.

        Raises:
            StorageFailed: it was not kept, and is tried again at the next look.
        """
        notes = list(self._feed.notes)
        if not notes:
            return
        await asyncio.to_thread(candle_notes.add, self._database, self._account, [asdict(note) for note in notes])
        for _ in notes:
            self._feed.notes.popleft()
        for note in [note for note in notes if note.kind in ALERTED][:MOST_ALERTS]:
            key = f"candle:{note.kind}:{note.symbol}:{note.open_ms}"
            payload = {"type": note.kind, "what": note.symbol, "text": f"{note.symbol} {note.text}"}
            await self._alerts.note("feed", key, payload, note.open_ms)
