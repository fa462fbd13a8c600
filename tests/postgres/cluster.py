"""A throwaway PostgreSQL server that can be stopped and started, where Debian's package is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

USER = "postgres"


class NotHere(Exception):
    """No server can be run here; the message says what is missing."""


class Cluster:
    """A server in a folder of its own, on a port that stays the same.

    Attributes:
        url: of its maintenance database, `postgresql+psycopg://sigma@127.0.0.1:PORT/postgres`.
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        self._folder, self._programs, self._port = folder, programs, free_port()
        self.url = f"postgresql+psycopg://sigma@127.0.0.1:{self._port}/postgres"

    def create(self) -> None:
        """Make the cluster's files."""
        words = ["initdb", "-D", str(self._folder / "cluster"), "-U", "sigma", "--auth=trust", "-E", "UTF8"]
        self._run(*words, "--locale=C.UTF-8", "--no-sync")

    def start(self) -> None:
        """Let it serve."""
        options = (
            f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder} -c fsync=off"
        )
        self._control("-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """End it: `immediate` as a crash does, `fast` as an operator does."""
        self._control("-w", "-m", mode, "stop")

    def freeze(self) -> None:
        """Hold the server and all its sessions, as a frozen host would."""
        for process in self._processes():
            os.kill(process, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        for process in self._processes():
            os.kill(process, signal.SIGCONT)

    def _processes(self) -> list[int]:
        first = int((self._folder / "cluster" / "postmaster.pid").read_text().splitlines()[0])
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(first)], capture_output=True, text=True).stdout
        return [first, *map(int, found.split())]

    def _control(self, *words: str) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "cluster"), *words)

    def _run(self, program: str, *words: str) -> None:
        line = command(self._folder, str(self._programs / program), *words)
        subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, cwd="/")


@contextmanager
def running() -> Iterator[Cluster]:
    """Yield a server that serves; its files are gone afterwards.

    Raises:
        NotHere: none can be run.
    """
    bin_folder = programs()
    folder = Path(tempfile.mkdtemp(prefix="sigma-postgres-", dir="/tmp"))
    if not os.geteuid():
        shutil.chown(folder, USER)
    cluster = Cluster(folder, bin_folder)
    try:
        cluster.create()
        cluster.start()
        yield cluster
    finally:
        with suppress(subprocess.CalledProcessError):  # it was stopped already, or never came up
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def programs() -> Path:
    """Return the folder of the newest installed server's programs.

    Raises:
        NotHere: there is none, or it cannot be run by who we are.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        raise NotHere("no PostgreSQL server at /usr/lib/postgresql; apt-get install postgresql brings one")
    if not os.geteuid() and (shutil.which("setpriv") is None or USER not in {row.pw_name for row in pwd.getpwall()}):
        raise NotHere("running as root without setpriv or a postgres user; PostgreSQL refuses to run as root")
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
