"""Retried query: a question to the database is asked until it is answered.

What begins beside the trader asks the ledger first. A database that is away just then is no reason for a daemon to end:
the trader waits for it, and so does whoever asks here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from bot.waiting import Backoff, Outage
from strategies.errors import StorageFailed

LONGEST_WAIT_S: Final = 5.0


async def answered(question: Callable[..., Any], *arguments: object) -> Any:
    """Return the answer to a question that is asked on a thread, however long the database is away."""
    outage, backoff = Outage("question to the database", logger="daemon"), Backoff(longest_s=LONGEST_WAIT_S)
    while True:
        try:
            found = await asyncio.to_thread(question, *arguments)
        except StorageFailed as error:
            outage.begin(error)
            await asyncio.sleep(backoff.next_s())
        else:
            outage.end()
            return found
