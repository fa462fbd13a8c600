"""How long `sigma run` takes until it is ready, with a state to recover, and how much memory it holds then.

A first daemon makes the state: the built-in exchange at a brisk speed, a small bundle of every family in production.
Then daemons are started and stopped on it; each is timed from the start of its process to the first 200 of `/readyz`:
feed unbroken and fresh, ledger writable, bundle loaded. numba's cache is warm, as it is after an installation.
"""

from __future__ import annotations

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
from storage.models.registry import Registry
from strategies.errors import SigmaError

PATIENCE_S: Final = 240.0
POLL_S: Final = 0.02
SETTLING_S: Final = 3.0  # of real time after it is ready, before its memory is read


class Installation:
    """A folder that daemons are run in, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self, speed: float) -> float:
        """Start `sigma run`; return the seconds until it is ready.

        Raises:
            SigmaError: it ended, or was not ready within `PATIENCE_S`.
        """
        begun = time.perf_counter()
        with (self.folder / "run.log").open("a") as log:
            self._daemon = subprocess.Popen(
                [sys.executable, "-m", "bot.cli", "run"],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environment(speed),
            )
        while not self._is_ready():
            if self._daemon.poll() is not None or time.perf_counter() - begun > PATIENCE_S:
                raise SigmaError(f"the daemon did not become ready: {(self.folder / 'run.log').read_text()[-500:]}")
            time.sleep(POLL_S)
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
            "SIGMA_SCHEDULE__RETRAIN": "false",
            "SIGMA_SCHEDULE__RETRAIN_ON_DRIFT": "false",
        }
        return kept | given


def main() -> None:
    """Run the benchmark."""
    arguments = parser("startup", __doc__ or "")
    arguments.add_argument("--starts", type=int, default=5, help="how often it is started on the state")
    arguments.add_argument("--state-s", type=float, default=20.0, help="seconds in which the state is made")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="startup-") as name:
        installation = Installation(Path(name))
        trained = small_bundle("builtin")
        registry = Registry(installation.folder / "models")
        registry.promote("builtin", registry.add_files(trained.files), "benchmark")
        try:
            installation.start(speed=7200.0)
            time.sleep(options.state_s)
            installation.stop()
            ready_s, rss_mb = measured(installation, options.starts)
        finally:
            installation.stop()
    figures = [
        Figure(name="ready_s", value=round(float(np.median(ready_s)), 2), unit="s"),
        Figure(name="slowest_ready_s", value=round(max(ready_s), 2), unit="s"),
        Figure(name="rss_mb", value=round(max(rss_mb), 1), unit="MB"),
    ]
    show("startup", figures, as_json=options.json)


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
