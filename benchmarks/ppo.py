"""How fast PPO learns end to end through Stable-Baselines3, beside the same learner on an empty environment.

    python -m benchmarks.ppo [--steps 131072] [--rounds 4] [--json]

Both learners have the shipped settings, networks and observation width, run alternately in the same process, and the
fastest round of each counts, since others use the machine too. The empty environment returns constants: what it leaves
is Stable-Baselines3 and torch alone, so the ratio is the share of the time that is not spent in our environment.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from benchmarks.agents import DIRECTIONAL, SETTINGS, tracks
from benchmarks.figures import Figure, show
from storage.config.models import PpoSettings
from training.families.ppo.environment import AgentsEnv
from training.families.ppo.trainer import learner_of

SETTLE: Final = 1  # rollouts before the clock starts: compiling, first allocations


class EmptyEnv(VecEnv):
    """Agents to whom nothing ever happens."""

    render_mode: str | None = None

    def __init__(self, like: AgentsEnv) -> None:
        super().__init__(like.num_envs, like.observation_space, like.action_space)
        self._seen = like.reset() * 0.0
        self._paid, self._ended = np.zeros(like.num_envs, np.float32), np.zeros(like.num_envs, bool)
        self._infos: list[dict[str, Any]] = [{} for _ in range(like.num_envs)]

    def reset(self) -> np.ndarray:
        return self._seen

    def step_async(self, actions: np.ndarray) -> None:
        """Nothing to take."""

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        return self._seen, self._paid.copy(), self._ended, self._infos

    def close(self) -> None:
        """Nothing is held open."""

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        return [seed] * self.num_envs

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self, attr_name)] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        setattr(self, attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        return [getattr(self, method_name)(*method_args, **method_kwargs)] * self.num_envs

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ppo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--steps", type=int, default=131_072, help="of each round")
    parser.add_argument("--rounds", type=int, default=4, help="of each environment, alternately")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    options = parser.parse_args()
    ours, empty = measure(PpoSettings(total_timesteps=options.steps), options.rounds, options.device)
    figures = [
        Figure(
            name="steps_per_s",
            value=ours,
            unit="1/s end to end",
            goal=">= 80e3",
            rival="Stable-Baselines3 on an empty environment",
            rival_value=empty,
        ),
        Figure(name="ratio_to_noop", value=ours / empty, unit="", goal=">= 0.85"),
    ]
    load = round(os.getloadavg()[0], 2)
    show("ppo", figures, as_json=options.json, device=options.device, load=load)


def measure(settings: PpoSettings, rounds: int, device: str) -> tuple[float, float]:
    """Return steps per second end to end: on our environment, and on the empty one."""
    agents = AgentsEnv(
        tracks(),
        directional=DIRECTIONAL,
        settings=SETTINGS,
        reward=settings.reward,
        agents=settings.environments,
    )
    learners = [learner_of(environment, settings, seed=0, device=device) for environment in (agents, EmptyEnv(agents))]
    elapsed: list[list[float]] = [[], []]
    rollout = settings.environments * settings.rollout_steps
    for learner in learners:
        learner.learn(SETTLE * rollout)
    steps = -(-settings.total_timesteps // rollout) * rollout
    for _ in range(rounds):
        for learner, times in zip(learners, elapsed, strict=True):
            began = time.perf_counter()
            learner.learn(settings.total_timesteps)
            times.append(time.perf_counter() - began)
    return steps / min(elapsed[0]), steps / min(elapsed[1])


if __name__ == "__main__":
    main()
