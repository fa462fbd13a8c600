"""A throwaway PostgreSQL server that can be stopped and frozen, and a proxy that loses answers or refuses."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from strategies.errors import SigmaError

USER: Final = "postgres"
CHUNK: Final = 65_536


class Server:
    """A server of its own, in a folder of its own."""

    def __enter__(self) -> Self:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
        if not found:
            raise SigmaError("no PostgreSQL server at /usr/lib/postgresql; apt-get install postgresql brings one")
        self._programs = found[-1].parent
        self._folder = Path(tempfile.mkdtemp(prefix="sigma-chaos-", dir="/tmp"))
        if not os.geteuid():
            shutil.chown(self._folder, USER)
        self.port = free_port()
        create = ["initdb", "-D", f"{self._folder}/cluster", "-U", "sigma", "--auth=trust", "-E", "UTF8", "--no-sync"]
        self._run(*create, "--locale=C.UTF-8")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.thaw()
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start it."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder}"
        control = ["pg_ctl", "-D", f"{self._folder}/cluster", "-w", "-l", f"{self._folder}/log"]
        self._run(*control, "-o", options, "start")

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        self._run("pg_ctl", "-D", f"{self._folder}/cluster", "-m", "immediate", "stop", check=False)

    def freeze(self) -> None:
        """Hold every process of it."""
        for process in self._processes():
            process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        for process in self._processes():
            process.send_signal(signal.SIGCONT)

    def _processes(self) -> list[psutil.Process]:
        try:
            master = psutil.Process(int((self._folder / "cluster" / "postmaster.pid").read_text().split()[0]))
            return [master, *master.children(recursive=True)]
        except (OSError, psutil.Error):
            return []

    def _run(self, program: str, *words: str, check: bool = True) -> None:
        line = [str(self._programs / program), *words]
        if not os.geteuid():
            line = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "env", "HOME=/tmp", *line]
        subprocess.run(line, check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, cwd="/")


class Proxy:
    """Stands before a server on a port of its own; a thread of its own carries the bytes."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self.port = free_port()
        self._loses = self._refuses = False
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def lose_answers(self) -> None:
        """Carry what is asked to the server, and nothing back; connections are cut after a moment."""
        self._loses = True
        self._loop.call_soon_threadsafe(lambda: self._loop.call_later(1.0, self._cut))

    def refuse(self) -> None:
        """Cut every connection and take no new one, as while another server takes over."""
        self._refuses = True
        self._loop.call_soon_threadsafe(self._cut)

    def heal(self) -> None:
        """Carry everything again."""
        self._loses = self._refuses = False

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._on_client, "127.0.0.1", self.port)

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.close()
            return
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.close()
            return
        self._open |= {writer, to_server}
        await asyncio.gather(
            self._carry(reader, to_server, answers=False), self._carry(from_server, writer, answers=True)
        )
        self._open -= {writer, to_server}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        try:
            while part := await reader.read(CHUNK):
                if not (answers and self._loses):
                    writer.write(part)
                    await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    def _cut(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])
