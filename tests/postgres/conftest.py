"""A throwaway PostgreSQL server, where Debian's package is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine as Database
from sqlalchemy import make_url, text

from storage.ledger.database import connect, migrate

USER = "postgres"


def programs() -> Path:
    """Return the folder of the newest installed server's programs; skips where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        pytest.skip("no PostgreSQL server at /usr/lib/postgresql; apt-get install postgresql brings one")
    return found[-1].parent


def command(folder: Path, *words: str) -> list[str]:
    """Return a server command line; initdb and postgres refuse to be root, so root becomes `postgres`."""
    if os.geteuid():
        return list(words)
    as_user = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "env", f"HOME={folder}"]
    return [*as_user, *words]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a running server, `postgresql+psycopg://sigma@127.0.0.1:PORT/postgres`."""
    bin_folder = programs()
    if not os.geteuid() and (shutil.which("setpriv") is None or USER not in {row.pw_name for row in pwd.getpwall()}):
        pytest.skip("running as root without setpriv or a postgres user; PostgreSQL refuses to run as root")
    folder = Path(tempfile.mkdtemp(prefix="sigma-postgres-", dir="/tmp"))
    if not os.geteuid():
        shutil.chown(folder, USER)
    cluster, port = folder / "cluster", free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    create = [str(bin_folder / "initdb"), "-D", str(cluster), "-U", "sigma", "--auth=trust", "-E", "UTF8"]
    control = [str(bin_folder / "pg_ctl"), "-D", str(cluster), "-w"]
    begin = [*control, "-l", str(folder / "log"), "-o", options, "start"]
    try:
        for words in ([*create, "--locale=C.UTF-8", "--no-sync"], begin):
            subprocess.run(command(folder, *words), check=True, stdout=subprocess.DEVNULL, timeout=60, cwd="/")
        yield f"postgresql+psycopg://sigma@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run(
            command(folder, *control, "-m", "immediate", "stop"), stdout=subprocess.DEVNULL, check=False, cwd="/"
        )
        shutil.rmtree(folder, ignore_errors=True)


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
