"""Who is selected, who stays, and what is said about it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from strategies.market import DAY_MS, HOUR_MS
from strategies.universe.members import known_at, members_over
from strategies.universe.products import product_of, split_symbol
from strategies.universe.selection import Candidate, Selection, select
from strategies.universe.settings import UniverseSettings
from strategies.universe.turnover import Turnover, turnover_of

RULES = UniverseSettings(mode="top", size=2, min_age_d=100, min_quote_volume=1e6)
START_MS = 19_000 * DAY_MS


def known(symbol: str, millions: float, **more: object) -> Candidate:
    return Candidate(symbol=symbol, quote_volume=millions * 1e6, age_d=400.0, **more)  # type: ignore[arg-type]


def steps(selection: Selection) -> dict[str, str]:
    return {verdict.symbol: verdict.step for verdict in selection.verdicts}


def test_the_largest_come_in_and_each_gets_its_rank() -> None:
    found = select([known("AUSDT", 5), known("BUSDT", 9), known("CUSDT", 7)], RULES)
    assert found.members == ("BUSDT", "CUSDT")
    assert found.why("BUSDT") == "rank 1 of top 2, 9.0 m USDT a day"
    assert found.why("AUSDT") == "rank 3, 5.0 m USDT a day: not among the top 2"
    assert "is not known" in found.why("NOPEUSDT")


def test_a_member_stays_until_it_falls_below_one_and_a_half_times_the_size() -> None:
    candidates = [known("AUSDT", 9), known("BUSDT", 8), known("CUSDT", 7), known("DUSDT", 6)]
    assert steps(select(candidates, RULES, members=["AUSDT", "CUSDT"])) == {
        "AUSDT": "stays",
        "CUSDT": "stays",  # rank 3 = 1.5 x 2
        "BUSDT": "outside",
        "DUSDT": "outside",
    }
    fallen = select(candidates, RULES, members=["AUSDT", "DUSDT"])
    assert fallen.members == ("AUSDT", "BUSDT")
    assert steps(fallen)["DUSDT"] == "leaves"


def test_what_is_held_leaves_with_its_exit() -> None:
    found = select([known("AUSDT", 9), known("BUSDT", 8), known("CUSDT", 0.1)], RULES, ["CUSDT"], held=["CUSDT"])
    assert found.leaving == ("CUSDT",)
    assert found.why("CUSDT").endswith("it is held, so it leaves with its exit")


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (known("USDCUSDT", 900), "stablecoin"),
        (known("BTCDOMUSDT", 900), "an index"),
        (known("XAUUSDT", 900, stated="INDEX"), "an index"),
        (known("ETHUPUSDT", 900), "leveraged token"),
        (known("BTC3LUSDT", 900), "leveraged token"),
        (known("BTCUSDC", 900), "quoted in USDC"),
        (known("AUSDT", 0.5), "500.0 k USDT a day (median of 30 days), 1.0 m are needed"),
        (known("AUSDT", 900, spread=0.01), "spread is 1.000%"),
        (known("AUSDT", 900, is_trading=False), "does not trade it now"),
        (Candidate(symbol="AUSDT", quote_volume=9e9, age_d=3), "it is 3 days old, 100 are needed"),
    ],
)
def test_who_may_not_be_a_member_is_told_why(candidate: Candidate, why: str) -> None:
    found = select([candidate, known("BUSDT", 5)], RULES)
    assert found.members == ("BUSDT",)
    assert why in found.why(candidate.symbol)


def test_the_lists_go_before_the_ranks() -> None:
    candidates = [known("AUSDT", 9), known("BUSDT", 8), known("CUSDT", 0.01)]
    rules = RULES.model_copy(update={"keep": ("CUSDT",), "block": ("AUSDT",)})
    found = select(candidates, rules)
    assert found.members == ("CUSDT", "BUSDT")
    assert "keep-list" in found.why("CUSDT")
    assert found.why("AUSDT") == "it is on the block-list"
    with pytest.raises(ValidationError, match="both name AUSDT"):
        UniverseSettings(keep=("AUSDT",), block=("AUSDT",))


def test_a_coin_that_ends_like_a_leveraged_token_is_a_coin() -> None:
    bases = {"JUP", "SYRUP", "BTC", "PEPE", "PEPEDOWN"}
    assert [product_of(base, bases) for base in ("JUP", "SYRUP", "BTC", "PEPEDOWN")] == [
        "coin",
        "coin",
        "coin",
        "leveraged",
    ]
    assert split_symbol("1000SHIBUSDT") == ("1000SHIB", "USDT")
    assert split_symbol("NOTHING") == ("", "")


@given(
    volumes=st.lists(st.integers(0, 50), min_size=1, max_size=12),
    size=st.integers(1, 6),
    before=st.sets(st.integers(0, 11)),
)
def test_a_selection_is_never_larger_than_its_size_and_repeats_itself(
    volumes: list[int], size: int, before: set[int]
) -> None:
    candidates = [known(f"M{index}USDT", volume) for index, volume in enumerate(volumes)]
    rules = RULES.model_copy(update={"size": size})
    found = select(candidates, rules, [f"M{index}USDT" for index in before])
    assert len(found.members) <= size
    again = select(candidates, rules, found.members)
    assert again.members == found.members
    assert not again.changes
    assert {verdict.symbol for verdict in found.verdicts} >= {candidate.symbol for candidate in candidates}


# ---- point in time


def hours(symbol: str, first_day: int, days: int, worth: float) -> Turnover:
    open_ms = START_MS + first_day * DAY_MS + HOUR_MS * np.arange(days * 24)
    flat = np.full(len(open_ms), 10.0)
    candles = np.column_stack([open_ms, flat, flat, flat, flat, np.full(len(open_ms), worth / 240.0)])
    return turnover_of(symbol, candles, HOUR_MS)


def test_a_day_is_worth_its_volume_times_its_price() -> None:
    part = hours("AUSDT", 0, 40, 3e6)
    assert part.median(START_MS + 40 * DAY_MS, 30) == pytest.approx(3e6)
    assert part.median(START_MS + 41 * DAY_MS, 2) == pytest.approx(1.5e6)  # a day without candles is worth nothing
    assert part.median(START_MS, 30) == 0.0


def test_membership_knows_nothing_of_later_days() -> None:
    """The one that will be the largest is no member before it is; the one that ends was one until then."""
    rules = RULES.model_copy(update={"size": 1, "min_age_d": 30.0, "hysteresis": 1.0})
    first, later = hours("OLDUSDT", 0, 200, 5e6), hours("NEWUSDT", 100, 300, 9e6)
    times = [START_MS + day * DAY_MS for day in (60, 120, 140, 250)]
    found = members_over([first, later], rules, times)
    assert [part.members for part in found.selections] == [("OLDUSDT",), ("OLDUSDT",), ("NEWUSDT",), ("NEWUSDT",)]
    assert found.ever == ("OLDUSDT", "NEWUSDT")
    assert found.is_member("OLDUSDT", np.array([0, times[0], times[2]])).tolist() == [False, True, False]
    cut = members_over([first, hours("NEWUSDT", 100, 45, 9e6)], rules, times[:3])
    assert cut.selections == found.selections[:3]


def test_a_market_that_ended_is_no_candidate_to_trade() -> None:
    part = hours("GONEUSDT", 0, 50, 5e6)
    during, after = (known_at([part], RULES, START_MS + day * DAY_MS)[0] for day in (50, 52))
    assert during.is_trading
    assert not after.is_trading
