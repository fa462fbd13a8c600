"""A simulated week of 200 markets through the real daemon: how its memory grows once its caches are full."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import Final

import numpy as np
import psutil

from benchmarks.soak.rows import Row, Soaking
from benchmarks.soak.storm import STOP_TIMEOUT_S, exchange, sigma, start_daemon
from bot.simulator.market.instruments import some_symbols
from storage.ledger import accounts
from storage.ledger.database import connect
from storage.ledger.queries import Ledger
from strategies.errors import SigmaError
from strategies.market import MINUTE_MS

MARKETS: Final = 200
WEEK: Final = 7 * 24 * 60  # minutes
SETTLED_SHARE: Final = 0.3  # of the minutes; caches fill first
LEAST_MINUTES: Final = 120  # without them nothing can be said
GOAL_MB: Final = 64.0  # a week
SAMPLE_S: Final = 2.0
QUIET: Final = {"SIGMA_SCHEDULE__RETRAIN": "false", "SIGMA_WEB__PORT": "0"}


def run(soaking: Soaking) -> Iterator[Row]:
    """Trade until the week is over, or the time; yield the slope over what was reached."""
    symbols = ",".join(some_symbols(MARKETS))
    started = time.monotonic()
    with exchange(soaking.folder, "max", soaking.seed, "--symbols", symbols, is_faulty=False) as url:
        daemon = start_daemon(soaking.folder, url, SIGMA_EXCHANGE__SYMBOLS=symbols, **QUIET)
        process = psutil.Process(daemon.pid)
        samples: list[tuple[int, float]] = []
        while soaking.left_s > STOP_TIMEOUT_S and (not samples or samples[-1][0] - samples[0][0] < WEEK):
            if daemon.poll() is not None:
                raise SigmaError(f"the daemon ended by itself with code {daemon.returncode}")
            minute = _minute(soaking)
            if minute >= 0:
                samples.append((minute, process.memory_info().rss / 1e6))
            time.sleep(SAMPLE_S)
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(2 * STOP_TIMEOUT_S)
    ledger = json.loads(sigma(soaking.folder, "ledger", "verify", "--json"))
    yield _row(samples, len(ledger["differences"]), time.monotonic() - started)


def _row(samples: list[tuple[int, float]], differing: int, seconds: float) -> Row:
    minutes = samples[-1][0] - samples[0][0] if samples else 0
    settled = [part for part in samples if part[0] - samples[0][0] >= SETTLED_SHARE * minutes]
    what = f"a week of {MARKETS} markets"
    if minutes < LEAST_MINUTES or len(settled) < 5:
        note = f"only {minutes} minutes were reached: nothing can be said of the slope"
        return Row(part="memory", what=what, tried=minutes, lost=differing, seconds=seconds, note=note)
    times, sizes = np.array(settled).T
    slope_mb = float(np.polyfit(times / WEEK, sizes, 1)[0])
    note = (
        f"{minutes / 1440:.2f} days; {sizes[0]:.0f} MB, then {sizes[-1]:.0f} MB, at most {max(sizes):.0f}; "
        f"slope {slope_mb:+.0f} MB a week"
    )
    is_over = minutes >= WEEK // 2 and slope_mb > GOAL_MB  # over hours the slope is that of caches
    return Row(part="memory", what=what, tried=minutes, lost=differing + is_over, seconds=seconds, note=note)


def _minute(soaking: Soaking) -> int:
    """Return the number of the newest minute in the ledger; -1: there is none yet."""
    database = connect(f"sqlite:///{soaking.folder / 'state' / 'sigma.db'}")
    try:
        account = accounts.find(database, "builtin", "main")
        return -1 if account is None else Ledger(database, account).stopped().minute_ms // MINUTE_MS
    except SigmaError:
        return -1
    finally:
        database.dispose()
