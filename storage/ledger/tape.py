"""The tape: account minutes as rows, and rows as account minutes again.

What went in, to the bit. The codec is the only place that knows the byte layout of a row. Old days lie in parquet
(`storage/ledger/compaction.py`); who reads rows does not notice.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import numpy as np
import orjson
from sqlalchemy import Connection, select

from storage.ledger.archive import Archive, archived_rows, fault_of, next_archive
from storage.ledger.tables import tape
from strategies.kernel.state import NO_RATE
from strategies.minute import AccountMinute, Command, LateBar

PAGE_ROWS = 5_000


def encode(minute: AccountMinute) -> dict[str, Any]:
    """Return the columns of the tape row that hold what the feed and people put in."""
    settles = bool((minute.funding_e8 != NO_RATE).any())
    unready = minute.not_ready is not None and bool(minute.not_ready.any())
    return {
        "minute_ms": minute.open_ms,
        "bars": np.ascontiguousarray(minute.bars, "<i8").tobytes(),
        "present": minute.present.astype(np.uint8).tobytes(),
        "funding": np.ascontiguousarray(minute.funding_e8, "<i8").tobytes() if settles else None,
        "not_ready": minute.not_ready.astype(np.uint8).tobytes() if unready and minute.not_ready is not None else None,
        "late_bars": orjson.dumps([_late_bar(bar) for bar in minute.late_bars]).decode() if minute.late_bars else None,
        "late": minute.late,
        "commands": orjson.dumps([command.document() for command in minute.commands]).decode()
        if minute.commands
        else None,
    }


def decode(row: Mapping[str, Any]) -> AccountMinute:
    """Return the account minute of a tape row; the inverse of `encode`."""
    present = np.frombuffer(row["present"], np.uint8).astype(bool)
    markets = len(present)
    funding = row["funding"]
    unready = row["not_ready"]
    return AccountMinute(
        open_ms=row["minute_ms"],
        bars=np.frombuffer(row["bars"], "<i8").reshape(markets, 5).astype(np.int64),
        present=present,
        funding_e8=np.full(markets, NO_RATE, np.int64)
        if funding is None
        else np.frombuffer(funding, "<i8").astype(np.int64),
        late_bars=tuple(_bar_of(item) for item in orjson.loads(row["late_bars"])) if row["late_bars"] else (),
        late=bool(row["late"]),
        not_ready=None if unready is None else np.frombuffer(unready, np.uint8).astype(bool),
        commands=tuple(Command.of_document(item) for item in orjson.loads(row["commands"])) if row["commands"] else (),
    )


def rows(
    connection: Connection,
    account_id: int,
    after_ms: int = -1,
    until_ms: int | None = None,
    on_lost: Callable[[Archive, str], None] | None = None,
) -> Iterator[Mapping[str, Any]]:
    """Yield the tape rows of an account with after_ms < minute_ms <= until_ms, ascending, page by page.

    The database is asked before the archive: a day that is moved in between is found in both, and read from one.

    Args:
        connection: of the ledger.
        account_id: whose tape.
        after_ms: minutes up to this one are left out.
        until_ms: minutes after this one are left out; None: none.
        on_lost: told of an archived day whose file is gone or torn, and why; the rows go on after it.

    Raises:
        StorageFailed: such a day was met and `on_lost` is None.
    """
    while True:
        page = _page(connection, account_id, after_ms, until_ms)
        archive = next_archive(connection, account_id, after_ms, until_ms)
        if archive is not None and (not page or archive.first_ms <= page[0]["minute_ms"]):
            fault = fault_of(connection.engine, archive) if on_lost else ""
            if on_lost and fault:
                on_lost(archive, fault)
            else:
                yield from archived_rows(connection, archive, after_ms, until_ms)
            after_ms = archive.last_ms
            continue
        border_ms = None if archive is None else archive.first_ms
        chosen = [row for row in page if border_ms is None or row["minute_ms"] < border_ms]
        yield from chosen
        if archive is None and len(page) < PAGE_ROWS:
            return
        after_ms = chosen[-1]["minute_ms"]


def _page(connection: Connection, account_id: int, after_ms: int, until_ms: int | None) -> list[Mapping[str, Any]]:
    query = select(tape).where(tape.c.account_id == account_id, tape.c.minute_ms > after_ms)
    if until_ms is not None:
        query = query.where(tape.c.minute_ms <= until_ms)
    found = connection.execute(query.order_by(tape.c.minute_ms).limit(PAGE_ROWS)).mappings().all()
    return cast(list[Mapping[str, Any]], found)


def _late_bar(bar: LateBar) -> dict[str, Any]:
    packed = base64.b64encode(np.ascontiguousarray(bar.bar, "<i8").tobytes()).decode()
    return {"market": bar.market, "open_ms": bar.open_ms, "bar": packed, "funding_e8": bar.funding_e8}


def _bar_of(item: dict[str, Any]) -> LateBar:
    bar = np.frombuffer(base64.b64decode(item["bar"]), "<i8").astype(np.int64)
    return LateBar(market=item["market"], open_ms=item["open_ms"], bar=bar, funding_e8=item["funding_e8"])
