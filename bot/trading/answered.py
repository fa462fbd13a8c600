"""A question to the database that is asked until it is answered.

What begins beside the trader asks the ledger first. A database that is away just then is no reason for a daemon to end:
the trader waits for it, and so does whoever asks here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog

from strategies.errors import StorageFailed

PAUSES_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)


async def answered(question: Callable[..., Any], *arguments: object) -> Any:
    """Return the answer to a question that is asked on a thread, however long the database is away."""
    attempt = 0
    while True:
        try:
            return await asyncio.to_thread(question, *arguments)
        except StorageFailed as error:
            if attempt == 0:
                structlog.get_logger("daemon").warning("the database is awaited", error=str(error))
            await asyncio.sleep(PAUSES_S[min(attempt, len(PAUSES_S) - 1)])
            attempt += 1
