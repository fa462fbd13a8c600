"""Request parameters: times as ISO or milliseconds, pages by limit and cursor, markets by symbol."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from storage.config.market import SYMBOL
from strategies.market import typed_symbol

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_MS: Final = 253_402_300_799_999  # the end of year 9999
_MILLISECONDS: Final = re.compile(r"\d{1,15}")
_CURSOR: Final = re.compile(r"(\d{1,15})\.(\d{1,4})")
_ISO: Final = [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]
_MS: Final = {"type": "integer", "minimum": 0, "maximum": LATEST_MS}

Row = TypeVar("Row")


class Asked(BaseModel):
    """A query or a body: unknown names are refused; patterns mean what they mean to Python, in any script."""

    model_config = ConfigDict(frozen=True, extra="forbid", regex_engine="python-re")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Rows strictly before `ms`; with `skip` > 0 those at `ms` too, except the first `skip` of them."""

    ms: int
    skip: int = 0

    @property
    def until_ms(self) -> int:
        """The exclusive end of the rows that may follow."""
        return self.ms + 1 if self.skip else self.ms


def moment_ms(value: object) -> int:
    """Return UTC milliseconds of an ISO 8601 time or of milliseconds; a time without a zone is UTC.

    Raises:
        ValueError: it is neither, or after the year 9999. What is before 1970 is 0.
    """
    text = str(value).strip()
    if _MILLISECONDS.fullmatch(text):
        return _within(int(text))
    text = re.sub(r"(T[\d:.]+) (\d\d:\d\d)$", r"\1+\2", text.upper())  # an unescaped + of a query string
    text = re.sub(r":60(?=$|[.Z+-])", ":59", text)  # leap seconds do not exist in UTC milliseconds
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("an ISO 8601 time or UTC milliseconds are needed, like 2025-01-31T12:00Z") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(0, (moment - EPOCH) // timedelta(milliseconds=1)), LATEST_MS)


def cursor_of(value: object) -> Cursor:
    """Return the cursor that `next_before` named, or the one of a time."""
    found = _CURSOR.fullmatch(str(value))
    if found:
        return Cursor(ms=_within(int(found[1])), skip=int(found[2]))
    return Cursor(ms=moment_ms(value))


def _within(ms: int) -> int:
    if ms > LATEST_MS:
        raise ValueError(f"a time is needed that is not after the year 9999, {LATEST_MS} ms")
    return ms


Moment = Annotated[int, BeforeValidator(moment_ms), WithJsonSchema({"anyOf": [_MS, *_ISO]})]
Before = Annotated[
    Cursor,
    PlainValidator(cursor_of),
    WithJsonSchema({"anyOf": [_MS, *_ISO, {"type": "string", "pattern": r"^\d{1,15}\.\d{1,4}$"}]}),
]
Symbol = Annotated[
    str, Field(pattern=f"^{SYMBOL}$", json_schema_extra={"x-symbol": True}), AfterValidator(typed_symbol)
]
Limit = Annotated[int, Field(ge=1, le=1_000)]


class Page(Asked):
    """Which rows: at most `limit`, the newest ones before `before` and not older than `since`."""

    limit: Limit = Field(100, description="rows at most")
    before: Before | None = Field(None, description="`next_before` of the page before, or a time")
    since: Moment | None = Field(None, description="nothing older; ISO 8601 or UTC ms")

    @property
    def since_ms(self) -> int:
        return self.since or 0

    @property
    def until_ms(self) -> int | None:
        return None if self.before is None else self.before.until_ms

    @property
    def rows(self) -> int:
        """How many rows have to be read, so that `cut` knows whether more follow."""
        return self.limit + 1 + (self.before.skip if self.before else 0)

    def cut(self, newest_first: Sequence[Row], ms_of: Callable[[Row], int]) -> tuple[list[Row], str | None]:
        """Return this page of the rows that were read, and the cursor of the next; None: there is none."""
        before = self.before or Cursor(ms=-1)
        tied = sum(ms_of(row) == before.ms for row in newest_first) if before.skip else 0
        rows = newest_first[min(before.skip, tied) :]
        given = list(rows[: self.limit])
        if len(rows) <= self.limit:
            return given, None
        ms = ms_of(given[-1])
        skip = sum(ms_of(row) == ms for row in given) + (before.skip if before.ms == ms else 0)
        return given, f"{ms}.{skip}"


class MarketPage(Page):
    """A page of one market or of all."""

    symbol: Symbol | None = Field(None, description="one market; all by default")
