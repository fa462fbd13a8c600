"""A book that is sized by days: the default is the fixed rule to the last unit, and a choice does what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strategies.kernel.state import FactKind
from strategies.market import DAY_MS
from tests.training.sizing.books import book, candles, changing, path, settings
from training.backtest.roster import Roster
from training.backtest.run import begin_account, run_path
from training.sizing.account import FIXED, Book, BookAccount, fixed_standings
from training.sizing.levels import BANDS, DEFAULT, LEAST, Choice, actions, choice_of

DAYS = 40
ROSTERS = pytest.mark.parametrize("roster", [None, changing()], ids=["always there", "come and go"])


def lived(made: Book, choice: Choice = FIXED) -> tuple[BookAccount, np.ndarray, np.ndarray]:
    """Return an account after all its days, its facts and its equity."""
    account, runs = BookAccount(made), []
    while not account.is_over:
        runs.append(account.live(choice))
    return account, np.concatenate([run.facts for run in runs]), np.concatenate([run.equity for run in runs])


@ROSTERS
def test_the_default_choice_is_the_fixed_rule_to_the_last_unit(roster: Roster | None) -> None:
    made = book(DAYS, roster=roster)
    whole = run_path(made.path, made.candles, made.settings, begin_account(made.candles, made.settings))
    account, facts, equity = lived(made, choice_of(DEFAULT))
    assert np.count_nonzero(facts["kind"] == FactKind.FILL) > 50
    assert facts.tobytes() == whole.facts.tobytes()
    assert np.array_equal(equity, whole.equity)
    assert account.state.account.tobytes() == whole.state.account.tobytes()
    assert account.state.positions.tobytes() == whole.state.positions.tobytes()
    assert account.state.orders.tobytes() == whole.state.orders.tobytes()


@ROSTERS
def test_an_account_goes_on_from_any_day_as_if_nothing_had_been_interrupted(roster: Roster | None) -> None:
    made = book(DAYS, roster=roster)
    standings, returns = fixed_standings(made)
    _, facts, equity = lived(made)
    for day in (1, 9, 10, 20, 33):
        account = BookAccount(made, standings[day])
        runs = [account.live(FIXED) for _ in range(day, DAYS)]
        rest = np.concatenate([run.facts for run in runs])
        assert rest.tobytes() == facts[len(facts) - len(rest) :].tobytes()
        assert np.array_equal(np.concatenate([run.equity for run in runs]), equity[made.borders[day] :])
        assert np.array_equal(account.returns, returns)


def test_returns_of_the_days_are_the_run() -> None:
    made = book(DAYS)
    account, _, equity = lived(made)
    begun = int(begin_account(made.candles, made.settings).account["equity"][0])
    assert np.exp(account.returns.sum()) == pytest.approx(equity[-1] / begun, rel=1e-12)
    assert account.day == DAYS == made.days
    with pytest.raises(ValueError, match="0 of the run's 40 days are left and 1 are asked for"):
        account.live(FIXED)


def test_a_choice_says_what_it_changes_and_every_one_is_another() -> None:
    found = [choice_of(action) for action in actions()]
    assert found[0] == FIXED
    assert len(found) == len(set(found)) == 1 + 3 * len(BANDS) * len(LEAST)
    assert [Choice().name, Choice(gross=0.5, band=0.2).name, Choice(gross=0.0, band=0.2, least=0.7).name] == [
        "fixed rule",
        "gross 0.5, band 0.2",
        "gross 0",
    ]


def test_no_gross_closes_everything_and_keeps_it_closed() -> None:
    made = book(12)
    account = BookAccount(made)
    for _ in range(6):
        account.live(FIXED)
    assert np.count_nonzero(account.state.positions["lots"])
    closing = account.live(Choice(gross=0.0))
    assert not np.count_nonzero(account.state.positions["lots"])
    assert np.count_nonzero(closing.facts["kind"] == FactKind.FILL)
    assert not np.count_nonzero(account.live(Choice(gross=0.0)).facts["kind"] == FactKind.FILL)
    account.live(FIXED)
    assert np.count_nonzero(account.state.positions["lots"])


def test_half_the_gross_is_half_the_book_and_a_wider_band_trades_less() -> None:
    made = book(60)
    exposures, turnovers = {}, {}
    for choice in (FIXED, Choice(gross=0.5), Choice(band=0.5), Choice(band=0.2)):
        account = BookAccount(made)
        found = [account.live(choice) for _ in range(60)]
        exposures[choice] = np.concatenate([run.exposure for run in found]).mean()
        turnovers[choice] = account.turnovers.mean()
    assert exposures[Choice(gross=0.5)] == pytest.approx(0.5 * exposures[FIXED], rel=0.05)
    assert turnovers[Choice(band=0.5)] < turnovers[FIXED] < turnovers[Choice(band=0.2)]


def test_a_view_below_the_exit_level_is_not_wanted() -> None:
    made = book(60)
    said, kept = made.said(Choice(least=0.7)).conviction, made.path.conviction
    assert np.array_equal(np.isnan(said), np.isnan(kept))
    known = np.isfinite(kept)
    assert np.array_equal(said[known], np.where(np.abs(kept[known]) < 0.7, 0.0, kept[known]))
    held = [_markets_held(made, choice) for choice in (Choice(least=0.7), FIXED)]
    assert held[0] < held[1]


def test_a_book_knows_its_days_where_the_run_begins_within_one() -> None:
    run = candles(3)
    cut = replace(
        run,
        open_ms=run.open_ms[5:-2],
        bars=run.bars[5:-2],
        present=run.present[5:-2],
        funding_e8=run.funding_e8[5:-2],
    )
    made = Book.of(path(cut), cut, settings())
    assert made.borders.tolist() == [0, 19, 43, 65]
    assert (cut.open_ms[made.borders[1:-1]] % DAY_MS == 0).all()


def _markets_held(made: Book, choice: Choice) -> int:
    account, count = BookAccount(made), 0
    while not account.is_over:
        account.live(choice)
        count += int(np.count_nonzero(account.state.positions["lots"]))
    return count
