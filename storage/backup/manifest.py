"""Backup manifest: versions, counts, and the size and checksum of each member."""

from __future__ import annotations

import re
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strategies.errors import BadInput

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
CONFIG: Final = "config.toml"
TABLES: Final = "tables"
ROOTS: Final = frozenset({TABLES, "tape", "models", "exchange", "runs", "candles"})
_PART: Final = re.compile(r"\w[\w.=-]{0,199}")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Member(_Part):
    """One file inside a backup."""

    name: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class BackedUpAccount(_Part):
    """An account and where it stood; `last_minute_ms` is None when it has taken no minute yet."""

    exchange: str
    name: str
    last_minute_ms: int | None


class Manifest(_Part):
    """The first thing that is read of a backup.

    Attributes:
        revision: of the database's schema.
        tables: rows by table.
        has_candles: whether the candle store is inside.
        lost: in words, archived days of the tape that were gone or torn already; left out where there are none, so
            that older programs read the rest.
    """

    format: int
    created_ms: int
    version: str
    dialect: str
    revision: str
    accounts: tuple[BackedUpAccount, ...]
    tables: dict[str, int]
    has_candles: bool
    members: tuple[Member, ...]
    lost: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all members together."""
        return sum(member.bytes for member in self.members)


def written(manifest: Manifest) -> str:
    """Return a manifest as its member's text."""
    return manifest.model_dump_json(indent=1, exclude=None if manifest.lost else {"lost"})


def parse(text: bytes, source: str) -> Manifest:
    """Return a manifest that may be followed.

    Raises:
        BadInput: it is no manifest, belongs to a newer program, or names a member that may not be.
    """
    try:
        found = Manifest.model_validate_json(text)
    except ValidationError as error:
        raise BadInput(f"{source} is not a sigma backup: {error.errors()[0]['msg']} in its manifest") from error
    if found.format != FORMAT:
        raise BadInput(f"{source} has format {found.format}, this program reads format {FORMAT}; update it")
    names = [member.name for member in found.members]
    for name in names:
        if not is_member(name):
            raise BadInput(f"{source} holds {name!r}, which may not be in a backup; nothing was changed")
    if len(set(names)) != len(names):
        raise BadInput(f"{source} names a member twice; nothing was changed")
    return found


def is_member(name: str) -> bool:
    """Whether a backup may hold a member of this name: a relative path of plain words under a known root."""
    if name == CONFIG:
        return True
    root, *parts = name.split("/")
    return root in ROOTS and bool(parts) and all(_PART.fullmatch(part) for part in parts)
