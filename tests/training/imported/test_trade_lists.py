"""Trades of other programs come in with their figures, open ones left out, and stand beside ours."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from pathlib import Path

import pytest

from storage.models.runs import all_runs, find_run
from strategies.errors import BadInput
from training.__main__ import main
from training.imported.trade_lists import read_trades
from training.report.compare import compared

TRADE = {
    "pair": "BTC/USDT:USDT",
    "open_date": "2024-03-01 10:00:00+00:00",
    "close_date": "2024-03-02 10:00:00+00:00",
    "open_rate": 100.0,
    "close_rate": 90.0,
    "amount": 10.0,
    "is_short": True,
    "fee_open": 0.0005,
    "fee_close": 0.0005,
    "funding_fees": -1.0,
    "profit_abs": 98.05,
}


def test_a_backtest_zip_of_freqtrade_says_its_capital(tmp_path: Path) -> None:
    path = tmp_path / "backtest-result.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("backtest-result_config.json", "{}")
        content = {"strategy": {"Mine": {"trades": [TRADE], "starting_balance": 5000}}}
        archive.writestr("backtest-result.json", json.dumps(content))
    (trade,), capital = read_trades(path)
    assert (trade.symbol, trade.side, trade.net, trade.funding, capital) == ("BTCUSDT", -1, 98.05, 1.0, 5000)
    assert trade.fees == pytest.approx(0.95)
    assert trade.duration_h == 24


def test_several_strategies_need_a_choice(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps({"strategy": {"A": {"trades": [TRADE]}, "B": {"trades": [TRADE, TRADE]}}}))
    with pytest.raises(BadInput, match="the strategies A, B; --strategy chooses one"):
        read_trades(path)
    assert len(read_trades(path, "B")[0]) == 2


def test_freqtrades_database_is_read_and_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "tradesv3.sqlite"
    columns = {
        **TRADE, "is_open": 0, "close_profit_abs": 98.05, "fee_open_cost": 0.5, "fee_close_cost": 0.45,
    }  # fmt: skip
    columns.pop("profit_abs")
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE TABLE trades ({', '.join(columns)})")
        marks = ", ".join("?" * len(columns))
        database.execute(f"INSERT INTO trades VALUES ({marks})", list(columns.values()))
        held = {**columns, "is_open": 1, "close_date": None, "close_rate": None}
        database.execute(f"INSERT INTO trades VALUES ({marks})", list(held.values()))
    before = path.read_bytes()
    (trade,), capital = read_trades(path)
    assert (trade.net, trade.fees, capital) == (98.05, 0.95, None)
    assert path.read_bytes() == before


def test_jesses_json_and_a_list_of_ones_own_come_in(tmp_path: Path) -> None:
    jesse = tmp_path / "jesse.json"
    row = {"symbol": "BTC-USDT", "type": "long", "entry_price": 100, "exit_price": 110, "qty": 10, "fee": 2, "PNL": 98,
           "opened_at": 1709287200000, "closed_at": 1709373600000}  # fmt: skip
    jesse.write_text(json.dumps({"trades": [row]}))
    own = tmp_path / "own.csv"
    own.write_text(
        "Symbol;Side;Entry Time;Exit Time;Entry Price;Exit Price;Qty;Fee\n"
        "BTCUSDT;long;2024-03-01 10:00;2024-03-02 10:00;100;110;10;2\n"
    )
    (left,), _ = read_trades(jesse)
    (right,), _ = read_trades(own)
    assert (left.net, left.opened_ms, left.closed_ms) == (right.net, right.opened_ms, right.closed_ms)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "{", "PK\x03\x04rest"])
def test_what_is_no_list_of_trades_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content)
    with pytest.raises(BadInput, match=r"x\.csv") as refusal:
        read_trades(path)
    assert "\n" not in str(refusal.value)


def test_an_import_becomes_a_run_that_is_listed_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "trades.json"
    path.write_text(json.dumps([TRADE, {**TRADE, "is_short": False, "profit_abs": -101.95}]))
    assert main(["import", "freqtrade", str(path), "--name", "old", "--initial-capital", "1000", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (run,) = all_runs(tmp_path / "runs")
    assert run == find_run(tmp_path / "runs", document["run"][:6])
    (row,) = compared([run])
    assert (row.model, row.shown["trades"], row.shown["win rate"]) == ("old", "2", "50.0%")
    assert row.figures["final_equity"] == pytest.approx(996.10)
    assert main(["report", "compare", run.id, run.id, "--file", "c.html"]) == 0
    assert "Runs compared" in (tmp_path / "c.html").read_text()
    assert main(["report", "compare", "nothing", "--json"]) == 2
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["kind"] == "BadInput"


@pytest.mark.parametrize("word", ["jesse", "csv"])
def test_every_program_has_its_own_word_and_all_read_alike(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"trades.{word}"
    row = ("BTC-USDT", "long", 1709287200000, 1709373600000, 100, 110, 10, 2)
    names = ("symbol", "type", "opened_at", "closed_at", "entry_price", "exit_price", "qty", "fee")
    as_csv = ",".join(names) + "\n" + ",".join(map(str, row)) + "\n"
    path.write_text(as_csv if word == "csv" else json.dumps({"trades": [dict(zip(names, row, strict=True))]}))
    assert main(["import", word, str(path), "--name", "old", "--initial-capital", "1000", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["final_equity"], document["model"]) == (1098, "old")
    assert find_run(tmp_path / "runs", document["run"]).kind == "imported trades"
