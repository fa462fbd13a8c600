"""Gymnasium environment: one agent, for whoever brings an algorithm of their own; the same compiled step."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from training.families.ppo.environment import AgentsEnv


class AgentEnv(gymnasium.Env[np.ndarray, np.int64]):
    """One account of one market.

    Args:
        agents: an `AgentsEnv` of one agent, which this one takes over.

    Raises:
        ValueError: it has more than one.
    """

    def __init__(self, agents: AgentsEnv) -> None:
        if agents.num_envs != 1:
            raise ValueError(f"found {agents.num_envs} agents; exactly one is needed")
        self.metadata = {"render_modes": []}
        self._agents = agents
        self.observation_space = agents.observation_space
        self.action_space = agents.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode at a random bar; the same seed begins at the same one."""
        super().reset(seed=seed)
        if seed is not None:
            self._agents.seed(seed)
        return self._agents.reset()[0].copy(), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Live through one bar; a truncated or terminated episode returns its own last observation."""
        self._agents.step_async(np.array([action]))
        observations, rewards, ended, reports = self._agents.step_wait()
        seen, report = observations[0].copy(), dict(reports[0])
        if ended[0]:
            seen = report.pop("terminal_observation")
        truncated = bool(ended[0]) and report["TimeLimit.truncated"]
        return seen, float(rewards[0]), bool(ended[0]) and not truncated, truncated, report
