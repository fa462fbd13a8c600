"""The training environment: a Stable-Baselines3 `VecEnv` of thousands of one-market accounts over the kernel.

Each agent starts at a random bar, flat; costs are on from its first order. Every `episode_bars` its episode is cut off
(truncated: the value of the last observation is bootstrapped), and it begins elsewhere. With `mirrors` half of the
episodes show the market upside down: directional inputs change sign and the account takes the other side, which is
exact, for costs do not know sides. So nobody learns that prices rise.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import numba
import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from storage.config.models import RewardSettings
from strategies.kernel.exposure import ACCOUNT_COLUMNS, EXPOSURES, FACT_ROWS, market_record
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import ACCOUNT, FACT, ORDER, POSITION
from strategies.market import DAY_MS
from training.families.ppo.environment_step import AGENT, REWARD, RUNNING, TRUNCATED, start_all, step_all, step_share
from training.families.ppo.environment_tracks import Tracks

BOUND: Final = 4.0  # of every observation
_YEAR_MS: Final = 365 * DAY_MS


class AgentsEnv(VecEnv):
    """Thousands of agents, each with an account of one market.

    Args:
        tracks: the bars.
        directional: (F,) bool, columns that change sign in the mirrored market.
        settings: what trading costs and how it is sized; see `strategies.kernel.exposure.agent_settings`.
        reward: the terms.
        agents: how many.
        seed: of where they start.
        mirrors: half of the episodes are upside down.
        threads: that share the agents out; beside a network one is enough, and waiting for a second one costs more.

    Observations are (N, F + ACCOUNT_COLUMNS) float32, actions indices into `EXPOSURES`. Infos of an episode's last step
    hold `terminal_observation`, `TimeLimit.truncated`, and `episode` with r, l, t and the equity it ended with as a
    multiple of what it began with. The arrays returned are the environment's own, overwritten by the next step but for
    the observations, of which there are two in turn.
    """

    render_mode: str | None = None

    def __init__(
        self,
        tracks: Tracks,
        *,
        directional: np.ndarray,
        settings: TradingSettings,
        reward: RewardSettings,
        agents: int,
        seed: int = 0,
        mirrors: bool = True,
        threads: int = 1,
    ) -> None:
        width = tracks.features.shape[1] + ACCOUNT_COLUMNS
        super().__init__(agents, spaces.Box(-BOUND, BOUND, (width,), np.float32), spaces.Discrete(len(EXPOSURES)))
        self.tracks = tracks
        self._packed = tracks.packed()
        self.agents = np.zeros(agents, AGENT)
        self.agents["mirror"] = 1
        self.ledgers = (np.zeros(agents, ACCOUNT), np.zeros(agents, POSITION), np.zeros(agents, ORDER))
        timeframe = settings.decision.timeframe
        self.terms = (market_record(settings), settings.rules(timeframe.ms), reward_record(reward, settings))
        self._signs = np.where(directional, -1.0, 1.0).astype(np.float32)
        self._mirrors = mirrors
        self._shares = max(1, min(threads, numba.get_num_threads(), agents))
        self._facts = np.zeros((self._shares, FACT_ROWS), FACT)
        self._observations = [np.zeros((agents, width), np.float32) for _ in range(2)]
        self._rewards, self._ended = np.zeros(agents, np.float32), np.zeros(agents, np.int64)
        self._finals, self._ended_agents = np.zeros((agents, width), np.float32), np.zeros(agents, AGENT)
        self._actions = np.zeros(agents, np.int64)
        self._running: list[dict[str, Any]] = [{} for _ in range(agents)]
        self._began = time.perf_counter()
        self.seed(seed)

    def reset(self) -> np.ndarray:
        """Begin an episode for every agent and return what they see; the first episodes end at different times."""
        start_all(
            self.agents,
            self.ledgers,
            self.terms,
            self._packed,
            self._signs,
            self.tracks.starts,
            self.tracks.episode_bars,
            min(self.tracks.episode_bars, 1 + self.tracks.episode_bars // 8),
            self._mirrors,
            self._facts[0],
            self._observations[0],
        )
        return self._observations[0]

    def step_async(self, actions: np.ndarray) -> None:
        """Take the agents' choices."""
        self._actions[:] = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Return (observations, rewards, ended, infos) after one bar."""
        ended = self.advance(self._actions)
        return self._observations[0], self._rewards.copy(), ended, self._infos(ended)

    def advance(self, actions: np.ndarray) -> np.ndarray:
        """Move every agent one bar on, without making infos; return (N,) bool, whose episode ended."""
        self._observations.reverse()
        seen = (self._observations[0], self._rewards, self._ended, self._finals, self._ended_agents)
        world = (self.agents, self.ledgers, self.terms, self._packed, self._signs, self.tracks.starts)
        rest = (self.tracks.episode_bars, self._mirrors)
        if self._shares == 1:
            step_share(0, self.num_envs, actions, *world, *rest, self._facts[0], seen)
        else:
            step_all(self._shares, actions, *world, *rest, self._facts, seen)
        found: np.ndarray = self._ended != RUNNING
        return found

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed every agent's generator: agent i of seed s starts where agent i of seed s always starts."""
        drawn = np.random.SeedSequence(seed).generate_state(self.num_envs, np.uint64)
        self.agents["random"] = drawn
        return [None if seed is None else seed + index for index in range(self.num_envs)]

    def _infos(self, ended: np.ndarray) -> list[dict[str, Any]]:
        if not ended.any():
            return self._running
        infos = self._running.copy()
        for index in np.flatnonzero(ended):
            agent = self._ended_agents[index]
            infos[index] = {
                "terminal_observation": self._finals[index].copy(),
                "TimeLimit.truncated": bool(self._ended[index] == TRUNCATED),
                "episode": {
                    "r": float(agent["reward"]),
                    "l": int(agent["steps"]),
                    "t": time.perf_counter() - self._began,
                    "equity": float(np.exp(agent["returns"])),
                },
            }
        return infos

    def close(self) -> None:
        """Nothing is held open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return the environment's attribute once for each index asked for."""
        return [getattr(self, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of all agents; they share one environment."""
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Call a method of the environment, once; its result stands for each index asked for."""
        result = getattr(self, method_name)(*method_args, **method_kwargs)
        return [result] * len(list(self._get_indices(indices)))

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """Return that no agent is wrapped."""
        return [False] * len(list(self._get_indices(indices)))


def reward_record(reward: RewardSettings, settings: TradingSettings) -> np.ndarray:
    """Return the (1,) REWARD record: weights, and one target deviation a bar as the unit of `volatility_return`."""
    bars_per_year = _YEAR_MS / settings.decision.timeframe.ms
    record = np.zeros(1, REWARD)
    for name, value in reward.model_dump().items():
        record[name] = value
    record["scale"] = settings.risk.target_volatility / np.sqrt(bars_per_year)
    record["bars_per_year"] = bars_per_year
    return record
