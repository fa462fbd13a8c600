"""A throwaway PostgreSQL server, where Debian's package is installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import make_url, text

from storage.ledger.database import connect, migrate
from tests.postgres import cluster


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a running server, `postgresql+psycopg://sigma@127.0.0.1:PORT/postgres`."""
    try:
        cluster.programs()
    except cluster.NotHere as missing:
        pytest.skip(str(missing))
    with cluster.running() as made:
        yield made.url


@pytest.fixture
def postgres(server: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A migrated database of the test's own."""
    name = f"test_{abs(hash(request.node.nodeid)):x}"
    maintenance = connect(server)
    with maintenance.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(f"CREATE DATABASE {name}"))
    database = connect(make_url(server).set(database=name).render_as_string())
    migrate(database)
    yield database
    database.dispose()
    maintenance.dispose()
