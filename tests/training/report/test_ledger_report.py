"""The account's page: what was traded, by market, bundle and reason, and nothing from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.ledger.queries import Ledger
from tests.bot.trading.world import minutes, new_database, new_engine, opened, trade
from training.evidence.performance import drawdown_path
from training.report.charts import filled
from training.report.ledger import ledger_curve, ledger_report


def test_the_page_shows_every_trade_and_loads_nothing(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, minutes(1500))
    ledger = Ledger(database, account)
    page = ledger_report(ledger)
    assert "Demo market: generated candles" in page  # the small world trades on the built-in exchange
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


def test_drawdown_hangs_under_the_water_line_and_endings_are_words(tmp_path: Path) -> None:
    database, engine = new_database(tmp_path), new_engine()
    account, journal = opened(database, engine)
    trade(engine, journal, minutes(1500))
    ledger = Ledger(database, account)
    path = drawdown_path(ledger_curve(ledger))
    assert path.min() < 0
    [drawn] = filled("drawdown", ledger_curve(ledger).times, path).series
    with pytest.raises(ValueError, match="at or below 0"):
        filled("drawdown", ledger_curve(ledger).times, -path)
    assert max(drawn.values) == 0
    assert min(drawn.values) == path.min()
    page = ledger_report(ledger)
    endings = {trade.closed_because for trade in ledger.trades()}
    assert "take" in endings
    assert '<td class="words">take-profit</td>' in page
    assert '<td class="words">take</td>' not in page
