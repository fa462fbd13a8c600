"""The PPO trainer: Stable-Baselines3 over thousands of kernel accounts, several seeds, each from scratch.

Reads top to bottom: what is reported, one policy, the whole model. The recipe is the one that validated best: reward is
the net log return in deviations of the volatility target, half of the episodes are mirrored, costs are on from the
first order, learning rate and entropy bonus fall to nothing. Torch runs on one thread: two are slower for nets this
small. What is kept are the actor's numbers, never Stable-Baselines3's zip, whose reader executes pickles.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv

from storage.config.models import PpoSettings
from strategies.kernel.settings import TradingSettings
from strategies.predictors.ppo_model import PpoModel
from strategies.predictors.ppo_policy import Policy, Standard
from training.families.ppo.environment import AgentsEnv
from training.families.ppo.environment_tracks import Tracks

REPORTS: Final = 8  # of one seed's training
VALUE_WEIGHT: Final = 0.5
CLIP_NORM: Final = 0.5
_RECENT_EPISODES: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PpoProgress:
    """How one seed's training stands; means over the recent episodes, NaN before the first one ended.

    Attributes:
        reward: mean sum of an episode's rewards.
        equity: mean equity an episode ended with, as a multiple of what it began with; costs included, and the random
            choices of exploration.
        policy: as it stands.
        steps_per_s: end to end since the start.
    """

    seed: int
    steps: int
    total_steps: int
    episodes: int
    reward: float
    equity: float
    policy: Policy
    steps_per_s: float


Observer = Callable[[PpoProgress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What policies learn from.

    Attributes:
        tracks: the bars, standardised by `standard`.
        trained_until_ms: by when all of them were known, for the record.
        reads: the families whose scores are the last columns of the tracks.
    """

    tracks: Tracks
    standard: Standard
    trained_until_ms: int
    reads: tuple[str, ...] = ()


def fit(
    lesson: Lesson,
    settings: PpoSettings,
    trading: TradingSettings,
    *,
    seed: int,
    device: str = "cpu",
    on_progress: Observer = lambda progress: None,
) -> PpoModel:
    """Train `settings.seeds` policies and return them as one model.

    Args:
        lesson: what to learn from.
        trading: of the agents' accounts; see `strategies.kernel.exposure.agent_settings`.
        seed: of the first policy; the next ones count up.
    """
    tracks, standard = lesson.tracks, lesson.standard
    policies = tuple(
        fit_policy(tracks, standard, settings, trading, seed=seed + index, device=device, on_progress=on_progress)
        for index in range(settings.seeds)
    )
    return PpoModel(
        policies=policies,
        standard=standard,
        trading=trading,
        timeframe=trading.decision.timeframe,
        roll_bars=settings.roll_bars,
        mirrored=settings.mirror,
        trained_until_ms=lesson.trained_until_ms,
        reads=lesson.reads,
    )


def fit_policy(
    tracks: Tracks,
    standard: Standard,
    settings: PpoSettings,
    trading: TradingSettings,
    *,
    seed: int,
    device: str,
    on_progress: Observer,
) -> Policy:
    """Train one policy; the same seed, bars and machine give the same bits."""
    environment = AgentsEnv(
        tracks,
        directional=standard.directional,
        settings=trading,
        reward=settings.reward,
        agents=settings.environments,
        seed=seed,
        mirrors=settings.mirror,
    )
    with torch.random.fork_rng(devices=[0] if device == "cuda" else []):
        learner = learner_of(environment, settings, seed=seed, device=device)
        learner.learn(settings.total_timesteps, callback=_Watch(settings, seed, on_progress))
    return policy_of(learner)


def learner_of(environment: VecEnv, settings: PpoSettings, *, seed: int, device: str) -> PPO:
    """Return Stable-Baselines3's PPO with the configured settings; the benchmark runs its rival through the same."""
    torch.set_num_threads(1)
    units = [settings.hidden_size, settings.hidden_size]
    return PPO(
        "MlpPolicy",
        environment,
        learning_rate=lambda remaining: settings.learning_rate * max(remaining, 0.02),
        n_steps=settings.rollout_steps,
        batch_size=min(settings.batch_size, settings.rollout_steps * settings.environments),
        n_epochs=settings.epochs,
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip_range,
        ent_coef=settings.entropy_weight,
        vf_coef=VALUE_WEIGHT,
        max_grad_norm=CLIP_NORM,
        stats_window_size=_RECENT_EPISODES,
        policy_kwargs={"net_arch": {"pi": units, "vf": units}},
        seed=seed,
        device=device,
        verbose=0,
    )


def policy_of(learner: PPO) -> Policy:
    """Return the actor's numbers, transposed for the compiled pass."""
    modules = [*learner.policy.mlp_extractor.policy_net, learner.policy.action_net]
    numbers = []
    for layer in (module for module in modules if isinstance(module, torch.nn.Linear)):
        numbers.append(np.ascontiguousarray(layer.weight.detach().cpu().numpy().T))
        numbers.append(layer.bias.detach().cpu().numpy().copy())
    w1, b1, w2, b2, w3, b3 = numbers
    return Policy(w1=w1, b1=b1, w2=w2, b2=b2, w3=w3, b3=b3)


class _Watch(BaseCallback):
    """Reports every eighth of the way, and lets the entropy bonus fade with the learning rate."""

    def __init__(self, settings: PpoSettings, seed: int, on_progress: Observer) -> None:
        super().__init__()
        self._settings, self._seed, self._tell = settings, seed, on_progress
        self._rollout = settings.rollout_steps * settings.environments
        self._total = -(-settings.total_timesteps // self._rollout) * self._rollout
        self._told, self._episodes = 0, 0
        self._began = time.perf_counter()

    def _on_step(self) -> bool:
        self._episodes += int(np.count_nonzero(self.locals["dones"]))
        return True

    @property
    def _learner(self) -> PPO:
        return cast(PPO, self.model)

    def _on_rollout_start(self) -> None:
        self._learner.ent_coef = self._settings.entropy_weight * max(1.0 - self.num_timesteps / self._total, 0.0)
        if self.num_timesteps:
            self._report()

    def _on_training_end(self) -> None:
        self._report()

    def _report(self) -> None:
        done = REPORTS * self.num_timesteps // self._total
        if done <= self._told:
            return
        self._told = done
        recent: list[dict[str, float]] = list(self._learner.ep_info_buffer or [])
        self._tell(
            PpoProgress(
                seed=self._seed,
                steps=self.num_timesteps,
                total_steps=self._total,
                episodes=self._episodes,
                reward=float(np.mean([episode["r"] for episode in recent])) if recent else float("nan"),
                equity=float(np.mean([episode["equity"] for episode in recent])) if recent else float("nan"),
                policy=policy_of(self._learner),
                steps_per_s=self.num_timesteps / max(time.perf_counter() - self._began, 1e-9),
            )
        )
