"""The agent that sizes: it learns what is plain, repeats itself to the bit, and is judged beside the fixed rule."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")

from tests.training.sizing.books import book, changing, wrong_book
from training.sizing.agent import PPO_SETTINGS, Recipe, fit
from training.sizing.environment import Past, Worth
from training.sizing.judgement import Always, Term, by_chance, live, verdict
from training.sizing.levels import DEFAULT, GROSS
from training.sizing.observation import OBSERVED

DAYS = 120
DAYS_TAUGHT = 60
QUICK = PPO_SETTINGS.model_copy(
    update={"total_timesteps": 2048, "environments": 8, "batch_size": 128, "learning_rate": 3e-3, "seeds": 1}
)


def recipe(**ppo: int) -> Recipe:
    return Recipe(worth=Worth(caution=0.0), ppo=QUICK.model_copy(update=ppo))


def test_where_the_scores_are_wrong_it_learns_to_hold_nothing() -> None:
    past = Past(wrong_book(DAYS))
    agent = fit(past.before(DAYS_TAUGHT), recipe(), seed=1)
    own = live(past, [Term(first=DAYS_TAUGHT, until=DAYS, chooser=agent)])
    fixed = live(past, [Term(first=DAYS_TAUGHT, until=DAYS, chooser=Always(DEFAULT))])
    assert fixed.returns.sum() < -0.2
    assert own.taken[0][GROSS.index(0.0)] > 0.8
    assert own.returns.sum() > 0.5 * fixed.returns.sum()
    assert own.turnover < 0.2 * fixed.turnover


def test_the_same_seed_is_the_same_agent_and_another_one_is_another() -> None:
    past = Past(book(80))
    agents = [fit(past, recipe(total_timesteps=512), seed=seed) for seed in (3, 3, 4)]
    seen = np.linspace(-1, 1, len(OBSERVED), dtype=np.float32)
    chances = [np.concatenate(agent.actors[0].chances(seen)).tolist() for agent in agents]
    assert chances[0] == chances[1] != chances[2]


def test_several_seeds_are_one_agent() -> None:
    past = Past(book(80))
    agent = fit(past, recipe(total_timesteps=512, seeds=2), seed=3)
    seen = np.zeros(len(OBSERVED), np.float32)
    both = [actor.chances(seen) for actor in agent.actors]
    wanted = tuple(int(np.argmax(first + second)) for first, second in zip(*both, strict=True))
    assert agent(seen) == wanted


def test_terms_hand_one_account_on() -> None:
    past = Past(book(60))
    whole = live(past, [Term(first=10, until=60, chooser=Always((3, 0, 1)))])
    parts = live(past, [Term(first=at, until=at + 25, chooser=Always((3, 0, 1))) for at in (10, 35)])
    assert np.array_equal(whole.returns, parts.returns)
    assert [part.sum() for part in parts.taken] == pytest.approx([1.0, 1.0, 1.0])
    assert len(whole.days) == len(whole.returns) == len(whole.turnovers) == 50
    fixed = live(past, [Term(first=10, until=60, chooser=Always(DEFAULT))])
    assert fixed.ahead_of(fixed).difference == 0.0
    assert "is not ahead" in verdict("nobody", [fixed.ahead_of(fixed)])


def test_many_days_at_once_are_the_days_one_by_one() -> None:
    past = Past(book(50, roster=changing()))
    for action in ((2, 1, 0), (1, 2, 1), (0, 1, 0)):
        once = live(past, [Term(first=3, until=50, chooser=Always(action))])
        daily = live(past, [Term(first=day, until=day + 1, chooser=Always(action)) for day in range(3, 50)])
        assert np.array_equal(once.returns, daily.returns)
        assert once.turnovers == pytest.approx(daily.turnovers, rel=1e-12)
        assert [part.tolist() for part in once.taken] == [part.tolist() for part in daily.taken]


def test_chance_takes_every_level_about_as_often() -> None:
    lived = live(Past(book(100)), [Term(first=1, until=100, chooser=by_chance(1))])
    assert min(float(part.min()) for part in lived.taken) > 0.1
