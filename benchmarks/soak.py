"""Runs the daemon for a while against an exchange that misbehaves, kills it now and then, and looks at what is left.

Everything lies in a temporary folder. The exchange is a process of its own and holds its clock while the bot is down,
so the ledger must verify whatever happened.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks.figures import Figure, show

ROOT: Final = Path(__file__).parents[1]
FAULTS: Final = ("drop:p=0.001", "duplicate:p=0.001", "reorder:p=0.001", "close:p=0.0005", "garbage:p=0.0005")
SAMPLE_S: Final = 2.0
START_TIMEOUT_S: Final = 120.0
STOP_TIMEOUT_S: Final = 30.0
SETTLED_SHARE: Final = 0.25  # memory growth is counted from here on: caches fill first


def main() -> int:
    """Soak and print; exit code 1 when the ledger does not verify."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__, epilog="Example: make soak")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long, real minutes")
    parser.add_argument("--speed", default="3600", help="of the exchange, market seconds per second, or max")
    parser.add_argument("--kills", type=int, default=3, help="how often the daemon is killed, at random times")
    parser.add_argument("--seed", type=int, default=7, help="of the market, the faults and the kills")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sigma-soak-") as folder:
        figures = soak(Path(folder), options.minutes * 60, options.speed, options.kills, options.seed)
    show("soak", figures, as_json=options.json)
    return int(any(figure.is_met is False for figure in figures))


def soak(folder: Path, seconds: float, speed: str, kills: int, seed: int) -> list[Figure]:
    """Run exchange and daemon in `folder` and return what was measured."""
    rng = random.Random(seed)
    kill_at = sorted(rng.uniform(0.1, 0.9) * seconds for _ in range(kills))
    with exchange(folder, speed, seed) as url:
        started = time.perf_counter()
        daemon = start_daemon(folder, url)
        memory_mb: list[float] = []
        while (elapsed_s := time.perf_counter() - started) < seconds:
            if kill_at and elapsed_s >= kill_at[0]:
                kill_at.pop(0)
                daemon.send_signal(signal.SIGKILL)
                daemon.wait()
                daemon = start_daemon(folder, url)
            if daemon.poll() is not None:
                raise SystemExit(
                    f"soak: the daemon ended by itself with code {daemon.returncode}; see its last lines above"
                )
            memory_mb.append(psutil.Process(daemon.pid).memory_info().rss / 1e6)
            time.sleep(SAMPLE_S)
        stopping = time.perf_counter()
        daemon.send_signal(signal.SIGTERM)
        code = daemon.wait(STOP_TIMEOUT_S)
        stop_s = time.perf_counter() - stopping
    ledger = json.loads(sigma(folder, "ledger", "verify", "--json"))
    settled = memory_mb[int(len(memory_mb) * SETTLED_SHARE) :]
    return [
        Figure(name="account_minutes", value=ledger["minutes"], unit="", goal=">= 1"),
        Figure(name="differences", value=len(ledger["differences"]), unit="", goal="== 0"),
        Figure(name="exit_code", value=code, unit="", goal="== 0"),
        Figure(name="stop_s", value=stop_s, unit="s", goal="<= 10"),
        Figure(name="rss_mb", value=max(memory_mb), unit="MB"),
        Figure(name="rss_growth_mb", value=max(settled) - settled[0], unit="MB"),
    ]


@contextmanager
def exchange(folder: Path, speed: str, seed: int) -> Iterator[str]:
    """Run the built-in exchange with faults; yields its address."""
    faults = [word for fault in FAULTS for word in ("--fault", fault)]
    arguments = ["exchange", "--port", "0", "--speed", speed, "--hold", "--seed", str(seed), "--edge", "0.06", *faults]
    process = subprocess.Popen(
        command(*arguments, "--json"), cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)


def start_daemon(folder: Path, url: str) -> subprocess.Popen[str]:
    """Start `sigma run` on the exchange and wait for its dashboard."""
    more = {"SIGMA_EXCHANGE__URL": url, "SIGMA_WEB__PORT": "0", "SIGMA_LOGS__LEVEL": "warning"}
    log = (folder / "stdout.txt").open("a+", encoding="utf-8")
    begin = log.tell()
    daemon = subprocess.Popen(command("run"), cwd=folder, env={**environment(), **more}, stdout=log, text=True)
    deadline = time.perf_counter() + START_TIMEOUT_S
    while time.perf_counter() < deadline and daemon.poll() is None:
        if "dashboard" in (folder / "stdout.txt").read_text(encoding="utf-8")[begin:]:
            return daemon
        time.sleep(0.1)
    daemon.kill()
    raise SystemExit(f"soak: the daemon did not start within {START_TIMEOUT_S:.0f} s")


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


if __name__ == "__main__":
    sys.exit(main())
