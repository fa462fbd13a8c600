"""Folders that take no writes cost what would have been written there, and neither a start nor a minute."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.live_replay import LiveReplay
from strategies.market import MINUTE_MS
from strategies.values import iso_ms
from tests.scenario.recording import START, Recording

ENOUGH_MS = iso_ms(START) + 90 * MINUTE_MS  # a decision, and minutes after it


@pytest.fixture
def replay(recording: Recording, tmp_path: Path) -> Iterator[LiveReplay]:
    made = recording.replay(tmp_path / "live")
    yield made
    made.stop()


def test_a_daemon_whose_data_logs_runs_and_reports_cannot_be_made_trades_on(replay: LiveReplay) -> None:
    taken = replay.folder / "taken"
    taken.write_text("a file, where folders would have to be made")
    for name in ("DATA__DIRECTORY", "LOGS__DIRECTORY", "PATHS__RUNS", "PATHS__REPORTS"):
        replay.environment[f"SIGMA_{name}"] = str(taken / name.lower())
    replay.start_exchange()
    replay.start_daemon()
    replay.wait_for(ENOUGH_MS)
    assert replay.stop_daemon() == 0
    lines = (replay.folder / "run.log").read_text().splitlines()
    assert len([line for line in lines if "logs__directory/sigma.log" in line]) == 1
    assert len([line for line in lines if "data__directory" in line]) == 1


def test_a_console_that_takes_no_lines_is_not_missed() -> None:
    program = (
        "import sys; from bot.operations.console import said; said('one'); said('two'); print('on', file=sys.stderr)"
    )
    with Path("/dev/full").open("wb", buffering=0) as full:
        ended = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.stderr.splitlines()[0] == "on"
