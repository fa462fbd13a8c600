"""The PPO trainer: it learns a planted edge, finds nothing where there is nothing, and repeats itself to the byte."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")

import torch

from storage.config.models import PpoSettings
from strategies.kernel.exposure import ACCOUNT_COLUMNS, agent_settings
from strategies.kernel.settings import TradingSettings
from strategies.market import HOUR_MS
from strategies.oversight.skill import information_coefficient
from strategies.predictors.ppo import PpoPredictor
from strategies.predictors.ppo_model import PpoModel
from tests.training.families.ppo.agents import FEATURES, HOUR, dataset, random_model
from training.data.dataset import Dataset
from training.data.market_scores import prepare
from training.families.ppo.environment_tracks import standard_of, tracks_of
from training.families.ppo.export import ActorNetwork, chances, onnx_bytes
from training.families.ppo.family import PpoFamily
from training.families.ppo.trainer import Lesson, PpoProgress, fit
from training.families.ppo.validation import borders_of, judge

EDGE = 0.15
SMALL = PpoSettings(total_timesteps=120_000, environments=128, rollout_steps=32, seeds=1, episode_bars=240)
ROWS = np.random.default_rng(1).normal(size=(20, len(FEATURES.names) + ACCOUNT_COLUMNS)).astype(np.float32)
QUICK = SMALL.model_copy(update={"total_timesteps": 8192, "hidden_size": 16, "seeds": 2})


def trained(
    made: Dataset, until_ms: int, settings: PpoSettings = SMALL, *, seed: int = 1, **options: object
) -> PpoModel:
    standard = standard_of(made, until_ms)
    return fit(
        Lesson(
            tracks=tracks_of(made, standard, until_ms=until_ms, episode_bars=settings.episode_bars),
            standard=standard,
            trained_until_ms=until_ms,
        ),
        settings,
        agent_settings(TradingSettings(), HOUR),
        seed=seed,
        **options,  # type: ignore[arg-type]
    )


def unseen(model: PpoModel, made: Dataset, from_ms: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores, targets and the oracle's forecast (what planted the edge) of all closes from a time on."""
    scores, targets, oracle = [], [], []
    for segment in made.segments:
        slices = prepare(segment, made, from_ms, made.until_ms + HOUR_MS)
        found = np.concatenate(PpoPredictor(model).scores(slices))
        row = int(np.searchsorted(segment.open_ms, int(slices[0].candles[slices[0].first, 0])))
        returns = np.diff(np.log(segment.close), prepend=np.nan)
        momentum = np.convolve(np.nan_to_num(returns), np.ones(24))[: len(returns)] / (0.006 * np.sqrt(24))
        scores.append(found)
        targets.append(segment.target[row : row + len(found)])
        oracle.append(np.tanh(2 * momentum)[row : row + len(found)])
    return np.concatenate(scores), np.concatenate(targets), np.concatenate(oracle)


def test_finds_at_least_half_of_a_planted_edge_on_unseen_bars() -> None:
    made = dataset(EDGE, 6000)
    borders = borders_of(made)
    scores, targets, oracle = unseen(trained(made, borders.train_until_ms), made, borders.valid_from_ms)
    best = information_coefficient(oracle, targets)
    assert best > 0.15
    assert information_coefficient(scores, targets) > 0.5 * best


def test_finds_nothing_in_a_random_walk() -> None:
    made = dataset(0.0, 6000, seed=10)
    borders = borders_of(made)
    scores, targets, _ = unseen(trained(made, borders.train_until_ms), made, borders.valid_from_ms)
    independent = np.isfinite(scores * targets).sum() / (1.6 * made.horizon_bars)  # labels overlap
    assert abs(information_coefficient(scores, targets)) < 3 / np.sqrt(independent)


def test_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    made = dataset()
    until_ms = borders_of(made).train_until_ms
    first, again, other = (trained(made, until_ms, QUICK, seed=seed).to_bytes() for seed in (1, 1, 9))
    assert first == again
    assert first != other


def test_a_fit_knows_nothing_of_what_comes_after_its_border() -> None:
    made = dataset()
    border = borders_of(made).train_until_ms
    segments = []
    for segment in made.segments:
        candles = segment.candles.copy()
        later = candles[:, 0] + HOUR_MS > border
        candles[later, 1:5] *= 2.0
        features = np.where(later[:, None], 9.0, segment.features).astype(np.float32)
        segments.append(replace(segment, candles=candles, features=features))
    changed = replace(made, segments=tuple(segments))
    family = PpoFamily(settings=QUICK)
    assert family.fit(made, border).files == family.fit(changed, border).files


def test_training_leaves_the_global_random_state_of_torch_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    trained(dataset(), dataset().until_ms, QUICK.model_copy(update={"seeds": 1}))
    assert torch.rand(1) == expected


def test_reports_how_it_stands_and_the_policy_with_it() -> None:
    told: list[PpoProgress] = []
    settings = QUICK.model_copy(update={"total_timesteps": 65_536, "seeds": 1, "episode_bars": 48})
    model = trained(dataset(), dataset().until_ms, settings, on_progress=told.append)
    assert [progress.steps for progress in told] == sorted({progress.steps for progress in told})
    assert told[-1].steps == told[-1].total_steps >= settings.total_timesteps
    assert told[-1].episodes > settings.environments
    assert np.isfinite(told[-1].reward)
    assert told[-1].equity != 1.0
    assert all(
        a.tobytes() == b.tobytes() for a, b in zip(told[-1].policy.arrays, model.policies[0].arrays, strict=True)
    )


def test_exported_graph_chooses_as_the_compiled_policy_and_as_torch() -> None:
    model = random_model(policies=3, hidden=64)
    assert onnx_bytes(model) == onnx_bytes(model)
    with torch.no_grad():
        wanted = ActorNetwork(model)(torch.from_numpy(ROWS)).numpy()
    for seed, policy in enumerate(model.policies):
        np.testing.assert_allclose(chances(policy, ROWS), wanted[:, seed], atol=1e-5)
        np.testing.assert_allclose(chances(policy, ROWS).sum(1), 1.0, atol=1e-12)


def test_judging_counts_costs() -> None:
    made = dataset()
    borders = borders_of(made)
    found = judge(random_model(), made, borders.valid_from_ms, borders.valid_until_ms)
    assert found.rows > 500
    assert found.equity < 1.0  # it changes its mind often, and pays
    assert found.sharpe < 0.0
