"""Message links: where signal and entry stand, so that a fill becomes its signal's card and an exit answers its entry.

Kept in a file of the state folder and read again at a start. It is a convenience: one that cannot be read or written
makes two messages out of one, and nothing else.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from storage.durable import replace_files
from strategies.errors import StorageFailed

REMEMBERED: Final = 500  # entries, and signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message as far as it is needed to change it or to answer it."""

    chat_id: int
    message_id: int
    has_photo: bool = False


class Links:
    """What one chat was told about trades that go on.

    Args:
        file: where it is kept; None: it is forgotten at the end.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._signals: dict[str, Said] = {}  # the last signal's card, by market
        self._entries: dict[str, Said] = {}  # the message of an entry, by trade
        if file is not None:
            self._load(file)

    def signal(self, symbol: str, said: Said) -> None:
        """Remember the card of a market's last signal."""
        self._kept(self._signals, symbol, said)

    def take_signal(self, symbol: str) -> Said | None:
        """Return the card of a market's last signal, once."""
        return self._signals.pop(symbol, None)

    def entry(self, trade: str, said: Said) -> None:
        """Remember the message of an entry."""
        self._kept(self._entries, trade, said)

    def entry_of(self, trade: str) -> int | None:
        """Return the message that an exit answers to."""
        said = self._entries.get(trade)
        return None if said is None else said.message_id

    def write(self) -> None:
        """Write what is known; off the event loop."""
        if self._file is None:
            return
        parts = {"signals": self._signals, "entries": self._entries}
        content = orjson.dumps(
            {name: {key: asdict(said) for key, said in kept.items()} for name, kept in parts.items()}
        )
        try:
            replace_files([(self._file, lambda path: _written(path, content))])
        except (OSError, StorageFailed) as error:
            structlog.get_logger("telegram").debug("links not kept", file=str(self._file), error=str(error))

    def _kept(self, kept: dict[str, Said], key: str, said: Said) -> None:
        kept.pop(key, None)
        kept[key] = said
        while len(kept) > REMEMBERED:
            del kept[next(iter(kept))]

    def _load(self, file: Path) -> None:
        try:
            found = orjson.loads(file.read_bytes())
            self._signals, self._entries = _parsed(found["signals"]), _parsed(found["entries"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            structlog.get_logger("telegram").debug("links not read", file=str(file), error=str(error))


def _parsed(found: dict[str, Any]) -> dict[str, Said]:
    return {str(key): Said(**values) for key, values in found.items()}


def _written(path: Path, content: bytes) -> None:
    path.write_bytes(content)
