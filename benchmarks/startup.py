"""How long `sigma run` takes until it is ready, with a state to recover, and how much memory it holds then.

A first daemon makes the state: the built-in exchange at a brisk speed, a small bundle of every family in production.
Then daemons are started and stopped on it; each is timed from the start of its process to the first 200 of `/readyz`:
feed unbroken and fresh, ledger writable, bundle loaded. numba's cache is warm, as it is after an installation.

Beyond ten markets the exchange is a process of its own, so that the daemon's memory is its own, too; a cold start there
has no state, fetches every market's history, and meets Binance's limit of request weight (2,400 a minute).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final

import numpy as np
import psutil

from benchmarks.figures import Figure, parser, show
from benchmarks.hour_close import small_bundle
from bot.simulator.market.instruments import some_symbols
from storage.models.registry import BY_COMMAND_LINE, Registry
from strategies.errors import SigmaError

PATIENCE_S: Final = 400.0
ALONE: Final = 10  # markets up to which the exchange lives in the daemon
EXCHANGE_SPEED: Final = 10.0  # a cold start of minutes is then half an hour of market that it has to make up
BINANCE_WEIGHTS: Final = 2_400  # a minute
GOALS: Final = {3: ("<= 4", "", "<= 450"), 200: ("<= 8", "<= 120", "<= 700"), 500: ("", "", "<= 1200")}
POLL_S: Final = 0.02
SLOW_POLL_S: Final = 0.25  # later on: the page answers ten requests a second
BRISK_S: Final = 8.0
SETTLING_S: Final = 3.0  # of real time after it is ready, before its memory is read


class Installation:
    """A folder that daemons are run in, one at a time."""

    def __init__(self, folder: Path, markets: int) -> None:
        self.folder = folder
        self.symbols = some_symbols(markets)
        self.url = ""
        folder.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._daemon: subprocess.Popen[bytes] | None = None
        self._exchange: subprocess.Popen[str] | None = None

    def start_exchange(self, speed: float, weights: int) -> None:
        """Start an exchange of its own for the daemons to come."""
        given = ["--symbols", str(len(self.symbols)), "--speed", f"{speed:g}", "--hold", "--port", "0"]
        given += ["--weights", str(weights), "--state", str(self.folder / "exchange"), "--reset-clock"]
        self._exchange = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "exchange", *given, "--json"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self._environment(speed),
        )
        assert self._exchange.stdout is not None
        self.url = str(json.loads(self._exchange.stdout.readline())["url"])

    def stop_exchange(self) -> None:
        """End it."""
        if self._exchange is not None:
            self._exchange.terminate()
            self._exchange.wait(20)
            self._exchange, self.url = None, ""

    def start(self, speed: float, *given: str) -> float:
        """Start `sigma run` with these options; return the seconds until it is ready.

        Raises:
            SigmaError: it ended, or was not ready within `PATIENCE_S`.
        """
        begun = time.perf_counter()
        with (self.folder / "run.log").open("a") as log:
            self._daemon = subprocess.Popen(
                [sys.executable, "-m", "bot.cli", "run", *given],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environment(speed),
            )
        while not self._is_ready():
            if self._daemon.poll() is not None or time.perf_counter() - begun > PATIENCE_S:
                raise SigmaError(f"the daemon did not become ready: {(self.folder / 'run.log').read_text()[-500:]}")
            time.sleep(POLL_S if time.perf_counter() - begun < BRISK_S else SLOW_POLL_S)
        return time.perf_counter() - begun

    def resident_mb(self) -> float:
        """Return the resident memory of the daemon, MB (1e6 bytes)."""
        assert self._daemon is not None
        return float(psutil.Process(self._daemon.pid).memory_info().rss / 1e6)

    def connections(self) -> int:
        """Return how many TCP connections the daemon has opened: to the exchange, to a database."""
        assert self._daemon is not None
        found = psutil.Process(self._daemon.pid).net_connections("tcp")
        return sum(each.status == psutil.CONN_ESTABLISHED and each.laddr.port != self.port for each in found)

    def stop(self) -> None:
        """Stop the daemon in order; kill one that does not."""
        if self._daemon is None:
            return
        self._daemon.send_signal(signal.SIGTERM)
        try:
            self._daemon.wait(20)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()
        self._daemon = None

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _environment(self, speed: float) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGMA_")}
        given = {
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "SIGMA_WEB__PORT": str(self.port),
            "SIGMA_EXCHANGE__SPEED": f"{speed:g}",
            "SIGMA_EXCHANGE__SYMBOLS": ",".join(self.symbols),
            "SIGMA_EXCHANGE__URL": self.url,
            "SIGMA_SCHEDULE__RETRAIN": "false",
            "SIGMA_SCHEDULE__RETRAIN_ON_DRIFT": "false",
        }
        return kept | given


def main() -> None:
    """Run the benchmark."""
    arguments = parser("startup", __doc__ or "")
    arguments.add_argument("--markets", type=int, nargs="+", default=[3, 200], help="numbers of markets")
    arguments.add_argument("--starts", type=int, default=3, help="how often it is started on the state")
    arguments.add_argument("--state-s", type=float, default=20.0, help="seconds in which the state is made")
    options = arguments.parse_args()
    trained = small_bundle("builtin")
    figures: list[Figure] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="startup-") as name:
        for count in options.markets:
            installation = Installation(Path(name) / str(count), count)
            registry = Registry(installation.folder / "models")
            registry.promote("builtin", registry.add_files(trained.files), f"benchmark {BY_COMMAND_LINE}")
            try:
                cold_s = first_start(installation, options.state_s)
                figures += figures_of(count, cold_s, *measured(installation, options.starts))
            except SigmaError as error:
                failed.append(f"{count} markets: {error}")
            finally:
                installation.stop()
                installation.stop_exchange()
    show("startup", figures, as_json=options.json)
    if failed:
        raise SystemExit("\n".join(failed))


def first_start(installation: Installation, state_s: float) -> float:
    """Start without a state, let it trade, stop; return the seconds until it was ready."""
    if len(installation.symbols) > ALONE:
        installation.start_exchange(EXCHANGE_SPEED, BINANCE_WEIGHTS)
    cold_s = installation.start(7200.0, "--new-account")  # a bundle is in production already, which asks for one
    time.sleep(state_s)
    installation.stop()
    return cold_s


def figures_of(count: int, cold_s: float, ready_s: list[float], rss_mb: list[float]) -> list[Figure]:
    """Return the figures of so many markets."""
    warm_goal, cold_goal, memory_goal = GOALS.get(count, ("", "", ""))
    return [
        Figure(name=f"cold_ready_s_{count}", value=round(cold_s, 2), unit="s", goal=cold_goal),
        Figure(name=f"ready_s_{count}", value=round(float(np.median(ready_s)), 2), unit="s", goal=warm_goal),
        Figure(name=f"slowest_ready_s_{count}", value=round(max(ready_s), 2), unit="s"),
        Figure(name=f"rss_mb_{count}", value=round(max(rss_mb), 1), unit="MB", goal=memory_goal),
    ]


def measured(installation: Installation, starts: int) -> tuple[list[float], list[float]]:
    """Return the seconds until ready and the resident memory of every start."""
    ready_s, rss_mb = [], []
    for _ in range(starts):
        ready_s.append(installation.start(speed=600.0))
        time.sleep(SETTLING_S)
        rss_mb.append(installation.resident_mb())
        installation.stop()
    return ready_s, rss_mb


if __name__ == "__main__":
    main()
