"""`sigma watch`: one screen from what the API says, as wide as the terminal."""

from __future__ import annotations

import pytest

from bot.cli.commands.watch import gauge, screen
from storage.terminal.sparkline import sparkline
from storage.terminal.table import fitted

MARKET = {"symbol": "BTCUSDT", "price": 64_123.4, "conviction": 1.4, "enter": 1.25, "refusal": None, "action": "long"}
STATUS = {
    "exchange": "builtin",
    "market": "demo market (generated prices with a built-in edge)",
    "minute_ms": 1_735_920_000_000,
    "is_fresh": True,
    "candle_age_s": 3.0,
    "candle_age_real_s": 3.0,
    "speed": 7200.0,
    "equity": 10_106.71,
    "currency": "USDT",
    "total_return": 0.0107,
    "day_return": None,
    "drawdown": 0.012,
    "trades": 6,
    "gross_leverage": 0.13,
    "bundle": "b-75d7e56699f9eb0d",
    "paused": True,
    "day_locked": False,
    "drawdown_locked": False,
    "markets": [MARKET, MARKET | {"symbol": "ETHUSDT", "conviction": None, "refusal": "not_ready"}],
    "positions": [
        {
            "symbol": "BTCUSDT",
            "side": "LONG",
            "quantity": 0.012,
            "entry_price": 63_000.0,
            "mark_price": 64_123.4,
            "unrealised": 13.48,
            "realised": 0.0,
            "net": 13.48,
            "stop_loss": 60_000.0,
            "take_profit": None,
        }
    ],
    "training": {"state": "training", "text": "fits: 12 of 40, about 30 s left", "fraction": 0.3},
}
DECISION = {
    "ms": 1_735_920_000_000,
    "symbol": "BTCUSDT",
    "signal": None,
    "refusal_sentence": "the conviction is under the threshold: 0.31 of 1.25",
    "action": "hold",
}
FACTS = {
    "status": STATUS,
    "performance": {"points": [{"equity": 10_000 + number % 37} for number in range(200)]},
    "decisions": [DECISION],
}


@pytest.mark.parametrize("width", [60, 80, 160])
def test_a_screen_fits_its_terminal_and_names_what_is_held(width: int) -> None:
    lines = screen(FACTS, width).splitlines()
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for words in ("demo market", "LONG BTCUSDT", "10,106.71", "LOCKED: paused", "training: fits", "30%"):
        assert words in text
    assert "–" in text  # a market without a conviction


def test_before_the_first_candle_it_says_so() -> None:
    facts = {"status": STATUS | {"equity": None, "minute_ms": None}}
    assert screen(facts, 80).splitlines()[-1] == "waiting for the first candle"


def test_a_gauge_grows_from_the_middle_towards_its_side() -> None:
    assert gauge(MARKET | {"conviction": 2.5}) == "········|████████"
    assert gauge(MARKET | {"conviction": -0.625}) == "······▒▒|········"
    assert gauge(MARKET | {"conviction": None}) == "········|········"


def test_a_sparkline_has_one_character_a_value_and_no_more_than_it_may() -> None:
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█"
    assert sparkline([5.0, 5.0, 5.0]) == "▄▄▄"
    assert len(sparkline(list(range(1000)), 40)) == 40
    assert sparkline([float("nan")]) == sparkline([]) == ""


def test_long_lines_go_on_set_in_and_others_stay() -> None:
    text = fitted("a" * 10 + " " + "b" * 10 + "\n  kept  apart\n", 16)
    assert text == "aaaaaaaaaa\n    bbbbbbbbbb\n  kept  apart"
    assert fitted("x" * 200, None) == "x" * 200


def test_a_decision_that_is_repeated_or_kept_is_not_told_again() -> None:
    refused = DECISION | {"refusal": "weak"}
    kept = refused | {"refusal": None, "refusal_sentence": None}
    other = kept | {"symbol": "ETHUSDT", "action": "resize"}
    rows = [refused, kept | {"symbol": "ETHUSDT"}, refused | {"ms": 2}, other, refused | {"ms": 1, "symbol": "SOLUSDT"}]
    lines = screen(FACTS | {"decisions": rows}, 80).splitlines()[-3:]
    assert [line.split()[2] for line in lines] == ["BTCUSDT:", "ETHUSDT:", "SOLUSDT:"]
