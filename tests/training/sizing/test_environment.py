"""The gymnasium environment of a book: honest days, nothing from the future, rewards that are the account's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from gymnasium.utils.env_checker import check_env

from strategies.market import CLOSE
from tests.training.sizing.books import book, candles, changing, path, settings
from training.sizing.account import Book, BookAccount
from training.sizing.environment import SCALE, BookEnv, Past, Worth
from training.sizing.levels import DEFAULT, SHAPE
from training.sizing.observation import OBSERVED, daily_target, observe

DAYS, EPISODE = 40, 10
ALONE = Worth(caution=0.0)


def environment(made: Book | None = None, worth: Worth = ALONE) -> tuple[BookEnv, Past]:
    past = Past(made or book(DAYS))
    return BookEnv(past, worth, episode_days=EPISODE), past


def test_it_is_an_environment_as_gymnasium_has_them() -> None:
    made, _ = environment()
    check_env(made, skip_render_check=True)


def test_who_always_takes_the_default_is_the_fixed_rule_and_earns_no_reward() -> None:
    made, past = environment(book(DAYS, roster=changing()), Worth(caution=0.3))
    for seed in range(5):
        _, told = made.reset(seed=seed)
        for day in range(EPISODE):
            _, reward, ended, cut, _ = made.step(np.array(DEFAULT))
            assert reward == 0.0
            assert (ended, cut) == (False, day == EPISODE - 1)
        after = told["day"] + EPISODE
        assert made._account.state.to_bytes() == past.standings[after].state.to_bytes()


def test_a_reward_is_what_the_day_was_worth_beyond_the_fixed_rules() -> None:
    worth = Worth(caution=0.5)
    made, past = environment(worth=worth)
    _, told = made.reset(seed=1)
    equities, rewards = [int(past.standings[told["day"]].state.account["equity"][0])], []
    for _ in range(EPISODE):
        rewards.append(made.step(np.array((3, 0, 2)))[1])
        equities.append(int(made._account.state.account["equity"][0]))
    own = np.diff(np.log(equities)) / daily_target(past.book)
    fixed = past.fixed[told["day"] : told["day"] + EPISODE]
    assert rewards == pytest.approx(list(SCALE * (worth(own) - worth(fixed))), rel=1e-9)
    assert max(map(abs, rewards)) > 0.0


def test_one_seed_is_one_episode() -> None:
    lives = []
    for _ in range(2):
        made, _ = environment()
        seen, told = made.reset(seed=4)
        actions = np.random.default_rng(1).integers(0, SHAPE, (EPISODE, len(SHAPE)))
        lives.append([told["day"], *seen, *(value for action in actions for value in made.step(action)[0])])
    assert lives[0] == lives[1]


def test_what_an_agent_sees_knows_nothing_of_the_days_to_come() -> None:
    run, until = candles(DAYS), 25
    said = path(run)
    first = int(Book.of(said, run, settings()).borders[until])
    bars = run.bars.copy()
    bars[first:, :, :CLOSE] *= 3  # every price from the midnight on
    after = replace(run, bars=bars)
    later = np.arange(len(said.ms))[:, None] >= first
    other = replace(
        said,
        conviction=np.where(later, 5.0, said.conviction),
        volatility=np.where(later, 5.0, said.volatility),
        sigma=np.where(later, 5.0, said.sigma),
        book=np.where(later[:, 0], 0.1, said.book),
        ready=said.ready | later,
    )
    seen = []
    for made in (Book.of(said, run, settings()), Book.of(other, after, settings())):
        past = Past(made)
        account = BookAccount(made, past.standings[until])
        seen.append(observe(account, past.market, np.array(DEFAULT), 3))
        assert not np.array_equal(past.market[until + 1], np.zeros(6))
    assert np.array_equal(seen[0], seen[1])
    assert np.count_nonzero(seen[0]) > len(OBSERVED) // 2


def test_too_few_days_to_live_in_are_refused() -> None:
    past = Past(book(20))
    with pytest.raises(ValueError, match="19 days to live in; an episode has 30"):
        BookEnv(past, ALONE, episode_days=30)
    with pytest.raises(ValueError, match="7 days to live in"):
        BookEnv(past.before(8), ALONE, episode_days=EPISODE)
