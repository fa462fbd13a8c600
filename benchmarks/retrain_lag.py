"""What a retraining costs the daemon beside it: loop lag, candle-to-decision time, closes lost.

The built-in exchange and the daemon run as processes on loopback at a finite speed, and a retraining of xgboost, ridge
and lstm in the daemon's own child. The child is stopped and continued in turns, some seconds each, so that idle and
training meet the same machine, whatever else it does. Both are measured alike: the event loop's lag from `/metrics`,
decisions from the tape: wall seconds from a candle's close to its row, above those of the fastest minute of the run,
since the two processes read their clocks a few milliseconds apart.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import select

from benchmarks.figures import Figure, show
from benchmarks.live_replay import LiveReplay
from storage.ledger.tables import tape
from strategies.errors import SigmaError
from strategies.market import HOUR_MS, MINUTE_MS

SPEED: Final = 1200.0  # 20 minutes a second, a decision every 3 s: well below what the daemon can take
SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
BUCKET: Final = re.compile(r'^sigma_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)
SETTLING_S: Final = 10.0  # after the start
TURN_S: Final = 12.0  # four decisions
TURNING_S: Final = 1.0  # after the child was stopped or continued, before it is measured
SMALL: Final = {  # all three families in some minutes, not in half an hour
    "SIGMA_SIMULATOR__HISTORY_DAYS": "400",
    "SIGMA_ENSEMBLE__FAMILIES": "xgboost,ridge,lstm",
    "SIGMA_TRAINING__FIRST_FAMILIES": "xgboost,ridge,lstm",
}


@dataclass(slots=True, kw_only=True)
class LiveMarket(LiveReplay):
    """A generated market and the daemon on it, as processes."""

    port: int = 0

    def start_exchange(self) -> None:
        arguments = ["--symbols", ",".join(self.symbols), "--edge", "0.12", "--speed", self.speed, "--port", "0"]
        arguments += ["--state", str(self.folder / "exchange"), "--json"]
        self._exchange = subprocess.Popen(
            [sys.executable, "-m", "bot.cli", "exchange", *arguments],
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment(),
        )
        assert self._exchange.stdout is not None
        self.url = str(json.loads(self._exchange.stdout.readline())["url"])

    def ask(self, path: str, *, post: bool = False) -> str:
        """Return what the daemon's HTTP API answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method="POST" if post else "GET")
        request.add_header("Authorization", f"Bearer {(self.folder / 'state' / 'api.token').read_text().strip()}")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())

    def training(self) -> dict[str, Any]:
        """Return the trainer's progress."""
        return dict(json.loads(self.ask("/api/status"))["training"])

    def child(self) -> int:
        """Return the process id of a training that has begun its work, starting one where there is none."""
        while True:
            state = self.training()["state"]
            if state == "idle":
                self.ask("/api/retrain", post=True)
            found = self._children() if state == "training" else []
            if found:
                return found[0]
            time.sleep(0.2)

    def _children(self) -> list[int]:
        assert self._daemon is not None
        texts = [path.read_text() for path in Path(f"/proc/{self._daemon.pid}/task").glob("*/children")]
        return [int(pid) for text in texts for pid in text.split()]

    def wait_until_up(self) -> None:
        """Wait until minutes are written and the API answers."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            try:
                if self.last_minute_ms() > 0:
                    self.training()
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.2)
        raise SigmaError(f"the daemon did not come up; see {self.folder / 'run.log'}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was measured while something, or nothing, went on beside the trader.

    Attributes:
        lag: cumulative counts of the event loop's lag by upper bound in seconds.
        minutes_s: (n,) wall seconds from the close of a minute to its tape row, on the daemon's clock.
        is_decision: (n,) bool: the minute completed a decision candle.
        lost: minutes or markets that the tape lacks.
    """

    seconds: float
    lag: dict[float, float]
    minutes_s: np.ndarray
    is_decision: np.ndarray
    lost: int

    def decisions_ms(self, share: float, floor_s: float) -> float:
        """Return a quantile of the decisions' milliseconds above the floor."""
        return round(1000 * float(np.quantile(self.minutes_s[self.is_decision] - floor_s, share)), 2)


def together(windows: Sequence[Window]) -> Window:
    """Return several windows as one."""
    return Window(
        seconds=sum(part.seconds for part in windows),
        lag={bound: sum(part.lag[bound] for part in windows) for bound in windows[0].lag},
        minutes_s=np.concatenate([part.minutes_s for part in windows]),
        is_decision=np.concatenate([part.is_decision for part in windows]),
        lost=sum(part.lost for part in windows),
    )


def lag_buckets(text: str) -> dict[float, float]:
    """Return the cumulative counts of the loop-lag histogram by upper bound."""
    return {float(bound.replace("+Inf", "inf")): float(count) for bound, count in BUCKET.findall(text)}


def quantile(counts: dict[float, float], share: float) -> float:
    """Return a quantile of a cumulative histogram, linear within its bucket (as Prometheus does)."""
    bounds = sorted(counts)
    wanted, below, lower = share * counts[bounds[-1]], 0.0, 0.0
    for bound in bounds:
        count = counts[bound]
        if count >= wanted:
            inside = (wanted - below) / (count - below) if count > below else 0.0
            return lower if bound == float("inf") else lower + (bound - lower) * inside
        below, lower = count, bound
    return lower


def in_turns(market: LiveMarket, seconds: float) -> tuple[Window, Window]:
    """Return what was measured with the training stopped and with it running, `seconds` of each, turn by turn."""
    idle: list[Window] = []
    training: list[Window] = []
    while sum(part.seconds for part in training) < seconds:
        child = market.child()
        try:
            os.kill(child, signal.SIGSTOP)
            stopped = measured(market)
            os.kill(child, signal.SIGCONT)
            running = measured(market)
            os.kill(child, 0)
        except ProcessLookupError:  # it ended within the turn: neither is what it seems
            continue
        idle.append(stopped)
        training.append(running)
    return together(idle), together(training)


def measured(market: LiveMarket) -> Window:
    """Measure one turn."""
    time.sleep(TURNING_S)
    before, begun, first_ms = lag_buckets(market.ask("/metrics")), time.monotonic(), market.last_minute_ms()
    time.sleep(TURN_S)
    after, last_ms = lag_buckets(market.ask("/metrics")), market.last_minute_ms()
    minutes_s, is_decision, lost = tape_between(market, first_ms, last_ms)
    return Window(
        seconds=time.monotonic() - begun,
        lag={bound: count - before.get(bound, 0.0) for bound, count in after.items()},
        minutes_s=minutes_s,
        is_decision=is_decision,
        lost=lost,
    )


def tape_between(market: LiveMarket, first_ms: int, last_ms: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return each minute's wall seconds, whether it decided, and the number of lost closes of (first, last]."""
    columns = (tape.c.minute_ms, tape.c.recorded_ms, tape.c.present)
    query = select(*columns).where(tape.c.minute_ms > first_ms, tape.c.minute_ms <= last_ms)
    with market.database().connect() as connection:
        rows = connection.execute(query.order_by(tape.c.minute_ms)).all()
    missing = (last_ms - first_ms) // MINUTE_MS - len(rows)
    absent = sum(int((np.frombuffer(row.present, np.uint8) == 0).sum()) for row in rows)
    closed_ms = np.array([row.minute_ms + MINUTE_MS for row in rows])
    recorded_ms = np.array([row.recorded_ms for row in rows])
    return (recorded_ms - closed_ms) / 1000 / SPEED, closed_ms % HOUR_MS == 0, missing * len(SYMBOLS) + absent


def figures_of(idle: Window, training: Window) -> list[Figure]:
    """Return the benchmark's figures."""
    floor_s = float(min(idle.minutes_s.min(), training.minutes_s.min()))
    p99, idle_p99 = training.decisions_ms(0.99, floor_s), idle.decisions_ms(0.99, floor_s)
    p50, idle_p50 = training.decisions_ms(0.50, floor_s), idle.decisions_ms(0.50, floor_s)
    lag, idle_lag = (round(1000 * quantile(part.lag, 0.99), 2) for part in (training, idle))
    return [
        Figure(name="loop_lag_p99_ms", value=lag, unit="ms", goal="<= 20", rival="idle", rival_value=idle_lag),
        Figure(name="decision_p99_ratio", value=round(p99 / idle_p99, 3), unit="x idle", goal="<= 2"),
        Figure(name="decision_p99_ms", value=p99, unit="ms", rival="idle", rival_value=idle_p99),
        Figure(name="decision_p50_ms", value=p50, unit="ms", rival="idle", rival_value=idle_p50),
        Figure(name="closes_lost", value=training.lost, unit="closes", goal="== 0"),
        Figure(name="decisions", value=int(training.is_decision.sum()), unit="closes"),
        Figure(name="training_s", value=round(training.seconds, 1), unit="s"),
    ]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=300.0, help="of training, and of idleness between its turns")
    parser.add_argument("--child-nice", type=int, default=10, help="priority of the training child")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="retrain-lag-") as name, socket.create_server(("127.0.0.1", 0)) as free:
        folder, port = Path(name), int(free.getsockname()[1])
        free.close()
        market = LiveMarket(
            folder=folder,
            candles=folder,
            funding=None,
            symbols=SYMBOLS,
            start="",
            end="",
            speed=f"{SPEED:g}",
            environment=SMALL
            | {
                "SIGMA_WEB__PORT": str(port),
                "SIGMA_EXCHANGE__SPEED": f"{SPEED:g}",
                "SIGMA_TRAINING__NICE": str(options.child_nice),
            },
            port=port,
        )
        try:
            market.start_exchange()
            market.start_daemon()
            market.wait_until_up()
            time.sleep(SETTLING_S)
            idle, training = in_turns(market, options.seconds)
            progress = market.training()
            market.stop_daemon()
        finally:
            market.stop()
    said = {"progress": f"{progress['done']} of {progress['total']} fits", "outcome": progress["last_outcome"]}
    show("retrain_lag", figures_of(idle, training), as_json=options.json, training=said)


if __name__ == "__main__":
    main()
