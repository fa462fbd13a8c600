"""A recorded market traded by the real daemon: `sigma exchange` and `sigma run` as processes, killed at will.

Used by the parity benchmark and by the scenario tests. Everything lies in one folder; nothing is mocked.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine as Database

from storage.ledger import accounts
from storage.ledger.database import connect
from storage.ledger.queries import Ledger
from strategies.errors import SigmaError, StorageFailed

POLL_S = 0.2
START_TIMEOUT_S = 120.0


@dataclass(slots=True, kw_only=True)
class LiveReplay:
    """One exchange process and one daemon process at a time, in `folder`.

    Attributes:
        candles: folder of SYMBOL_1m_futures.parquet and SYMBOL_1h_futures.parquet.
        funding: folder of SYMBOL_funding_futures.parquet, or None.
        speed: of the exchange; "max": as fast as minutes are processed.
        environment: more `SIGMA_…` settings of the daemon.
        arguments: more of `sigma exchange`.
    """

    folder: Path
    candles: Path
    funding: Path | None
    symbols: Sequence[str]
    start: str
    end: str
    speed: str = "max"
    environment: dict[str, str] = field(default_factory=dict)
    arguments: Sequence[str] = ()
    url: str = ""
    _exchange: subprocess.Popen[str] | None = None
    _daemon: subprocess.Popen[bytes] | None = None

    def start_exchange(self) -> None:
        """Start the replay; it waits while nobody listens."""
        arguments = ["--candles", str(self.candles), "--symbols", ",".join(self.symbols), "--since", self.start]
        arguments += [
            "--until",
            self.end,
            "--speed",
            self.speed,
            "--port",
            "0",
            "--state",
            str(self.folder / "exchange"),
        ]
        if self.funding is not None:
            arguments += ["--funding", str(self.funding)]
        self._exchange = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "exchange", *arguments, *self.arguments, "--json"],
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment(),
        )
        assert self._exchange.stdout is not None
        line = self._exchange.stdout.readline()
        if not line:
            raise SigmaError(f"the exchange did not start; it ended with {self._exchange.wait()}")
        self.url = str(json.loads(line)["url"])

    def start_daemon(self) -> None:
        """Start `sigma run` against the exchange; its output goes to run.log."""
        with (self.folder / "run.log").open("a") as log:
            self._daemon = subprocess.Popen(
                [sys.executable, "-m", "bot.cli", "run", "--new-account"],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environment() | {"SIGMA_EXCHANGE__URL": self.url},
            )

    def kill_daemon(self) -> None:
        """kill -9, at this instant."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
            self._daemon = None

    def stop_daemon(self, timeout_s: float = 20.0) -> int:
        """SIGTERM; return the exit code."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGTERM)
        code = self._daemon.wait(timeout_s)
        self._daemon = None
        return code

    def stop(self) -> None:
        """End whatever still runs."""
        self.kill_daemon()
        if self._exchange is not None:
            self._exchange.terminate()
            self._exchange.wait(20)
            self._exchange = None

    def database(self) -> Database:
        """Return the daemon's database, for reading."""
        return connect(self._environment()["SIGMA_DATABASE__URL"])

    def ledger(self) -> Ledger:
        """Return the ledger of the account.

        Raises:
            SigmaError: the account was never opened.
        """
        database = self.database()
        account = accounts.find(database, "builtin", "main")
        if account is None:
            raise SigmaError("the daemon opened no account; see run.log")
        return Ledger(database, account)

    def last_minute_ms(self) -> int:
        """Return the newest minute in the ledger; -1 while there is none."""
        try:
            return self.ledger().stopped().minute_ms
        except (StorageFailed, SigmaError):
            return -1

    def wait_for(
        self, minute_ms: int, *, on_minute: Callable[[int], None] = lambda _: None, timeout_s: float = 7_200.0
    ) -> None:
        """Wait until the ledger holds `minute_ms`.

        Raises:
            SigmaError: the daemon ended, or nothing moved for `START_TIMEOUT_S`.
        """
        begun = moved = time.monotonic()
        newest = -1
        while newest < minute_ms:
            time.sleep(POLL_S)
            now_ms = self.last_minute_ms()
            if now_ms > newest:
                newest, moved = now_ms, time.monotonic()
                on_minute(newest)
            if self._daemon is not None and self._daemon.poll() is not None:
                raise SigmaError(f"the daemon ended with {self._daemon.returncode}; see {self.folder / 'run.log'}")
            if time.monotonic() - moved > START_TIMEOUT_S or time.monotonic() - begun > timeout_s:
                raise SigmaError(f"the ledger is at minute {newest}, {minute_ms} was waited for")

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGMA_")}
        given = {
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "SIGMA_EXCHANGE__NAME": "builtin",
            "SIGMA_EXCHANGE__SYMBOLS": ",".join(self.symbols),
            "SIGMA_DATABASE__URL": f"sqlite:///{self.folder / 'ledger.db'}",
            "SIGMA_PATHS__STATE": str(self.folder / "state"),
            "SIGMA_PATHS__MODELS": str(self.folder / "models"),
            "SIGMA_PATHS__RUNS": str(self.folder / "runs"),
            "SIGMA_DATA__DIRECTORY": str(self.folder / "data"),
            "SIGMA_LOGS__DIRECTORY": str(self.folder / "logs"),
            "SIGMA_WEB__PORT": "0",
            "SIGMA_SCHEDULE__RETRAIN": "false",
        }
        return kept | given | self.environment
