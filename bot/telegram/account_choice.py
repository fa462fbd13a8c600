"""Account choice: which account of the daemon a chat asks about, the first one until it says `/account NAME`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.language import _
from strategies.errors import BadInput

if TYPE_CHECKING:
    from bot.telegram.context import Context


class AccountChoice:
    """The accounts' contexts by name, and what each chat has chosen; forgotten at the end of the daemon."""

    def __init__(self) -> None:
        self._contexts: dict[str, Context] = {}
        self._chosen: dict[int, str] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The accounts, the first one first."""
        return tuple(self._contexts)

    def add(self, name: str, context: Context) -> None:
        """Make an account known."""
        self._contexts[name] = context

    def name_of(self, chat_id: int) -> str:
        """Return the account that a chat asks about."""
        return self._chosen.get(chat_id, self.names[0])

    def of(self, chat_id: int) -> Context:
        """Return what a chat is answered from."""
        return self._contexts[self.name_of(chat_id)]

    def choose(self, chat_id: int, name: str) -> None:
        """Let a chat ask about an account.

        Raises:
            BadInput: this daemon has none of that name.
        """
        if name not in self._contexts:
            known = ", ".join(self.names)
            raise BadInput(_("account {name} is not known; one of {known} is needed", name=name, known=known))
        self._chosen[chat_id] = name
