"""The PPO agent that sizes a book: Stable-Baselines3 over accounts of the real kernel, kept as plain numbers.

It begins as the fixed rule, whose levels are likelier than all others together, and has to find what is better. Several
seeds are one agent: their probabilities are averaged and the likeliest level of each kind is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

from storage.config.models import PpoSettings
from training.families.ppo.trainer import learner_of
from training.sizing.environment import BookEnv, Past, Worth
from training.sizing.levels import DEFAULT, SHAPE

RECIPE: Final = PpoSettings(
    total_timesteps=40_000,
    learning_rate=1e-3,
    environments=16,
    rollout_steps=64,
    batch_size=256,
    epochs=4,
    hidden_size=32,
    gamma=0.9,
    gae_lambda=0.9,
    entropy_weight=0.01,
)
EPISODE_DAYS: Final = 56
HEAD_START: Final = 1.5  # of the fixed rule's levels, in logits


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One seed: tanh(tanh(x w1 + b1) w2 + b2) w3 + b3 are the logits of all levels, kind after kind; float32."""

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]

    @classmethod
    def of(cls, learner: PPO) -> Self:
        """Return the actor that a learner has found."""
        modules = [*learner.policy.mlp_extractor.policy_net, learner.policy.action_net]
        linear = [module for module in modules if isinstance(module, torch.nn.Linear)]
        return cls(layers=tuple((part.weight.detach().numpy().T.copy(), part.bias.detach().numpy().copy()) for part in linear))

    def chances(self, seen: np.ndarray) -> list[np.ndarray]:
        """Return the probabilities of each kind's levels."""
        values = seen
        for number, (weights, bias) in enumerate(self.layers):
            values = values @ weights + bias
            values = np.tanh(values) if number + 1 < len(self.layers) else values
        parts = np.split(values, np.cumsum(SHAPE)[:-1])
        return [np.exp(part - part.max()) / np.exp(part - part.max()).sum() for part in parts]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingAgent:
    """Some actors as one agent."""

    actors: tuple[Actor, ...]

    def __call__(self, seen: np.ndarray) -> tuple[int, int, int]:
        """Return the action for an observation."""
        every = [actor.chances(seen) for actor in self.actors]
        means = [np.mean([chances[kind] for chances in every], axis=0) for kind in range(len(SHAPE))]
        gross, band, least = (int(np.argmax(mean)) for mean in means)
        return gross, band, least


Watcher = Callable[[int, PPO], None]


def fit(past: Past, worth: Worth, *, seed: int, settings: PpoSettings = RECIPE) -> SizingAgent:
    """Return the agent of `settings.seeds` seeds, each trained from the fixed rule on; equal arguments, equal bits."""
    return SizingAgent(
        actors=tuple(fit_actor(past, worth, seed=seed + index, settings=settings) for index in range(settings.seeds))
    )


def fit_actor(past: Past, worth: Worth, *, seed: int, settings: PpoSettings = RECIPE) -> Actor:
    """Train one seed."""
    with torch.random.fork_rng(devices=[]):
        world = DummyVecEnv([lambda: BookEnv(past, worth, episode_days=EPISODE_DAYS)] * settings.environments)
        learner = learner_of(world, settings, seed=seed, device="cpu")
        _begin_as_fixed(learner)
        learner.learn(settings.total_timesteps)
    return Actor.of(learner)


def _begin_as_fixed(learner: PPO) -> None:
    starts: Sequence[int] = [0, *np.cumsum(SHAPE)[:-1].tolist()]
    with torch.no_grad():
        for start, level in zip(starts, DEFAULT, strict=True):
            learner.policy.action_net.bias[start + level] += HEAD_START
