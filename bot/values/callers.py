"""Who asked for something, in words: what is recorded as "telegram:7" reads "in Telegram chat 7"."""

from __future__ import annotations

from typing import Final

_PLACES: Final = {"dashboard": "on the dashboard", "cli": "on the command line", "web": "over the API"}


def where(by: str) -> str:
    """Return where somebody asked, by the name that the ledger records; an unknown name as "by NAME"."""
    kind, colon, number = by.partition(":")
    if kind == "telegram" and colon:
        return f"in Telegram chat {number}"
    return _PLACES.get(by, f"by {by}")
