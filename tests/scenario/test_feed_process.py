"""`sigma feed` and two daemons on it, killed at will: their tapes are those of a daemon that dials itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from benchmarks.live_replay import LiveReplay
from storage.ledger.database import reading
from storage.ledger.tables import tape
from strategies.market import MINUTE_MS
from strategies.values import iso_ms
from tests.scenario.recording import END, START, Recording

START_MS = iso_ms(START)
LAST_MS = iso_ms(END) - 2 * MINUTE_MS  # a replay's very last minute has no later one that would show it to be closed
PATIENCE_S = 60.0


class FeedProcess:
    """`sigma feed` in a folder of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        folder.mkdir()
        self.source = f"unix:{folder / 'feed.sock'}"
        self._folder = folder
        self._url = url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it serves."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGMA_")}
        given = {"SIGMA_EXCHANGE__URL": self._url, "SIGMA_FEED__SOURCE": self.source}
        root = str(Path(__file__).parents[2])
        with (self._folder / "feed.log").open("ab") as log:
            line = [sys.executable, "-m", "bot.cli", "feed"]
            env = kept | given | {"PYTHONPATH": root}
            self._process = subprocess.Popen(line, cwd=self._folder, env=env, stdout=log, stderr=log)
        end = time.monotonic() + PATIENCE_S
        while b"feed       unix:" not in (self._folder / "feed.log").read_bytes():
            is_starting = self._process.poll() is None and time.monotonic() < end
            assert is_starting, (self._folder / "feed.log").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9, at this instant."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            (self._folder / "feed.log").rename(self._folder / f"feed-{self._process.pid}.log")
            self._process = None

    def stop(self) -> int:
        """SIGTERM; return the exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(20)
        self._process = None
        return code


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def rows(replay: LiveReplay) -> list[dict[str, Any]]:
    """Return the tape without the wall time at which it was written."""
    columns = [column for column in tape.columns if column.name != "recorded_ms"]
    query = select(*columns).where(tape.c.minute_ms <= LAST_MS).order_by(tape.c.minute_ms)
    with reading(replay.database()) as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


@pytest.mark.skipif(not os.environ.get("SIGMA_SOAK"), reason="takes minutes; SIGMA_SOAK=1 runs it")
@pytest.mark.timeout(290)
def test_two_daemons_on_a_feed_that_is_killed_write_the_tape_of_one_that_dials_itself(
    recording: Recording, tmp_path: Path, opened: ExitStack
) -> None:
    direct = recording.replay(tmp_path / "direct")
    opened.callback(direct.stop)
    direct.start_exchange()
    direct.start_daemon()
    direct.wait_for(LAST_MS)
    assert direct.stop_daemon() == 0
    direct.stop()

    first = recording.replay(tmp_path / "first")
    opened.callback(first.stop)
    first.start_exchange()
    feed = FeedProcess(tmp_path / "feed", first.url)
    opened.callback(feed.kill)
    feed.start()
    second = recording.replay(tmp_path / "second")
    opened.callback(second.stop)
    for daemon in (first, second):
        daemon.environment["SIGMA_FEED__SOURCE"] = feed.source
        daemon.start_daemon()

    second.wait_for(START_MS + 7 * 60 * MINUTE_MS)
    feed.kill()
    feed.start()
    first.wait_for(START_MS + 20 * 60 * MINUTE_MS)
    second.kill_daemon()
    second.start_daemon()
    for daemon in (first, second):
        daemon.wait_for(LAST_MS)
    assert feed.stop() == 0
    for daemon in (first, second):
        assert daemon.stop_daemon() == 0
        found, expected = rows(daemon), rows(direct)
        assert [row["minute_ms"] for row in found] == [row["minute_ms"] for row in expected]
        assert [row for row, wanted in zip(found, expected, strict=True) if row != wanted] == []
