"""Tables to parquet and back: a file a table, the same for SQLite and PostgreSQL.

The tables are those that are there, not those this program would make: a ledger that has not been migrated yet can be
backed up, and is restored at its own revision before it is brought to the newest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Engine, MetaData, Table, func, inspect, select, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from storage.backup.scope import Scope
from storage.ledger.database import revision_of, translated, upgrade
from storage.ledger.postgres import unhurried
from strategies.errors import StorageFailed

VERSIONS: Final = "alembic_version"
PAGE_ROWS: Final = 5_000
UNUSABLE: Final = (ValueError, TypeError, OverflowError, KeyError, AttributeError, RecursionError)  # of spoilt rows
_TYPES: Final = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string(), bytes: pa.binary()}


@contextmanager
def one_moment(engine: Engine) -> Iterator[Connection]:
    """Open a connection that sees the database as it is now, however long the block takes; writers go on.

    Raises:
        StorageFailed: it cannot be read, or holds no ledger.
    """
    with translated(engine), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # in WAL mode the first read fixes what is seen
        else:
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
            connection.execute(text("SET TRANSACTION READ ONLY"))
        if revision_of(connection) is None:
            where = engine.url.render_as_string()
            raise StorageFailed(f"database {where} holds no ledger yet; start `sigma run` once")
        try:
            with unhurried(connection):
                yield connection
        finally:
            connection.rollback()


def tables_of(connection: Connection) -> list[Table]:
    """Return the tables, each after those it refers to."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != VERSIONS]


def count_rows(connection: Connection, tables: list[Table], scope: Scope) -> dict[str, int]:
    """Return the number of rows by table."""
    counts = {table.name: select(func.count()).select_from(scope.rows_of(table).subquery()) for table in tables}
    return {name: int(connection.execute(query).scalar_one()) for name, query in counts.items()}


def dump(
    connection: Connection,
    table: Table,
    path: Path,
    scope: Scope,
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> int:
    """Write a table's rows to a parquet file and return their number.

    Args:
        connection: of `one_moment`.
        table: which.
        path: the file.
        scope: whose rows.
        change: what becomes of a row on its way out.
    """
    schema = pa.schema([pa.field(column.name, _TYPES[column.type.python_type]) for column in table.columns])
    query = scope.rows_of(table).order_by(*table.primary_key.columns)
    streamed = connection.execution_options(yield_per=PAGE_ROWS).execute(query).mappings()
    count = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for page in streamed.partitions():
            rows = [dict(row) if change is None else change(dict(row)) for row in page]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            count += len(rows)
    return count


def fill(
    connection: Connection,
    revision: str,
    file_of: Callable[[str], Path | None],
    change: Callable[[str, dict[str, Any]], dict[str, Any]],
    done: Callable[[int], None],
) -> dict[str, int]:
    """Make the schema of a revision, fill it, bring it to the newest, and return the rows by table.

    Args:
        connection: a transaction on a database without tables.
        revision: of the backup.
        file_of: the parquet file of a table; None: the backup has none.
        change: what becomes of a table's row on its way in.
        done: told the rows written so far.
    """
    upgrade(connection, revision)
    counts: dict[str, int] = {}
    for table in tables_of(connection):
        path = file_of(table.name)
        counts[table.name] = 0
        for rows in [] if path is None else pages(path):
            counts[table.name] += put(connection, table, rows, change)
            done(sum(counts.values()))
    upgrade(connection)
    if connection.dialect.name == "postgresql":
        _continue_sequences(connection)
    return counts


def put(
    connection: Connection,
    table: Table,
    rows: list[dict[str, Any]],
    change: Callable[[str, dict[str, Any]], dict[str, Any]],
) -> int:
    """Insert rows and return their number.

    Raises:
        StorageFailed: they are no rows of this table.
    """
    try:
        connection.execute(table.insert(), [change(table.name, row) for row in rows])
    except OperationalError:
        raise  # the database's own trouble: a full disk, a lock
    except (SQLAlchemyError, *UNUSABLE) as error:
        raise StorageFailed(f"table {table.name} of the backup is not one of ours: {_short(error)}") from error
    return len(rows)


def pages(path: Path) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of a table's file, some thousands at a time.

    Raises:
        StorageFailed: it cannot be read.
    """
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=PAGE_ROWS):
                yield batch.to_pylist()
    except (pa.ArrowException, OSError, *UNUSABLE) as error:
        raise StorageFailed(f"{path.name} of the backup cannot be read: {_short(error)}") from error


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def _continue_sequences(connection: Connection) -> None:
    """Let PostgreSQL number new rows after those that came with their numbers."""
    for table in tables_of(connection):
        if "id" not in table.columns or table.columns["id"].type.python_type is not int:
            continue
        sequence = connection.execute(
            text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table.name}
        ).scalar_one()
        if sequence is not None:
            newest = f"SELECT setval('{sequence}', GREATEST((SELECT max(id) FROM {table.name}), 1))"
            connection.execute(text(newest))


def has_tables(connection: Connection) -> bool:
    """Whether somebody's ledger, empty or not, is there."""
    return inspect(connection).has_table("account")
