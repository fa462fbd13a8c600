"""The judgement of the agent that sizes a book, on books of noise: every way stands beside the same fixed rule."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from benchmarks.book import Half
from benchmarks.book_agent import (
    AGENTS,
    CHANCE,
    FIXED,
    KINDS,
    RIVAL,
    Walked,
    documents,
    figures_of,
    print_rows,
    tried,
    verdicts,
    write_down,
)
from storage.models.trial_log import read_trials
from tests.training.sizing.books import COINS, candles, path, settings
from training.sizing.agent import PPO_SETTINGS, Recipe
from training.sizing.environment import Worth
from training.sizing.levels import actions

DAYS, YEAR_D = 50, 20
PPO = PPO_SETTINGS.model_copy(update={"total_timesteps": 64, "rollout_steps": 16, "environments": 4, "seeds": 2})
NAMES = tuple(AGENTS)
RECIPES = {name: Recipe(worth=Worth(caution=0.1), episode_days=8, ppo=PPO) for name in NAMES}


def half(seed: int) -> Half:
    run = candles(DAYS, seed=seed)
    return Half(path=path(run, seed=seed), candles=run, slippages=np.full(COINS, 9.0))


HALVES = (half(1), half(2))


@pytest.fixture(scope="module")
def walked() -> Walked:
    return tried(HALVES, settings(), RECIPES, year_d=YEAR_D)


def test_every_way_lives_the_same_days_beside_the_fixed_rule(walked: Walked) -> None:
    for rows in walked.rows:
        names = [row.name for row in rows]
        assert names[0] == FIXED
        assert len(names) == len(set(names)) == len(actions()) + 3 * len(NAMES) + 2
        assert {RIVAL, CHANCE, "gross 0", "agent, less variance, seed 2"} <= set(names)
        for row in rows:
            assert {len(row.lived[kind].returns) for kind in KINDS} == {DAYS - YEAR_D}
            assert row.as_is.days.tolist() == list(range(YEAR_D, DAYS))
        assert [gain.difference for gain in rows[0].ahead_of(rows[0])] == [0.0, 0.0, 0.0]


def test_costs_cost_and_chance_chooses_otherwise(walked: Walked) -> None:
    rows = {row.name: row for row in walked.rows[1]}
    sums = [rows[FIXED].lived[kind].returns.sum() for kind in KINDS]
    assert sums[0] > sums[2] > sums[1]
    assert rows["gross 0"].as_is.turnover < rows["gross 0.5"].as_is.turnover < rows[FIXED].as_is.turnover
    assert not np.array_equal(rows[CHANCE].as_is.returns, rows[FIXED].as_is.returns)


def test_what_is_printed_has_every_line_and_the_verdicts(walked: Walked, capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(walked, HALVES)
    printed = capsys.readouterr().out
    assert f"{COINS} coins that taught nothing, {DAYS - YEAR_D} days: as is / costs x 2 / by turnover" in printed
    for name in (*(row.name for row in walked.rows[1]), *verdicts(walked)):
        assert printed.count(name) >= 1
    names = [figure.name for figure in figures_of(walked)]
    assert names == ["training", *(f"net Sharpe, {name}" for name in (*NAMES, RIVAL, CHANCE))]


def test_the_verdict_and_every_line_are_written_down(walked: Walked, tmp_path: Path) -> None:
    said = verdicts(walked)
    assert len(said) == len(NAMES) + 1
    assert all(("weighs nothing" in line) != ("earned a say" in line) for line in said)
    rows = json.loads(json.dumps(documents(walked), allow_nan=False))
    assert len(rows) == sum(map(len, walked.rows))
    for rows_of_half, part in zip(walked.rows, HALVES, strict=True):
        write_down(rows_of_half, part, RECIPES, tmp_path)
    trials = read_trials(tmp_path)
    assert [trial.kind for trial in trials] == [f"book agent: {row.name}" for rows in walked.rows for row in rows]
    assert len({trial.recipe for trial in trials}) == len(walked.rows[0])
