"""The scorecard in words and JSON, and the HTML report that opens without a network."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from storage.language import speaking
from strategies.market import DAY_MS, HOUR_MS, Timeframe
from tests.training.run_builders import MARKETS, START_MS, histories, hourly, minutes, momentum_bundle, settings
from training.backtest.run import BacktestResult, backtest
from training.backtest.run_candles import assemble
from training.backtest.scorecard import Scorecard
from training.backtest.scoring import scorecard
from training.backtest.verdict import Evidence, verdict
from training.report.backtest import backtest_report, bracket_prices
from training.report.charts import candles_each, coarser, deepest, lines, thinned, trades_on_candles
from training.report.page import Section, page, write_page
from training.report.tables import Cell, monthly_table, number, percent, signed_percent, table

HOURS = 200


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    before = histories()
    execution = [hourly(part) for part in minutes(before, HOURS)]
    rates = (START_MS + 8 * HOUR_MS * np.arange(HOURS // 8), np.full(HOURS // 8, 10_000))
    end_ms = START_MS + HOURS * HOUR_MS
    candles = assemble(MARKETS, Timeframe.H1, Timeframe.H1, START_MS, end_ms, execution, before, [rates, rates])
    return backtest(momentum_bundle(), candles, settings())


class References(HTMLParser):
    """Collects everything that a browser would fetch, and the script and section texts."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.fetched += [str(named[name]) for name in ("src", "href", "action", "data") if named.get(name)]
        if named.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(named["content"])


class Texts(HTMLParser):
    """Its headings, and the names of its rows and columns."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.names: list[str] = []
        self._inside = ""
        self._is_first = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_first = tag == "td" and self._inside == "tr"
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside in ("h1", "h2"):
            self.headings.append(data.strip())
        elif self._inside == "th" or self._is_first:
            self.names.append(data.strip())


def test_the_report_holds_its_chart_library_below_a_megabyte_and_fetches_nothing(
    result: BacktestResult, tmp_path: Path
) -> None:
    card, curves = scorecard(result)
    write_page(tmp_path / "reports" / "run.html", backtest_report(result, card, curves))
    content = (tmp_path / "reports" / "run.html").read_text()
    references = References()
    references.feed(content)
    assert references.fetched == []
    assert "default-src 'none'" in references.policy
    assert "TradingView Lightweight Charts" in content
    assert "const LightweightCharts={" in content
    assert len(content.encode()) < 1_000_000


def test_the_report_shows_verdict_figures_costs_and_trades(result: BacktestResult) -> None:
    card, curves = scorecard(result)
    content = backtest_report(result, card, curves)
    for text in (
        card.verdict,
        "buy and hold",
        "fees, 5 bp a side",
        "BTCUSDT: trades on candles",
        "IC of the conviction",
    ):
        assert text in content
    assert "SEEN" not in content.split("<script>")[0]


def test_a_report_speaks_turkish_from_its_title_to_its_last_column(result: BacktestResult) -> None:
    card, curves = scorecard(result)
    with speaking("tr"):
        content = backtest_report(result, card, curves)
    texts = Texts()
    texts.feed(content)
    assert '<html lang="tr">' in content
    assert "geriye dönük testi" in texts.headings[0]
    english = re.compile(r"\b(the|of|and|trades?|win|fees|days|year|costs|closed|opened)\b")
    assert [text for text in texts.headings + texts.names if english.search(text)] == []


def test_a_report_of_generated_candles_says_so_above_everything() -> None:
    said = page("A run", "", [Section(title="Figures")], exchange="builtin")
    assert said.index("Demo market") < said.index("<h2>")
    assert "Demo market" not in page("A run", "", [Section(title="Figures")], exchange="binanceusdm")


def test_a_report_of_many_markets_stays_below_a_megabyte() -> None:
    rng = np.random.default_rng(3)
    hours = 4 * 365 * 24
    close = 20_000 * np.exp(np.cumsum(rng.normal(0, 0.01, hours)))
    candles = np.column_stack([np.arange(hours) * 3_600_000.0, close, close * 1.01, close * 0.99, close, close])
    chart = trades_on_candles(candles, Timeframe.H1, [], [], candles_each(30))
    curve = lines([(name, candles[:, 0], close) for name in "abcd"], "equity")
    sections = [Section(title=str(number), charts=(chart,)) for number in range(30)]
    content = page("Thirty markets", "", [Section(title="Equity", charts=(curve,)), *sections])
    assert len(content.encode()) < 1_000_000


def test_every_chart_of_the_report_is_valid_json(result: BacktestResult) -> None:
    card, curves = scorecard(result)
    parts = backtest_report(result, card, curves).split('<script type="application/json"')[1:]
    charts = [json.loads(part.split(">", 1)[1].split("</script>", 1)[0]) for part in parts]
    assert [len(chart["series"]) for chart in charts] == [4, 1, 3, 3]
    assert all(chart["marks"] for chart in charts[2:])


def test_seen_bars_are_named_in_the_verdict_and_on_every_table(result: BacktestResult) -> None:
    card, curves = scorecard(result, is_in_sample=True)
    content = backtest_report(result, card, curves)
    assert card.verdict.startswith("SEEN")
    for title in ("Figures (SEEN)", "Months (SEEN)", "Costs (SEEN)", "Trades (SEEN)"):
        assert title in content


def test_stop_and_target_of_a_trade_lie_around_its_entry(result: BacktestResult) -> None:
    for trade in result.trades:
        stop, take = bracket_prices(result, trade)
        assert stop is not None
        assert take is not None
        assert (take - trade.entry) * trade.side > 0 > (stop - trade.entry) * trade.side
        assert abs(take - trade.entry) == pytest.approx(2 * abs(stop - trade.entry), rel=1e-6)


def test_figures_agree_with_the_account(result: BacktestResult) -> None:
    card, _ = scorecard(result)
    account = result.run.state.account[0]
    assert card.costs.fees == int(account["fees"]) / 1e8
    assert card.costs.funding == int(account["funding"]) / 1e8
    assert card.trades.trades == int(account["trades"])
    assert card.trades.trades == card.long.trades + card.short.trades
    assert card.figures.total_return == pytest.approx(int(account["equity"]) / 1e12 - 1)


def test_a_score_that_knows_the_future_has_a_high_ic_and_one_that_does_not_has_none(result: BacktestResult) -> None:
    close = np.log(np.column_stack([part[-HOURS:, 4] for part in result.candles.decision_candles]))
    ahead = np.full_like(close, np.nan)
    ahead[:-13] = close[13:] - close[1:-12]
    oracle = replace(result, path=replace(result.path, blended=ahead))
    assert scorecard(oracle)[0].ic_score > 0.9
    assert abs(scorecard(result)[0].ic_score) < 0.5


def test_the_document_is_json_and_undefined_is_null(result: BacktestResult) -> None:
    document = scorecard(result)[0].document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["figures"]["cagr"] is None  # eight days are not a year


def evidence(**changes: object) -> Evidence:
    values: dict[str, object] = {
        "is_in_sample": False,
        "days": 700.0,
        "trades": 200,
        "total_return": 0.4,
        "sharpe": 1.5,
        "sharpe_low": 0.4,
        "sharpe_high": 2.6,
        "holding_sharpe": 0.5,
        "record_years": 1.2,
    }
    return Evidence(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "More than luck on these bars"),
        ({"is_in_sample": True}, "SEEN"),
        ({"trades": 0}, "No closed trade"),
        ({"days": 20.0}, "Too little to judge"),
        ({"trades": 12}, "Too little to judge"),
        ({"sharpe": -0.3, "sharpe_low": -1.4}, "No edge found"),
        ({"sharpe_low": -0.1}, "Not proven"),
        ({"holding_sharpe": 1.9}, "Above zero, not above buy-and-hold"),
    ],
)
def test_words_follow_from_numbers(changes: dict[str, object], words: str) -> None:
    assert verdict(evidence(**changes)).startswith(words)


def test_a_table_escapes_what_it_shows() -> None:
    assert "<b>" not in table(["<b>"], [["<b>", Cell(text="<b>")]])


def test_numbers_that_are_undefined_read_as_a_dash() -> None:
    assert (percent(float("nan")), number(float("nan")), signed_percent(float("nan")).text) == ("–", "–", "–")
    assert number(float("inf")) == "∞"
    assert signed_percent(0.1234) == Cell(text="+12.3 %", tone="good")


def test_months_stand_in_their_columns_and_the_year_compounds() -> None:
    text = monthly_table([("2024-02", 0.10), ("2024-12", 0.10), ("2025-01", -0.05)])
    first = text.split("<tr>")[2]
    assert first.count("–") == 10
    assert "+21.0 %" in first


def test_charts_keep_the_deepest_point_and_both_ends() -> None:
    values = np.zeros(100_000)
    values[77_777] = -0.3
    assert 77_777 in deepest(values)
    assert thinned(values)[[0, -1]].tolist() == [0, 99_999]


def test_long_runs_are_drawn_on_coarser_candles() -> None:
    series = histories()[0]
    shown = coarser(series, Timeframe.H1, most=200)
    assert np.diff(shown[1:, 0]) == pytest.approx(DAY_MS)
    assert (shown[:, 2].max(), shown[:, 3].min()) == (series[:, 2].max(), series[:, 3].min())


def test_the_scorecard_names_what_it_ran_on(result: BacktestResult) -> None:
    card: Scorecard = scorecard(result)[0]
    assert (card.timeframe, card.execution_timeframe, card.symbols) == ("1h", "1h", ("BTCUSDT", "ETHUSDT"))
    assert [part.name for part in card.baselines] == ["cash", "buy and hold", "buy and hold, volatility target"]
