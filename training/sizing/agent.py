"""The PPO agent that sizes a book: Stable-Baselines3 over accounts of the real kernel, kept as plain numbers.

It begins near the fixed rule, whose levels it holds the likeliest, and has to find what is better. Several seeds are
one agent: their probabilities are averaged and the likeliest level of each kind is taken.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final, Self

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

from storage.config.models import PpoSettings
from training.families.ppo.trainer import learner_of
from training.sizing.environment import BookEnv, Past, Worth
from training.sizing.levels import DEFAULT, SHAPE

PPO_SETTINGS: Final = PpoSettings(
    total_timesteps=32_768,
    learning_rate=1e-3,
    environments=16,
    rollout_steps=64,
    batch_size=256,
    epochs=4,
    hidden_size=32,
    gamma=0.9,
    gae_lambda=0.9,
    entropy_weight=0.005,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What makes an agent, its past and its seed apart.

    Attributes:
        worth: of a day.
        head_start: of the fixed rule's levels before anything is learnt, in logits; 0: all levels are as likely.
        episode_days: of an episode.
        ppo: the algorithm's settings; `total_timesteps` are the days that each seed lives through.
    """

    worth: Worth
    head_start: float = 0.7
    episode_days: int = 56
    ppo: PpoSettings = PPO_SETTINGS

    def describe(self) -> dict[str, object]:
        """Return the settings that make the recipe."""
        return asdict(self) | {"ppo": self.ppo.model_dump(mode="json")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One seed: tanh(tanh(x w1 + b1) w2 + b2) w3 + b3 are the logits of all levels, kind after kind; float32."""

    layers: tuple[tuple[np.ndarray, np.ndarray], ...]

    @classmethod
    def of(cls, learner: PPO) -> Self:
        """Return the actor that a learner has found."""
        modules = [*learner.policy.mlp_extractor.policy_net, learner.policy.action_net]
        linear = [module for module in modules if isinstance(module, torch.nn.Linear)]
        return cls(
            layers=tuple((part.weight.detach().numpy().T.copy(), part.bias.detach().numpy().copy()) for part in linear)
        )

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


def fit(past: Past, recipe: Recipe, *, seed: int) -> SizingAgent:
    """Return an agent of `recipe.ppo.seeds` seeds that learnt from a past; equal arguments, equal bits."""
    return SizingAgent(actors=tuple(fit_actor(past, recipe, seed=seed + index) for index in range(recipe.ppo.seeds)))


def fit_actor(past: Past, recipe: Recipe, *, seed: int) -> Actor:
    """Train one seed."""

    def account() -> BookEnv:
        return BookEnv(past, recipe.worth, episode_days=recipe.episode_days)

    with torch.random.fork_rng(devices=[]):
        learner = learner_of(DummyVecEnv([account] * recipe.ppo.environments), recipe.ppo, seed=seed, device="cpu")
        _begin_as_fixed(learner, recipe.head_start)
        learner.learn(recipe.ppo.total_timesteps)
    return Actor.of(learner)


def _begin_as_fixed(learner: PPO, head_start: float) -> None:
    starts = [0, *np.cumsum(SHAPE)[:-1].tolist()]
    bias = learner.policy.get_parameter("action_net.bias")
    with torch.no_grad():
        for start, level in zip(starts, DEFAULT, strict=True):
            bias[start + level] += head_start
