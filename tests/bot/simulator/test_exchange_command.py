"""`sigma exchange` as a program: says where it is, stops on SIGTERM, keeps its clock, refuses in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from bot.cli import main
from bot.exchange import _source
from storage.config.market import SHIPPED
from storage.config.tree import Config

ROOT = Path(__file__).parents[3]


def test_program_announces_itself_serves_and_stores_its_clock_on_sigterm(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "bot.cli",
        "exchange",
        "--port",
        "0",
        "--speed",
        "6000",
        "--edge",
        "0.06",
        "--json",
    ]
    program = subprocess.Popen(
        [*command, "--state", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        told = json.loads(program.stdout.readline())
        with urllib.request.urlopen(told["url"] + "/fapi/v1/time", timeout=60) as response:
            seen_ms = json.load(response)["serverTime"]
        program.send_signal(signal.SIGTERM)
        assert program.wait(10) == 0
    finally:
        program.kill()
        program.wait()
    (stored,) = tmp_path.glob("clock-*.json")
    stored_ms = json.loads(stored.read_text())["now_ms"]
    assert told["now_ms"] <= seen_ms <= stored_ms
    assert told["edge"].startswith("planted 0.06")
    assert told["speed"] == 6000
    assert set(SHIPPED) <= set(told["symbols"])
    assert tuple(told["symbols"]) == tuple(_source(Config()).instruments)


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exchange", "--help"]) == 0
    assert "Example:\n    sigma exchange" in capsys.readouterr().out


def test_clock_that_cannot_be_kept_stops_the_market_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("no folder")
    assert main(["exchange", "--port", "0", "--speed", "6000", "--state", str(tmp_path / "file" / "state")]) == 1
    error = capsys.readouterr().err
    assert "the market clock could not be written" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--speed", "fast"], "--speed is 'fast'; a number or max is needed"),
        (["--fault", "dropp"], "did you mean 'drop'?"),
        (["--symbols", "NOPEUSDT"], "the generated market has no NOPEUSDT"),
        (["--to", "2025-01-01"], "--candles DIR is needed"),
        (["--candles", "nowhere", "--symbols", "BTCUSDT"], "does not exist"),
        (["--from", "someday"], "is not a day"),
    ],
)
def test_wrong_options_get_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exchange", "--port", "0", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
