"""What was tried: recorded, read back, counted once a recipe, and held against the best of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from storage.candles.store import CandleStore
from storage.models.trial_log import Trial, read_trials, record_trial
from strategies.market import DAY_MS, Timeframe
from training.__main__ import main
from training.evidence.performance import sharpe
from training.evidence.significance import deflated_sharpe, probabilistic_sharpe
from training.evidence.trial_ledger import (
    DailyReturns,
    aligned,
    daily_of,
    kept_returns,
    latest,
    recipe_digest,
    record,
    tried,
)
from training.evidence.trial_statistics import claim, trial_statistics
from training.promotion.known_answers import world_candles

DAYS = 900


def daily(seed: int, mean: float = 0.0, days: int = DAYS, first: int = 19_000) -> DailyReturns:
    rng = np.random.default_rng(seed)
    return DailyReturns(days=first + np.arange(days), values=rng.normal(mean, 0.01, days))


def trial(recipe: str, kind: str = "walk-forward ridge", **more: object) -> Trial:
    given: dict[str, object] = {"at_ms": 1, "params": {"symbols": ["BTCUSDT"]}, **more}
    return Trial(kind=kind, recipe=recipe, **given)  # type: ignore[arg-type]


def write(
    folder: Path, recipe: str, returns: DailyReturns, *, kind: str = "walk-forward ridge", **more: object
) -> Trial:
    return record(trial(recipe, kind, sharpe=sharpe(returns.values), **more), returns, folder)


def beside(folder: Path, returns: DailyReturns, recipe: str = "mine"):
    return tried(recipe, ["BTCUSDT"], returns, sharpe(returns.values), folder)


def test_a_trial_comes_back_with_its_daily_returns(tmp_path: Path) -> None:
    returns = daily(1)
    written = write(tmp_path, "a", returns)
    assert read_trials(tmp_path) == [written]
    kept = kept_returns(written, tmp_path)
    assert kept is not None
    np.testing.assert_array_equal(kept.days, returns.days)
    np.testing.assert_array_equal(kept.values, returns.values)
    assert written.daily_returns_file is not None
    assert written.daily_returns_file.endswith(".npy")


def test_retrainings_of_one_recipe_count_once_and_stress_not_at_all(tmp_path: Path) -> None:
    for seed in range(3):
        write(tmp_path, "monthly", daily(seed))
    write(tmp_path, "other", daily(7))
    write(tmp_path, "other", daily(8), kind="walk-forward ridge under stress")
    write(tmp_path, "mine", daily(9))
    found = beside(tmp_path, daily(9))
    assert found.recipes == 3
    np.testing.assert_array_equal(found.returns[:, 0], daily(2).values)
    np.testing.assert_array_equal(found.returns[:, 1], daily(7).values)
    assert len(read_trials(tmp_path)) == 6


def test_trials_without_returns_on_these_days_still_count(tmp_path: Path) -> None:
    record_trial(trial("tuned", kind="tune xgboost", ic=0.03), tmp_path)
    write(tmp_path, "earlier", daily(1, first=15_000))
    found = beside(tmp_path, daily(2))
    assert (found.recipes, found.returns.shape[1], len(found.sharpes)) == (3, 1, 2)


def test_other_markets_count_as_tried_but_are_no_peers(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere", daily(1), params={"symbols": ["ADAUSDT"]})
    write(tmp_path, "here", daily(2))
    found = beside(tmp_path, daily(3))
    assert (found.returns.shape[1], found.peers.shape[1]) == (3, 2)


def test_a_missing_or_foreign_returns_file_is_left_out(tmp_path: Path) -> None:
    written = write(tmp_path, "a", daily(1))
    assert written.daily_returns_file is not None
    (tmp_path / written.daily_returns_file).write_bytes(b"not an array")
    assert kept_returns(written, tmp_path) is None
    (tmp_path / written.daily_returns_file).unlink()
    assert beside(tmp_path, daily(2)).returns.shape[1] == 1


def test_returns_are_aligned_by_day_or_not_at_all() -> None:
    returns = daily(1)
    np.testing.assert_array_equal(aligned(returns, returns.days[100:200]), returns.values[100:200])
    assert aligned(returns, returns.days + 1) is None
    assert aligned(DailyReturns(days=np.zeros(0, np.int64), values=np.zeros(0)), returns.days) is None


def test_a_return_belongs_to_the_day_it_ends_in() -> None:
    samples = np.array([10 * DAY_MS, 11 * DAY_MS, 11 * DAY_MS + 5])
    np.testing.assert_array_equal(daily_of(samples, np.array([0.1, 0.2])).days, [10, 11])


def test_equal_choices_have_equal_digests_whatever_their_order() -> None:
    assert recipe_digest({"a": 1, "b": (2, 3)}) == recipe_digest({"b": (2, 3), "a": 1})
    assert recipe_digest({"a": 1}) != recipe_digest({"a": 2})


def test_the_first_trial_is_not_deflated_and_many_are(tmp_path: Path) -> None:
    mine = daily(100, mean=0.0006)
    alone = trial_statistics(beside(tmp_path, mine), {})
    assert alone.deflated == alone.deflated_effective == probabilistic_sharpe(mine.values)
    for seed in range(30):
        write(tmp_path, f"r{seed}", daily(seed))
    among = trial_statistics(beside(tmp_path, mine), {})
    assert among.trials == 31
    assert 20 < among.effective <= 31
    assert among.deflated <= among.deflated_effective < alone.deflated
    annual = [sharpe(daily(seed).values) for seed in range(30)] + [sharpe(mine.values)]
    variance = float(np.var(np.array(annual) / np.sqrt(365.0), ddof=1))
    assert among.deflated == pytest.approx(deflated_sharpe(mine.values, 31, variance))


def test_copies_of_one_trial_are_one_independent_trial(tmp_path: Path) -> None:
    for copy in range(5):
        write(tmp_path, f"copy{copy}", daily(1))
    found = trial_statistics(beside(tmp_path, daily(1)), {})
    assert found.trials == 6
    assert found.effective == pytest.approx(1.0, abs=0.01)


def test_the_best_of_noise_is_called_overfitted_and_claims_nothing(tmp_path: Path) -> None:
    for seed in range(20):
        write(tmp_path, f"r{seed}", daily(seed))
    best = max(range(20), key=lambda seed: sharpe(daily(seed).values))
    found = trial_statistics(beside(tmp_path, daily(best), recipe=f"r{best}"), {"cash": np.zeros(DAYS)})
    assert found.overfitting_probability > 0.25
    assert found.superior["cash"] > 0.05
    assert not found.is_claimable
    assert "edge was found" not in claim(found)


def test_a_strong_record_may_be_claimed(tmp_path: Path) -> None:
    write(tmp_path, "weak", daily(1))
    found = trial_statistics(beside(tmp_path, daily(2, mean=0.002)), {"cash": np.zeros(DAYS)})
    assert found.is_claimable
    assert found.superior["cash"] < 0.01
    assert claim(found).startswith("An edge was found after deflation")


@pytest.mark.parametrize("values", [np.zeros(DAYS), np.full(20, 0.01)])
def test_nothing_is_claimed_of_a_record_too_short_or_too_quiet(tmp_path: Path, values: np.ndarray) -> None:
    returns = DailyReturns(days=np.arange(len(values)), values=values)
    found = trial_statistics(tried("mine", ["BTCUSDT"], returns, float("nan"), tmp_path), {})
    assert claim(found).startswith("Too short or too quiet")


def test_latest_keeps_the_order_of_first_tries() -> None:
    lines = [trial("a", at_ms=1), trial("b", at_ms=2), trial("a", at_ms=3)]
    assert [(line.recipe, line.at_ms) for line in latest(lines)] == [("a", 3), ("b", 2)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with a configuration and two stored markets with a planted edge."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(
        '[exchange]\nname = "made"\nsymbols = ["BTCUSDT", "ETHUSDT"]\n[ensemble]\nfamilies = ["ridge"]\n'
        "deviation_window_d = 90\n"
    )
    store = CandleStore(tmp_path / "data" / "historical")
    for symbol, candles in zip(("BTCUSDT", "ETHUSDT"), world_candles(9_000, 1, Timeframe.H1, 0.15), strict=False):
        store.append("made", symbol, "1h", "futures", candles)
    return tmp_path


def walk(*arguments: str) -> int:
    return main(["walk-forward", "--train-window", "120", "--test-window", "30", "--workers", "1", *arguments])


def test_the_command_reports_folds_benchmarks_and_statistics_and_records_the_trial(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert walk("--json", "--report", "walk.html") == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert "120 days only" in err
    assert len(document["folds"]) >= 4
    names = {baseline["name"] for baseline in document["scores"]["baselines"]}
    assert {"cash", "buy and hold", "buy and hold, volatility target", "Donchian trend, long only"} <= names
    assert "time-series momentum, long only" in names
    assert document["statistics"]["trials"] == 1
    assert document["stability"]["words"] in document["verdict"]
    page = (place / "walk.html").read_text()
    assert all(title in page for title in ("Folds", "What was tried", "Verdict"))
    [recorded] = read_trials(place / "runs")
    assert recorded.recipe == document["recipe"]
    assert recorded.kind == "walk-forward ridge"
    kept = kept_returns(recorded, place / "runs")
    assert kept is not None
    assert len(kept.days) > 90


def test_a_stressed_run_is_recorded_and_not_counted(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert walk("--json") == 0
    capsys.readouterr()
    assert walk("--json", "--costs-factor", "2", "--start-date", "2021-07-01") == 0
    assert json.loads(capsys.readouterr().out)["statistics"]["trials"] == 1
    assert [line.kind for line in read_trials(place / "runs")][-1].endswith("under stress")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--train-window", "half a year"], "a number of days, or all, is needed"),
        (["--model-type", "oracle"], "oracle"),
        (["--start-date", "2020-10-01"], "is not possible: candles begin 2020-09-13"),
        (["--start-date", "soon"], "--since is 'soon', which is not a day"),
    ],
)
def test_what_cannot_be_walked_is_refused_in_one_line(
    place: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert walk(*arguments) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
