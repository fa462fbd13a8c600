"""PostgreSQL timeouts: to connect, to answer, to work, and how dead connections are found out.

A server that is frozen, or a firewall that swallows its bytes, looks like one that thinks. libpq would wait for ever;
here a connection that stays silent is closed, and the caller is told so, tries again later and can be stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

MIGRATION_LOCK: Final = 0x5167_6D61_4D69_6772  # "SigmaMigr": one number for every program on a database
KEEPALIVE_PROBES: Final = 3
READ_ONLY: Final = "25006"  # read_only_sql_transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What one program may ask of a server, and how long it waits.

    Attributes:
        connect_s: for a connection; psycopg waits 2 s at least.
        answer_s: that a connection may stay silent while we wait for it; found out here, whatever the server does.
        statement_s: that the server works on one statement before it gives up; 0: as the server is configured.
        keepalive_s: of silence on an idle connection before TCP asks whether the other end is there.
        pool_size: connections kept open.
        pool_overflow: beyond those, for a moment.
        application_name: by which the server's own lists (`pg_stat_activity`) show this program.
        pooled: a pooler in transaction mode stands between: nothing is left behind in a session.
    """

    connect_s: float = 3.0
    answer_s: float = 6.0
    statement_s: float = 60.0
    keepalive_s: float = 10.0
    pool_size: int = 3
    pool_overflow: int = 5
    application_name: str = "sigma"
    pooled: bool = False

    def libpq(self) -> dict[str, Any]:
        """Return them as libpq's connection parameters."""
        prepared = {"prepare_threshold": None} if self.pooled else {}
        return prepared | {
            "connect_timeout": max(2, round(self.connect_s)),
            "keepalives": 1,
            "keepalives_idle": max(1, round(self.keepalive_s)),
            "keepalives_interval": max(1, round(self.keepalive_s / KEEPALIVE_PROBES)),
            "keepalives_count": KEEPALIVE_PROBES,
            "tcp_user_timeout": round(self.answer_s * 1000),
            "application_name": self.application_name,
        }


def server_engine(address: URL, limits: ServerLimits) -> Engine:
    """Return a PostgreSQL engine whose connections keep the limits."""
    from storage.ledger.patient_connection import Connector  # loads the driver

    engine = create_engine(
        address,
        connect_args=limits.libpq(),
        pool_pre_ping=True,
        pool_size=limits.pool_size,
        max_overflow=limits.pool_overflow,
        pool_timeout=limits.connect_s + limits.answer_s,
    )

    connector = Connector(patience_s=limits.answer_s, pause_s=limits.connect_s)
    engine.update_execution_options(connector=connector)

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: tuple[Any, ...], parameters: dict[str, Any]) -> Any:
        return connector(*arguments, **parameters)

    _forget_read_only_sessions(engine)
    if limits.statement_s:
        _limit_statements(engine, round(limits.statement_s * 1000), pooled=limits.pooled)
    return engine


def _forget_read_only_sessions(engine: Engine) -> None:
    """Close sessions that were refused a write: one that began while its database was read-only stays so."""

    @event.listens_for(engine, "handle_error")
    def on_error(context: Any) -> None:
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
            context.is_disconnect = True


def _limit_statements(engine: Engine, limit_ms: int, *, pooled: bool) -> None:
    """Let the server give statements up: by a SET, for poolers refuse start-up options."""
    if pooled:  # a session is another one after every transaction

        @event.listens_for(engine, "begin")
        def on_begin(connection: Connection) -> None:
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {limit_ms}")

        return

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.execute(f"SET statement_timeout = {limit_ms}")
        connection.commit()


def hurry(engine: Engine) -> None:
    """Wait for a silent server no longer than a moment from here on: the program is to end."""
    connector: Any = engine.get_execution_options().get("connector")
    if connector is not None:
        connector.hurry()


@contextmanager
def unhurried(connection: Connection) -> Iterator[None]:
    """Let the statements of the open transaction take as long as they need: migrations, backups, restores."""
    if connection.dialect.name != "postgresql":
        yield
        return
    found: Any = connection.connection.driver_connection
    kept, found.patience_s = found.patience_s, None
    try:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        yield
    finally:
        found.patience_s = kept


def wait_for_migrations(connection: Connection) -> None:
    """Hold the right to migrate until the open transaction ends; daemons that start together take their turns."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
