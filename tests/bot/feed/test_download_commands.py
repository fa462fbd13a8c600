"""`sigma data`: documents on stdout, one line for an error, exit code 1 on fatal; against the built-in exchange."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bot.cli import main
from storage.candles.store import CandleStore
from strategies.market import HOUR_MS
from tests.storage.candles.candle_builders import walk

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIGMA_CONFIG", raising=False)


def candle_file(path: Path, candles: np.ndarray) -> str:
    names = ("open", "high", "low", "close", "volume")
    columns = {"timestamp": candles[:, 0].astype(np.int64)} | {name: candles[:, at] for at, name in enumerate(names, 1)}
    pq.write_table(pa.table(columns), path)
    return str(path)


def sigma(*arguments: str) -> int:
    return main(["data", *arguments])


def import_hours(path: Path, candles: np.ndarray, *more: str) -> int:
    file = candle_file(path, candles)
    return sigma("import", file, "--symbol", "BTCUSDT", "--timeframe", "1h", "--exchange", "binanceusdm", *more)


def test_import_reports_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert import_hours(tmp_path / "c.parquet", walk(50), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert "binanceusdm:BTCUSDT:1h:futures" in json.dumps(document)
    assert document["imported"][0]["added"] == 50


def test_import_of_another_timeframe_is_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = candle_file(tmp_path / "c.parquet", walk(50))
    assert sigma("import", file, "--symbol", "BTCUSDT", "--timeframe", "4h", "--exchange", "binanceusdm") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "candles are 1h apart, 4h was asked" in said.err
    assert said.err.count("\n") == 1


def test_import_does_not_guess_that_candles_are_generated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = candle_file(tmp_path / "c.parquet", walk(50))
    assert sigma("import", file, "--symbol", "BTCUSDT", "--timeframe", "1h") == 2
    assert "--exchange is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("missing.csv", None, "is not a file"),
        ("empty.csv", "", "is empty (0 bytes)"),
        (
            "nan-1h.csv",
            "timestamp,open,high,low,close\n1700000000,nan,nan,nan,nan\n1700003600,nan,nan,nan,nan\n",
            "no price in any",
        ),
        ("notes.csv", "hello\n", "is no table of candles"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_before_an_option_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str | None, cause: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    assert sigma("import", str(tmp_path / name)) == 2
    said = capsys.readouterr().err
    assert cause in said
    assert "--exchange" not in said


def test_check_exits_0_on_odd_and_1_on_fatal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import_hours(tmp_path / "c.parquet", np.delete(walk(300), slice(100, 110), axis=0))
    capsys.readouterr()
    assert sigma("check", "--json", "--plot", "check.html") == 0
    document = json.loads(capsys.readouterr().out)
    assert [finding["check"] for finding in document["markets"][0]["findings"]] == ["gap_long"]
    page = Path("check.html").read_text()
    assert "createChart" in page
    assert 'src="http' not in page

    month = next(Path("data/historical").rglob("*.parquet"))
    table = pq.read_table(month)
    pq.write_table(pa.concat_tables([table, table.slice(3, 1)]), month)
    assert sigma("check", "--json") == 1
    checks = [finding["check"] for finding in json.loads(capsys.readouterr().out)["markets"][0]["findings"]]
    assert checks[:2] == ["order", "duplicates"]


def test_check_names_a_damaged_file_and_exits_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import_hours(tmp_path / "c.parquet", walk(50))
    next(Path("data/historical").rglob("*.parquet")).write_bytes(b"")
    capsys.readouterr()
    assert sigma("check") == 1
    assert "2024-06.parquet" in "".join(capsys.readouterr().out.split())


def test_check_of_nothing_is_one_line_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert sigma("check", "--symbol", "BTCUSDT") == 2
    assert "no such candles are stored" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("BTCUSDT", "2h", "futures"), "timeframe is '2h'"),
        (("BTCUSDT", "1h", "options"), "futures or spot is needed"),
        (("BTC/USDT", "1h", "futures"), "not canonical"),
        (("BTCUSDT", "1h", "futures", "--since", "yesterday"), "is not a day"),
        (("BTCUSDT", "1h", "futures", "--exchange", "binanc"), "did you mean"),
        (("BTCUSDT", "1h", "futures", "--stitch-spot"), "--stitch-spot"),
    ],
)
def test_a_wrong_download_is_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert sigma("download", *arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.fixture
def exchange_url(tmp_path: Path) -> Iterator[str]:
    """A built-in exchange in a process of its own; its clock stands, for nobody listens to its stream."""
    options = ["--port", "0", "--hold", "--symbols", "BTCUSDT", "--state", str(tmp_path / "exchange"), "--json"]
    child = start_child("exchange", *options)
    assert child.stdout is not None
    yield json.loads(child.stdout.readline())["url"]
    child.terminate()
    child.wait(30)
    child.stdout.close()


def start_child(*arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bot.cli", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)


def test_a_download_killed_on_its_way_goes_on_and_ends_as_an_undisturbed_one(
    exchange_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    order = ["download", "BTCUSDT", "1h", "--since", "2023-01-01", "--exchange", "builtin", "--url", exchange_url]
    child = start_child("data", *order)
    killed = tmp_path / "data" / "historical"
    deadline = time.monotonic() + 60
    while CandleStore(killed).coverage("builtin", "BTCUSDT", "1h").rows < 3000 and time.monotonic() < deadline:
        assert child.poll() is None, "the download ended before it could be killed"
        time.sleep(0.005)
    child.kill()
    child.wait(30)
    assert child.stdout is not None
    child.stdout.close()
    left = CandleStore(killed).coverage("builtin", "BTCUSDT", "1h").rows

    assert sigma(*order, "--json") == 0
    resumed = json.loads(capsys.readouterr().out)["downloaded"][0]
    assert resumed["candles"]["added"] > 0
    assert resumed["candles"]["identical"] == 0
    stored = CandleStore(killed).read("builtin", "BTCUSDT", "1h")
    assert len(stored) == left + resumed["candles"]["added"]
    assert (np.diff(stored.open_ms) == HOUR_MS).all()

    monkeypatch.setenv("SIGMA_DATA__DIRECTORY", str(tmp_path / "undisturbed"))
    assert sigma(*order) == 0
    undisturbed = CandleStore(tmp_path / "undisturbed")
    assert undisturbed.content_hash("builtin", "BTCUSDT", "1h") == CandleStore(killed).content_hash(
        "builtin", "BTCUSDT", "1h"
    )
    times, rates = CandleStore(killed).read_funding("builtin", "BTCUSDT")
    expected = undisturbed.read_funding("builtin", "BTCUSDT")
    assert (times.tolist(), rates.tolist()) == (expected.times_ms.tolist(), expected.rates_e8.tolist())
    assert len(times) > 1000


def test_a_check_of_many_markets_is_one_table_with_the_worst_first(capsys: pytest.CaptureFixture[str]) -> None:
    store = CandleStore(Path("data/historical"))
    for index in range(15):
        candles = walk(300) if index != 7 else np.delete(walk(300), slice(100, 110), axis=0)
        store.append("binanceusdm", f"M{index:02d}USDT", "1h", "futures", candles)
    assert sigma("check") == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if "binanceusdm:" in line]
    assert len(rows) == 15
    assert "M07USDT" in rows[0]
