"""The worlds before the gates: fair ones hold nothing, planted ones as much as was asked, and each is its seed's."""

from __future__ import annotations

from itertools import pairwise
from math import gcd
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import null_markets
from benchmarks.null_markets import Fate, figures_of, folds_of, means_of, plan_of, score_of, worlds_of
from benchmarks.worlds import Kind, World, are_recorded_here, candles_of, edge_for, oracle_accuracy
from strategies.market import CLOSE, HIGH, LOW, OPEN

BARS = 20_000
KINDS: tuple[Kind, ...] = ("generated", "real")


def made(kind: Kind, seed: int = 1, edge: float = 0.0) -> list[np.ndarray]:
    if kind == "real" and not are_recorded_here():
        pytest.skip("recorded candles are not here")
    return candles_of(World(kind=kind, seed=seed, edge=edge), BARS)


@pytest.mark.parametrize("kind", KINDS)
def test_candles_are_whole_and_markets_move_together(kind: Kind) -> None:
    candles = made(kind)
    for part in candles:
        assert part.shape == (BARS, 6)
        assert (part[:, HIGH] >= part[:, [OPEN, CLOSE]].max(1)).all()
        assert (part[:, LOW] <= part[:, [OPEN, CLOSE]].min(1)).all()
        assert (part[:, LOW] > 0).all()
    returns = [np.diff(np.log(part[:, CLOSE])) for part in candles]
    assert all(np.corrcoef(returns[0], other)[0, 1] > 0.4 for other in returns[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_the_oracle_is_blind_in_a_fair_world_and_sees_what_was_planted(kind: Kind) -> None:
    fair = [oracle_accuracy(made(kind, seed)) for seed in range(4)]
    assert np.mean(fair) == pytest.approx(0.5, abs=0.012)
    edge = edge_for(kind, 0.545, 50, worlds=2)
    leaning = [oracle_accuracy(made(kind, seed, edge)) for seed in range(4)]
    assert np.mean(leaning) == pytest.approx(0.545, abs=0.015)


@pytest.mark.parametrize("kind", KINDS)
def test_a_world_is_its_seeds(kind: Kind) -> None:
    np.testing.assert_array_equal(made(kind, 3)[1], made(kind, 3)[1])
    assert not np.array_equal(made(kind, 3)[1][:, CLOSE], made(kind, 4)[1][:, CLOSE])


def test_a_generated_world_is_never_pulled_back() -> None:
    """Far from the anchor the built-in exchange leans back to it; here every block begins at the anchor."""
    far = [np.log(part[:, CLOSE] / part[0, OPEN]) for seed in range(6) for part in made("generated", seed)]
    assert max(float(np.abs(path).max()) for path in far) > 1.3


def test_every_other_world_is_real_where_candles_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(null_markets, "are_recorded_here", lambda: True)
    assert [world.kind for world in worlds_of(0, 4, None)] == ["generated", "real", "generated", "real"]
    monkeypatch.setattr(null_markets, "are_recorded_here", lambda: False)
    assert {world.kind for world in worlds_of(0, 4, None)} == {"generated"}


def test_a_panel_of_markets_is_generated_and_judged_with_coins_left_out() -> None:
    world = worlds_of(0, 2, None, markets=12)[1]
    assert (world.kind, len(world.symbols)) == ("generated", 12)
    assert len(candles_of(world, 2_000)) == 12
    plan = plan_of(world)
    assert gcd(plan.families[0].describe()["every_bars"], 24) == 1
    dataset = SimpleNamespace(symbols=world.symbols)
    assert sorted(sum(means_of(plan, dataset).groups, ())) == sorted(world.symbols)  # type: ignore[arg-type]
    few = worlds_of(0, 1, None)[0]
    assert means_of(plan_of(few), SimpleNamespace(symbols=few.symbols)).groups == ()  # type: ignore[arg-type]


def test_folds_are_adjacent_and_on_whole_hours() -> None:
    folds = folds_of(0, 90 * 86_400_000, 4)
    assert folds[0].start_ms == 0
    assert all(before.end_ms == after.start_ms for before, after in pairwise(folds))
    assert all(fold.start_ms % 3_600_000 == 0 for fold in folds)


def fate(passed_at: int | None, net: float) -> Fate:
    return Fate(passed_first=passed_at == 0, passed_at=passed_at, p_value=0.5, ic=0.0, net_return=net)


def test_figures_count_worlds_ever_promoted_and_scale_the_goals() -> None:
    null = [fate(None, -0.01), fate(7, 0.02), fate(0, -0.03), fate(None, 0.0)]
    figures = {figure.name: figure for figure in figures_of({"null": null, "planted": null, "weak": null}, 40)}
    assert figures["promoted_null"].value == 2
    assert figures["promoted_null_first"].value == 1
    assert figures["promoted_null"].is_met
    assert figures["promoted_planted"].is_met is False
    assert figures["null_net_return_z"].value == pytest.approx(score_of(np.array([-0.01, 0.02, -0.03, 0.0])))
    assert score_of(np.zeros(3)) == 0.0
