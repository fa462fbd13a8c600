"""The account's page: what was traded, by market, bundle and reason, and nothing from outside."""

from __future__ import annotations

from pathlib import Path

from storage.ledger import Ledger
from tests.trading.world import minutes, new_database, new_engine, opened, trade
from training.report.ledger import ledger_curve, ledger_report


def test_the_page_shows_every_trade_and_loads_nothing(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, minutes(1500))
    ledger = Ledger(database, account)
    page = ledger_report(ledger)
    trades = ledger.trades()
    assert trades
    assert all(trade.id in page for trade in trades)
    assert "b-body" in page
    assert 'src="http' not in page
    assert "default-src 'none'" in page


def test_the_curve_ends_at_the_account_s_equity(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, minutes(180))
    curve = ledger_curve(Ledger(database, account))
    assert len(curve.times) == 3
    assert curve.initial == 10_000
    assert curve.final == int(engine.state.account["equity"][0]) / 1e8


def test_an_account_without_trades_has_a_page(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, minutes(61))
    assert "No trade has closed yet" in ledger_report(Ledger(database, account))
