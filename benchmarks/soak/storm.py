"""Runs the daemon for a while against an exchange that misbehaves, kills it now and then, and looks at what is left.

Everything lies in a temporary folder. The exchange is a process of its own and holds its clock while the bot is down,
so the ledger must verify whatever happened.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.soak.rows import Row, Soaking
from storage.config.market import SHIPPED
from strategies.errors import SigmaError

ROOT: Final = Path(__file__).parents[2]
FAULTS: Final = ("drop:p=0.001", "duplicate:p=0.001", "reorder:p=0.001", "close:p=0.0005", "garbage:p=0.0005")
SAMPLE_S: Final = 2.0
START_TIMEOUT_S: Final = 300.0
STOP_TIMEOUT_S: Final = 30.0
STOP_GOAL_S: Final = 10.0
KILL_EVERY_S: Final = 45.0
MOST_STARTS_S: Final = 60.0  # a daemon needs so long to come up on a busy machine
SPEED: Final = "3600"


def run(soaking: Soaking) -> Iterator[Row]:
    """Run exchange and daemon, kill the daemon at random times, and look at the ledger."""
    rng = soaking.rng("storm")
    seconds = max(MOST_STARTS_S, soaking.seconds - STOP_TIMEOUT_S)
    kills = max(1, round(seconds / KILL_EVERY_S))
    kill_at = sorted(rng.uniform(0.1, 0.9) * seconds for _ in range(kills))
    started = time.perf_counter()
    with exchange(soaking.folder, SPEED, soaking.seed, "--symbols", ",".join(SHIPPED)) as url:
        daemon = start_daemon(soaking.folder, url)
        while (elapsed_s := time.perf_counter() - started) < seconds:
            if kill_at and elapsed_s >= kill_at[0]:
                kill_at.pop(0)
                daemon.send_signal(signal.SIGKILL)
                daemon.wait()
                daemon = start_daemon(soaking.folder, url)
            if daemon.poll() is not None:
                raise SigmaError(f"the daemon ended by itself with code {daemon.returncode}")
            time.sleep(SAMPLE_S)
        stopping = time.perf_counter()
        daemon.send_signal(signal.SIGTERM)
        code = daemon.wait(STOP_TIMEOUT_S)
        stop_s = time.perf_counter() - stopping
    ledger = json.loads(sigma(soaking.folder, "ledger", "verify", "--json"))
    lost = len(ledger["differences"]) + (code != 0) + (stop_s > STOP_GOAL_S) + (not ledger["minutes"])
    yield Row(
        part="storm",
        what="kill -9 of a daemon under five faults",
        tried=kills,
        lost=lost,
        seconds=time.perf_counter() - started,
        note=f"{ledger['minutes']:,} minutes verified, stopped in {stop_s:.1f} s with code {code}",
    )


@contextmanager
def exchange(folder: Path, speed: str, seed: int, *more: str, is_faulty: bool = True) -> Iterator[str]:
    """Run the built-in exchange with faults; yields its address."""
    faults = [word for fault in FAULTS if is_faulty for word in ("--fault", fault)]
    arguments = [
        "exchange",
        "--port",
        "0",
        "--speed",
        speed,
        "--hold",
        "--seed",
        str(seed),
        "--edge",
        "0.06",
        *faults,
        *more,
    ]
    process = subprocess.Popen(
        command(*arguments, "--json"), cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)


def start_daemon(folder: Path, url: str, **settings: str) -> subprocess.Popen[str]:
    """Start `sigma run` on the exchange and wait for its dashboard."""
    more = {"SIGMA_EXCHANGE__URL": url, "SIGMA_WEB__PORT": "0", "SIGMA_LOGS__LEVEL": "warning", **settings}
    log = (folder / "stdout.txt").open("a+", encoding="utf-8")
    begin = log.tell()
    daemon = subprocess.Popen(command("run"), cwd=folder, env={**environment(), **more}, stdout=log, text=True)
    deadline = time.perf_counter() + START_TIMEOUT_S
    while time.perf_counter() < deadline and daemon.poll() is None:
        if "dashboard" in (folder / "stdout.txt").read_text(encoding="utf-8")[begin:]:
            return daemon
        time.sleep(0.1)
    if daemon.poll() is not None:
        raise SigmaError(f"the daemon ended at its start with code {daemon.returncode}; it said why above")
    daemon.kill()
    raise SigmaError(f"the daemon did not start within {START_TIMEOUT_S:.0f} s")


def sigma(folder: Path, *arguments: str) -> str:
    """Return what a command prints on stdout."""
    answer = subprocess.run(command(*arguments), cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True)
    return answer.stdout


def command(*arguments: str) -> list[str]:
    """Return the argument vector of `sigma ARGUMENTS…` with this interpreter."""
    return [sys.executable, "-m", "bot.cli", *arguments]


def environment() -> dict[str, Any]:
    """Return our environment, with this checkout on the path."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
