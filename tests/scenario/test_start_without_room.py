"""A start on a disk without room says so, serves its page, and goes on when there is some."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bot.trading.test_bad_storage import disk, fill

PATIENCE_S = 180.0


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with disk(tmp_path / "small", "24m") as folder:
        yield folder


def full(small: Path) -> Callable[[], None]:
    fill(small / "ballast")
    return (small / "ballast").unlink


def read_only(small: Path) -> Callable[[], None]:
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    return lambda: void(subprocess.run(["mount", "-o", "remount,rw", small], check=True))


def void(_: object) -> None:
    """Forget it."""


@pytest.mark.parametrize("trouble", [full, read_only])
def test_a_start_waits_for_room(
    small: Path, tmp_path: Path, unused_tcp_port: int, trouble: Callable[[Path], Callable[[], None]]
) -> None:
    environment = {
        "SIGMA_EXCHANGE__NAME": "builtin",
        "SIGMA_EXCHANGE__SYMBOLS": "BTCUSDT",
        "SIGMA_DATABASE__URL": f"sqlite:///{small / 'state' / 'sigma.db'}",
        "SIGMA_PATHS__STATE": str(small / "state"),
        "SIGMA_SCHEDULE__RETRAIN": "false",
        "SIGMA_WEB__PORT": str(unused_tcp_port),
    }
    mend = trouble(small)
    line = [sys.executable, "-m", "bot.cli", "run"]
    with (tmp_path / "run.log").open("wb") as log:
        daemon = subprocess.Popen(line, cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        status, told = asked(daemon, unused_tcp_port, lambda status: status == 503)
        assert status == 503
        assert str(small) in told["detail"]
        mend()
        assert asked(daemon, unused_tcp_port, lambda status: status == 200)[0] == 200
        daemon.terminate()
        assert daemon.wait(60) == 0
    finally:
        daemon.kill()
        daemon.wait()
    assert len([line for line in (tmp_path / "run.log").read_text().splitlines() if "start waits" in line]) == 1


def asked(daemon: subprocess.Popen[bytes], port: int, enough: Callable[[int], bool]) -> tuple[int, dict[str, Any]]:
    """Ask whether a daemon is ready until the answer is the one that is waited for."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s and daemon.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                status, body = answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            status, body = refusal.code, refusal.read()
        except OSError:
            status, body = 0, b"{}"
        if enough(status):
            return status, json.loads(body)
        time.sleep(0.1)
    raise AssertionError(f"the daemon did not come so far; it ended with {daemon.poll()}")
