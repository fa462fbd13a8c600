"""Two accounts in one daemon: one connection to the exchange, a ledger, commands and a bundle each."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.builders import ROOT
from tests.postgres.cluster import free_port

PATIENCE_S = 120
TOKEN = "t" * 40
CONFIG = """
[exchange]
symbols = ["BTCUSDT", "ETHUSDT"]
speed = 1800.0
[simulator]
history_days = 160
[schedule]
retrain = false
[accounts.second]
symbols = ["ETHUSDT", "XRPUSDT", "SOLUSDT"]
risk.account_volatility = 0.05
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A running daemon of two accounts."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    def ask(self, path: str, document: dict[str, Any] | None = None) -> Any:
        """Return the answer to a question, or to a command where there is a document."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read().decode()
            return json.loads(text) if answer.headers["Content-Type"].startswith("application/json") else text

    def minutes(self) -> list[int]:
        """Return the last minute of both accounts."""
        found = [int(part["minute_ms"] or 0) for part in self.ask("/api/accounts")["accounts"]]
        return found if len(found) == 2 else [0]

    def sigma(self, account: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command that means one of the accounts."""
        env = environment(self.port) | {"SIGMA_ACCOUNT__NAME": account}
        line = [sys.executable, "-m", "bot.cli", *words]
        return subprocess.run(line, cwd=self.folder, env=env, capture_output=True, text=True, timeout=200)


def environment(port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGMA_")}
    return kept | {"PYTHONPATH": str(ROOT), "SIGMA_WEB__PORT": str(port), "SIGMA_WEB__TOKEN": TOKEN}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder, port = tmp_path_factory.mktemp("accounts"), free_port()
    (folder / "config.toml").write_text(CONFIG)
    with (folder / "run.log").open("wb") as log:
        line = [sys.executable, "-m", "bot.cli", "run"]
        process = subprocess.Popen(line, cwd=folder, env=environment(port), stdout=log, stderr=log)
    running = Daemon(folder=folder, port=port, process=process)
    try:
        until(lambda: all(running.minutes()), running)
        yield running
    finally:
        process.kill()
        process.wait(20)


def until(holds: Callable[[], object], running: Daemon) -> None:
    """Wait for something; a daemon that ends says why."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        assert running.process.poll() is None, (running.folder / "run.log").read_text()
        try:
            if holds():
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError((running.folder / "run.log").read_text())


def test_both_trade_their_own_markets_over_one_connection(daemon: Daemon) -> None:
    first, second = daemon.ask("/api/accounts")["accounts"]
    assert (first["name"], first["path"], first["markets"]) == ("main", "", 2)
    assert (second["name"], second["path"], second["markets"]) == ("second", "/accounts/second", 3)

    def markets() -> set[str]:
        return {market["symbol"] for market in daemon.ask("/accounts/second/api/status")["markets"]}

    until(markets, daemon)  # they are shown with the first minute
    assert markets() == {"ETHUSDT", "XRPUSDT", "SOLUSDT"}
    metrics = daemon.ask("/metrics")
    assert re.search(r"^sigma_feed_sockets 1\.0$", metrics, re.MULTILINE)
    assert 'sigma_equity_quote{account="second"}' in metrics


def test_a_command_means_one_account(daemon: Daemon) -> None:
    daemon.ask("/accounts/second/api/pause", {})
    assert daemon.ask("/accounts/second/api/status")["paused"]
    assert not daemon.ask("/api/status")["paused"]
    assert json.loads(daemon.sigma("second", "status", "--json").stdout)["account"] == "second"


def test_after_an_orderly_end_both_ledgers_are_what_their_tapes_give(daemon: Daemon) -> None:
    before = daemon.minutes()
    until(lambda: all(now > then for now, then in zip(daemon.minutes(), before, strict=True)), daemon)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(30) == 0, (daemon.folder / "run.log").read_text()
    for account in ("main", "second"):
        verified = daemon.sigma(account, "ledger", "verify")
        assert verified.returncode == 0, verified.stderr
        assert "identical" in verified.stdout
