"""The training environment: its money is the kernel's, its mirror exact, its episodes end as the protocol wants."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from storage.config.models import RewardSettings
from strategies.errors import BadInput
from strategies.kernel import loop
from strategies.kernel.account import AccountState
from strategies.kernel.books import Bars, Scores
from strategies.kernel.execution import place_order, settle_minute
from strategies.kernel.exposure import ACCOUNT_COLUMNS, DEPOSIT, EXPOSURES, market_record
from strategies.kernel.risk import size
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import FACT, Reason
from strategies.market import HOUR_MS
from tests.training.families.ppo.agents import DIRECTIONAL, SETTINGS, environment, tracks
from training.families.ppo.environment_tracks import Tracks, standard_of, tracks_of

FLAT, LONG, SHORT = EXPOSURES.index(0.0), EXPOSURES.index(1.0), EXPOSURES.index(-1.0)
EPISODE = 50


def choices(agents: int, steps: int, seed: int = 0) -> np.ndarray:
    """Return (steps, agents) random choices that are kept for a few bars."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(EXPOSURES), (steps, agents))
    return np.where(rng.random(drawn.shape) < 0.4, drawn, FLAT)


def fixed_start(row: int = 0, **options: object) -> Tracks:
    """Return a world in which every episode begins at `row`."""
    from dataclasses import replace

    return replace(tracks(**options), starts=np.array([row]))  # type: ignore[arg-type]


def whole_episodes(agents) -> None:
    """Let the first episodes, which end at different times, be whole ones."""
    agents.agents["last_row"] = agents.agents["row"] + agents.tracks.episode_bars


def reference(world: Tracks, exposures: list[float]) -> tuple[list[int], list[int]]:
    """Trade exposures through `settle_minute`, in Python; return equity after each bar and all cash flows."""
    markets, rules = market_record(SETTINGS), SETTINGS.rules(HOUR_MS)
    state = AccountState.begin(markets=1, deposit=DEPOSIT, start_ms=int(world.open_ms[0]))
    state.positions["mark"], state.positions["last_ms"] = world.bars[0, 3], world.open_ms[0]
    account, positions, orders = state.account, state.positions, state.orders
    facts, equity, flows, held = np.zeros(64, FACT), [], [], 0.0
    books = state.books(markets, rules, facts)
    for row, wanted in enumerate(exposures, start=1):
        due_ms = int(world.open_ms[row])
        if wanted != held:
            mark = int(positions[0]["mark"])
            full = size(account[0]["equity"], 1, rules, markets[0], mark, wanted, 0.006, 0.6, 0.0) if wanted else 0
            target = int(np.sign(wanted)) * int(abs(wanted) * full)
            place_order(orders, 0, target, due_ms, due_ms, Reason.SIGNAL.value, 0, 0, 0)
            held = wanted
        present, funding = np.ones(1, np.bool_), world.funding_e8[row : row + 1]
        bars = world.bars[row : row + 1]
        count = settle_minute(books, due_ms, bars, present, funding, 0)
        flows += facts["cash_flow"][:count].tolist()
        equity.append(int(account[0]["equity"]))
    return equity, flows


def test_money_moves_as_in_the_kernel_to_the_unit() -> None:
    world = fixed_start()
    agents = environment(world, agents=1, mirrors=False)
    agents.reset()
    whole_episodes(agents)
    actions = choices(1, EPISODE - 1)
    equity = []
    for action in actions:
        agents.advance(action)
        equity.append(int(agents.ledgers[0][0]["equity"]))
    expected, flows = reference(world, [EXPOSURES[action] for action in actions[:, 0]])
    assert equity == expected
    assert int(agents.ledgers[0][0]["cash"]) == DEPOSIT + sum(flows)
    assert agents.ledgers[0][0]["funding"] != 0
    assert agents.ledgers[0][0]["fees"] > 0


def test_equals_the_backtest_loop_that_decides_the_same() -> None:
    world = fixed_start(rate_e8=-20_000)
    agents = environment(world, agents=1, mirrors=False)
    agents.reset()
    whole_episodes(agents)
    rng = np.random.default_rng(4)
    sides = np.repeat(rng.choice([-1.0, 0.0, 1.0], 10), 5)[: EPISODE - 1]
    equity = []
    for side in sides:
        agents.advance(np.array([EXPOSURES.index(side)]))
        equity.append(int(agents.ledgers[0][0]["equity"]))
    decision = SETTINGS.decision.model_copy(update={"stop_sigmas": 0.0, "take_sigmas": 0.0, "block_after_exit_h": 0.0})
    settings = SETTINGS.model_copy(
        update={"decision": decision, "risk": SETTINGS.risk.model_copy(update={"leverage_cap": 20.0})}
    )
    rows = len(sides) + 1
    column = np.ones((rows, 1))
    state = AccountState.begin(markets=1, deposit=DEPOSIT, start_ms=int(world.open_ms[0]))
    result = loop.run(
        state,
        market_record(settings),
        settings.rules(HOUR_MS),
        bars=Bars(
            world.open_ms[:rows],
            world.bars[:rows, None],
            np.ones((rows, 1), bool),
            world.funding_e8[:rows, None],
            np.arange(rows),
        ),
        scores=Scores(
            conviction=3.0 * np.append(sides, 0.0)[:, None],
            expected_return=np.nan * column,
            sigma=0.006 * column,
            volatility=0.6 * column,
            agreement=0.0 * column,
            strength=np.nan * column,
            not_ready=np.zeros((rows, 1), bool),
        ),
        bar_ms=HOUR_MS,
    )
    assert result.equity[1:].tolist() == equity
    assert (result.facts["kind"] == 1).sum() > 5


def test_rewards_sum_to_the_log_growth_of_the_equity() -> None:
    world = fixed_start()
    agents = environment(world, agents=4)
    agents.reset()
    whole_episodes(agents)
    total = np.zeros(4)
    for action in choices(4, EPISODE - 1):
        agents.step_async(action)
        total += agents.step_wait()[1]
    grown = np.log(agents.ledgers[0]["equity"] / DEPOSIT)
    scale = SETTINGS.risk.target_volatility / np.sqrt(365 * 24)
    assert np.abs(grown).min() > 1e-5
    np.testing.assert_allclose(total * scale, grown, rtol=1e-4)


def test_a_mirrored_agent_that_does_the_opposite_has_the_same_account() -> None:
    world = fixed_start()
    upright, mirrored = (environment(world, agents=1, mirrors=False) for _ in range(2))
    for agents in (upright, mirrored):
        agents.reset()
        whole_episodes(agents)
    mirrored.agents["mirror"] = -1
    signs = np.append(np.where(DIRECTIONAL, -1, 1), [-1] + [1] * (ACCOUNT_COLUMNS - 1))
    for action in choices(1, EPISODE - 1):
        upright.step_async(action)
        mirrored.step_async(len(EXPOSURES) - 1 - action)
        seen, paid, _, _ = upright.step_wait()
        opposite, paid_too, _, _ = mirrored.step_wait()
        assert np.array_equal(seen, opposite * signs)
        assert np.array_equal(paid, paid_too)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(upright.ledgers, mirrored.ledgers, strict=True))


def test_half_of_the_episodes_are_mirrored() -> None:
    agents = environment(agents=2000)
    agents.reset()
    assert abs(agents.agents["mirror"].mean()) < 0.1
    upright = environment(agents=200, mirrors=False)
    upright.reset()
    assert (upright.agents["mirror"] == 1).all()


def test_an_episode_is_cut_off_not_ended_and_tells_how_it_went() -> None:
    agents = environment(fixed_start(), agents=3)
    agents.reset()
    whole_episodes(agents)
    for step in range(EPISODE):
        agents.step_async(np.full(3, LONG))
        seen, _, ended, infos = agents.step_wait()
        assert ended.all() == (step == EPISODE - 1)
    for index, report in enumerate(infos):
        assert report["TimeLimit.truncated"] is True
        assert report["episode"]["l"] == EPISODE
        assert report["episode"]["equity"] != 1.0
        assert report["terminal_observation"][3] == 1.0  # it was LONG to the end
        assert seen[index, 3] == 0.0  # and begins flat


def test_first_episodes_end_at_different_times() -> None:
    agents = environment(tracks(4000, episode_bars=200), agents=500)
    agents.reset()
    assert len(np.unique(agents.agents["last_row"] - agents.agents["row"])) > 100


def test_costs_are_on_from_the_first_order() -> None:
    agents = environment(fixed_start(), agents=1, mirrors=False)
    agents.reset()
    agents.advance(np.array([LONG]))
    assert agents.ledgers[0][0]["fees"] > 0


def test_threads_do_not_change_a_bit() -> None:
    first, second = (environment(agents=64, seed=5, threads=threads) for threads in (1, 3))
    for agents in (first, second):
        agents.reset()
    for action in choices(64, 60):
        first.advance(action)
        second.advance(action)
    assert first.agents.tobytes() == second.agents.tobytes()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first.ledgers, second.ledgers, strict=True))


def test_same_seed_starts_at_the_same_places() -> None:
    first, again, other = (environment(agents=16, seed=seed) for seed in (1, 1, 2))
    seen = [agents.reset().copy() for agents in (first, again, other)]
    assert np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"profit": 1.0}, None),
        ({"drawdown_penalty": 10.0, "drawdown_limit": 0.0}, -10.0),
        ({"overtrading_penalty": 5.0, "overtrading_limit": 1}, -5.0),
        ({"sharpe_bonus": 5.0, "sharpe_threshold": -100.0}, 5.0),
    ],
)
def test_each_reward_term_pays_what_it_says(terms: dict[str, float], expected: float | None) -> None:
    reward = RewardSettings(volatility_return=0.0, **terms)  # type: ignore[arg-type]
    agents = environment(fixed_start(), agents=1, mirrors=False, reward=reward)
    agents.reset()
    whole_episodes(agents)
    before = DEPOSIT
    for step in range(40):
        agents.step_async(np.array([LONG if step % 2 else SHORT]))  # loses its costs every bar
        _, [paid], _, _ = agents.step_wait()
        equity = int(agents.ledgers[0][0]["equity"])
        if expected is None:
            assert paid == pytest.approx(100 * (equity / before - 1), rel=1e-4)
        before = equity
    if expected is not None:
        assert paid == expected


def test_all_reward_terms_are_off_by_default_but_the_net_return() -> None:
    default = RewardSettings().model_dump()
    weights = {name: default[name] for name in ("profit", "drawdown_penalty", "overtrading_penalty", "sharpe_bonus")}
    assert not any(weights.values())
    assert default["volatility_return"] == 1.0


def test_no_episode_reaches_past_what_may_be_known() -> None:
    from tests.training.families.ppo.agents import dataset

    made = dataset()
    until_ms = made.from_ms + 3000 * HOUR_MS
    world = tracks_of(made, standard_of(made, until_ms), until_ms=until_ms, episode_bars=100)
    assert world.open_ms.max() + HOUR_MS <= until_ms
    ends = world.starts + world.episode_bars
    assert (world.open_ms[ends] - world.open_ms[world.starts] == 100 * HOUR_MS).all()


def test_too_short_a_history_is_refused_with_the_numbers() -> None:
    from tests.training.families.ppo.agents import dataset

    made = dataset()
    until_ms = made.from_ms + 1000 * HOUR_MS
    with pytest.raises(BadInput, match="5000 warm bars"):
        tracks_of(made, standard_of(made, until_ms), until_ms=until_ms, episode_bars=5000)


def test_ruin_ends_an_episode_for_good() -> None:
    world = fixed_start()
    settings = TradingSettings(
        execution=SETTINGS.execution.model_copy(update={"fee_bps": 1000.0}), risk=SETTINGS.risk
    ).model_copy(update={"decision": SETTINGS.decision, "protections": SETTINGS.protections})
    agents = environment(world, agents=1, mirrors=False, settings=settings)
    agents.reset()
    whole_episodes(agents)
    for step in range(EPISODE - 1):
        agents.step_async(np.array([LONG if step % 2 else SHORT]))
        _, _, ended, infos = agents.step_wait()
        if ended[0]:
            break
    assert ended[0]
    assert infos[0]["TimeLimit.truncated"] is False


def test_one_agent_passes_gymnasiums_own_checker(recwarn: pytest.WarningsRecorder) -> None:
    from gymnasium.utils.env_checker import check_env

    from training.families.ppo.gym_environment import AgentEnv

    check_env(AgentEnv(environment(tracks(4000, episode_bars=200), agents=1)), skip_render_check=True)
    assert [str(found.message) for found in recwarn if "gymnasium" in str(found.filename)] == []


def test_gymnasium_sees_the_end_of_an_episode_in_its_own_last_observation() -> None:
    from training.families.ppo.gym_environment import AgentEnv

    single = AgentEnv(environment(fixed_start(), agents=1, mirrors=False))
    single.reset(seed=1)
    for _ in range(EPISODE):
        seen, _, terminated, truncated, _ = single.step(np.int64(LONG))
        if truncated:
            break
    assert truncated
    assert not terminated
    assert seen[3] == 1.0
