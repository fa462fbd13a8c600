"""Where a study is kept: a SQLite file of its own, or a schema of its own in a PostgreSQL that many tuners share.

Optuna names the table of its schema's version as the ledger does, so that both can lie in one database only apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from storage.config.training import TrainingSettings
from storage.lazy import lazily
from strategies.errors import StorageFailed

with lazily():
    from optuna.storages import RDBStorage

HEARTBEAT_S: Final = 60  # of a tuner that shares its study; its trials count as failed after twice as long
SCHEMA: Final = "sigma_studies"
LOCK: Final = 0x5369_676D_6153_7475  # "SigmaStu": one tuner makes the tables, those that start with it wait
_BUSY_S: Final = 60.0  # that a reader of a study's file may hold it


def study_storage(settings: TrainingSettings, folder: Path) -> Any:
    """Return Optuna's storage of `[training] studies`, or of a file in the folder.

    Raises:
        StorageFailed: the database cannot be reached, or may not be written.
    """
    if not settings.studies:
        return RDBStorage(f"sqlite:///{folder / 'study.db'}", engine_kwargs={"connect_args": {"timeout": _BUSY_S}})
    address = make_url(settings.studies)
    if settings.studies_password:
        address = address.set(password=settings.studies_password.reveal())
    inside = address.update_query_dict({"options": f"-csearch_path={SCHEMA}"})
    with _alone(address):
        return RDBStorage(
            inside.render_as_string(hide_password=False),
            engine_kwargs={"pool_pre_ping": True},
            heartbeat_interval=HEARTBEAT_S,
        )


@contextmanager
def _alone(address: URL) -> Iterator[None]:
    """Make the schema, and hold the right to make its tables."""
    engine = create_engine(address)
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            yield
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
    except SQLAlchemyError as error:
        where = address.render_as_string()
        raise StorageFailed(f"[training] studies: {where} cannot be used: {str(error).splitlines()[0]}") from error
    finally:
        engine.dispose()
