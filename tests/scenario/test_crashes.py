"""A crash is a normal way to stop: kill -9, a clock held or running on, a second daemon, an exchange that is away."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.live_replay import POLL_S, LiveReplay
from benchmarks.parity import compare
from storage.candles.store import CandleStore
from storage.ledger.export import csv_bytes
from storage.ledger.verify import Verification, verify
from storage.models.registry import Registry, bundle_by_id
from strategies.bundle.bundle import Bundle
from strategies.kernel.state import FactKind
from strategies.market import HOUR_MS, MINUTE_MS, Timeframe
from strategies.values import iso_ms
from tests.scenario.recording import START, Recording

END = "2025-01-02T06:00"  # over a midnight, with its funding and its daily limits
START_MS, END_MS = iso_ms(START), iso_ms(END)
LAST_MS = END_MS - MINUTE_MS


@pytest.fixture
def replay(recording: Recording, tmp_path: Path) -> Iterator[LiveReplay]:
    """A replay at the highest speed; whatever still runs is ended afterwards."""
    made = recording.replay(tmp_path / "live")
    made.end = END
    yield made
    made.stop()


def verified(replay: LiveReplay) -> Verification:
    registry = Registry(replay.folder / "models")

    def bundle_of(name: str) -> Bundle:
        return bundle_by_id(registry, "builtin", name, Timeframe.H1)

    return verify(replay.database(), replay.ledger().account, bundle_of)


def export(replay: LiveReplay) -> bytes:
    ledger = replay.ledger()
    return csv_bytes(ledger.facts(), ledger.stopped().markets)


def wait_for_market(replay: LiveReplay, until_ms: int) -> None:
    """Ask the exchange what time it is until it is late enough; nobody else listens to it."""
    now_ms = -1
    while now_ms < until_ms:
        time.sleep(POLL_S)
        with urllib.request.urlopen(f"{replay.url}/fapi/v1/time", timeout=60) as answer:
            now_ms = int(json.load(answer)["serverTime"])


@pytest.mark.timeout(240)
def test_live_equals_backtest_and_replay_to_the_last_unit_however_often_it_is_killed(
    replay: LiveReplay, recording: Recording
) -> None:
    replay.start_exchange()
    replay.start_daemon()
    for hours in (7, 25, 26):
        replay.wait_for(START_MS + hours * HOUR_MS + 17 * MINUTE_MS)
        replay.kill_daemon()
        replay.start_daemon()
    replay.wait_for(LAST_MS)
    assert replay.stop_daemon() == 0
    assert verified(replay).differences == []
    bundle = bundle_by_id(Registry(replay.folder / "models"), "builtin", recording.bundle_id, Timeframe.H1)
    differing, cash_difference, fills, _ = compare(
        replay.ledger(), CandleStore(replay.folder / "data"), bundle, START_MS, END_MS
    )
    assert fills > 4
    assert (differing, cash_difference) == (0, 0)


@pytest.mark.timeout(240)
def test_with_the_clock_running_on_exits_are_settled_and_missed_entries_are_recorded(
    recording: Recording, tmp_path: Path
) -> None:
    late = {"SIGMA_FEED__MAX_DECISION_AGE_S": "0.5"}
    replay = recording.replay(tmp_path / "late", speed="3600", **late)
    try:
        replay.start_exchange()
        replay.start_daemon()
        replay.wait_for(START_MS + 8 * HOUR_MS)
        replay.kill_daemon()
        down_from_ms = replay.last_minute_ms()
        wait_for_market(replay, down_from_ms + 6 * HOUR_MS)
        replay.start_daemon()
        replay.wait_for(down_from_ms + 10 * HOUR_MS)
        replay.stop_daemon()
    finally:
        replay.stop()
    facts = replay.ledger().facts()
    while_down = facts[(facts["ms"] > down_from_ms) & (facts["ms"] < down_from_ms + 5 * HOUR_MS)]
    opened = while_down[(while_down["kind"] == FactKind.FILL) & (while_down["position"] != 0)]
    assert (opened["decision_ms"] <= down_from_ms + MINUTE_MS).all()  # only orders that were due when it was killed
    assert (facts["kind"] == FactKind.MISSED).any()
    assert verified(replay).differences == []


def test_systemd_is_told_when_it_stands_and_stops_and_a_second_daemon_is_refused_in_one_line(
    recording: Recording, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(90)
        replay = recording.replay(tmp_path / "supervised", NOTIFY_SOCKET=str(tmp_path / "notify"))
        try:
            replay.start_exchange()
            replay.start_daemon()
            said = supervisor.recv(64)
            while said.startswith(b"EXTEND_TIMEOUT_USEC="):  # its start may take as long as it lives
                said = supervisor.recv(64)
            assert said == b"READY=1"
            replay.wait_for(START_MS + 5 * MINUTE_MS)
            second = second_daemon(replay)
            assert second.returncode == 1
            assert "already traded by process" in second.stderr
            assert second.stderr.count("\n") == 1
            assert replay.stop_daemon() == 0
            assert supervisor.recv(64) == b"STOPPING=1"
        finally:
            replay.stop()


def second_daemon(replay: LiveReplay) -> subprocess.CompletedProcess[str]:
    """Run another daemon on the account until it ends, with no supervisor of its own."""
    environment = replay._environment() | {"SIGMA_EXCHANGE__URL": replay.url}
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", "run"],
        capture_output=True,
        text=True,
        cwd=replay.folder,
        env={name: value for name, value in environment.items() if name != "NOTIFY_SOCKET"},
        check=False,
        timeout=60,
    )


def test_a_taken_port_is_said_in_one_line(replay: LiveReplay) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        replay.environment |= {"SIGMA_WEB__PORT": str(taken.getsockname()[1])}
        replay.start_exchange()
        replay.start_daemon()
        assert replay._daemon is not None
        assert replay._daemon.wait(60) == 1
    assert "is taken" in (replay.folder / "run.log").read_text()
