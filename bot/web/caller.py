"""Who asks: the bearer of a token, a signed-in browser, or somebody. Decided before anything is counted or answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One who asks.

    Attributes:
        name: whose requests are counted together; "" where only the address is known.
        may_change: whether commands are taken.
        session: the session's id where a cookie was sent.
        csrf: what has to come back with every change of that session.
        until_ms: when the session ends, wall clock.
    """

    name: str
    may_change: bool
    session: str = ""
    csrf: str = ""
    until_ms: int = 0

    @property
    def is_known(self) -> bool:
        return bool(self.name)


ANONYMOUS: Final = Caller(name="", may_change=False)
