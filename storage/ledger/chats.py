"""Telegram chats in the database: where they moved, who paired, which language and colours they want."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, select, update

from storage.language import LANGUAGES, Language
from storage.ledger.database import reading, writing
from storage.ledger.tables import chat as chat_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One chat.

    Attributes:
        chat_id: as it was listed or paired; the name of its channel, for good.
        current_id: where it is now: a group that becomes a supergroup gets another number.
        language: of its replies and alerts; None: the configured one.
        is_dark: pictures on a dark ground; None: on a light one.
        paired_ms: when it paired by a code, wall clock; None: it is listed in the configuration, or has left.
    """

    chat_id: int
    current_id: int
    language: Language | None = None
    is_dark: bool | None = None
    paired_ms: int | None = None


class Chats:
    """The chats of one account. Every call is one short transaction."""

    def __init__(self, engine: Engine, account_id: int) -> None:
        self._engine = engine
        self._account_id = account_id

    def all(self) -> dict[int, Chat]:
        """Return every chat that something is remembered about, by its first id."""
        query = select(chat_table).where(chat_table.c.account_id == self._account_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return {
            row["chat_id"]: Chat(
                chat_id=row["chat_id"],
                current_id=row["current_id"],
                language=next((name for name in LANGUAGES if name == row["language"]), None),
                is_dark=row["is_dark"],
                paired_ms=row["paired_ms"],
            )
            for row in rows
        }

    def remember(self, chat: Chat) -> None:
        """Write what is known of a chat now."""
        mine = (chat_table.c.account_id == self._account_id, chat_table.c.chat_id == chat.chat_id)
        values = {
            "current_id": chat.current_id,
            "language": chat.language,
            "is_dark": chat.is_dark,
            "paired_ms": chat.paired_ms,
        }
        with writing(self._engine) as connection:
            if connection.execute(update(chat_table).where(*mine).values(values)).rowcount == 0:
                connection.execute(
                    insert(chat_table).values(account_id=self._account_id, chat_id=chat.chat_id, **values)
                )

    def forget(self, chat_id: int) -> None:
        """Forget a chat."""
        mine = (chat_table.c.account_id == self._account_id, chat_table.c.chat_id == chat_id)
        with writing(self._engine) as connection:
            connection.execute(delete(chat_table).where(*mine))
