"""PPO beside others sees their scores, and its vote stays a pure function of candles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")

from strategies.errors import BundleRefused
from strategies.features import AnchoredSlice, block_slices, compute, current_slice, volatility
from strategies.predictors.base import Predictor, PreparedSlice
from strategies.predictors.lstm import LstmPredictor
from strategies.predictors.ppo import PpoPredictor
from strategies.predictors.ppo_model import PpoModel
from strategies.predictors.ridge import RidgePredictor
from strategies.predictors.together import reads_of, score_all
from tests.made_bundles import made_bundle
from tests.made_markets import mirrored, random_candles
from tests.training.families.ppo.agents import FEATURES, HOUR, random_model
from training.families.lstm.chunks import Scaling
from training.families.lstm.export import onnx_bytes
from training.families.lstm.network import LstmNetwork
from training.families.lstm.trainer import LstmModel

CANDLES = random_candles(4200, seed=6)
READS = ("xgboost", "ridge", "lstm")


def lstm_bytes() -> bytes:
    """Return an untrained network of the default features."""
    import torch

    torch.manual_seed(3)
    network = LstmNetwork(features=len(FEATURES.names), hidden_size=8, num_layers=1, dropout=0.0)
    torch.nn.init.normal_(network.heads.weight, std=0.5)
    width = len(FEATURES.names)
    scaling = Scaling(
        mean=np.zeros(width, np.float32),
        deviation=np.ones(width, np.float32),
        directional=np.array(FEATURES.directional, bool),
    )
    numbers = {name: value.numpy().copy() for name, value in network.state_dict().items()}
    return onnx_bytes(
        LstmModel(scaling=scaling, networks=(numbers,), hidden_size=8, num_layers=1, mirrored=True, trained_until_ms=0)
    )


@pytest.fixture(scope="module")
def network() -> bytes:
    return lstm_bytes()


def together(network: bytes, model: PpoModel | None = None) -> list[Predictor]:
    """Return fresh predictors, with nothing remembered."""
    xgboost, ridge = made_bundle().bundle.predictors
    return [xgboost, ridge, LstmPredictor(network), PpoPredictor(model or random_model(reads=READS))]


def prepared(part: AnchoredSlice) -> PreparedSlice:
    sigma, annual = volatility(part.candles, HOUR)
    return PreparedSlice(
        candles=part.candles,
        features=compute(part.candles, FEATURES, HOUR),
        sigma=sigma,
        volatility=annual,
        first=part.first,
        symbol="AAAUSDT",
    )


@pytest.fixture(scope="module")
def slices() -> list[PreparedSlice]:
    return [prepared(part) for part in block_slices(CANDLES, HOUR)][-4:]


def votes(predictors: list[Predictor], slices: list[PreparedSlice]) -> list[np.ndarray]:
    return score_all(predictors, slices)[-1]


def test_ppo_hears_the_others(network: bytes, slices: list[PreparedSlice]) -> None:
    assert reads_of(together(network)) == READS
    model = random_model(reads=READS)
    deaf = [replace(policy, w1=policy.w1.copy()) for policy in model.policies]
    for policy in deaf:
        policy.w1[model.features : model.features + len(READS)] = 0.0
    heard = votes(together(network), slices)
    unheard = votes(together(network, replace(model, policies=tuple(deaf))), slices)
    assert all(np.abs(a - b).max() > 0.1 for a, b in zip(heard, unheard, strict=True))


def test_slices_scored_together_alone_and_permuted_have_the_same_bits(
    network: bytes, slices: list[PreparedSlice]
) -> None:
    at_once = votes(together(network), slices)
    backwards = votes(together(network), slices[::-1])[::-1]
    for part, found, again in zip(slices, at_once, backwards, strict=True):
        assert votes(together(network), [part])[0].tobytes() == found.tobytes() == again.tobytes()
        assert np.isfinite(found).all()


def test_the_others_votes_are_those_they_give_alone(network: bytes, slices: list[PreparedSlice]) -> None:
    predictors = together(network)
    for index, found in enumerate(score_all(predictors, slices)[:3]):
        alone = together(network)[index].scores(slices)
        assert [part.tobytes() for part in found] == [part.tobytes() for part in alone]


def test_live_close_by_close_carried_and_restarted_gets_the_bits_of_history(
    network: bytes, slices: list[PreparedSlice]
) -> None:
    """Over the border of a block, where everything is rolled anew."""
    block, following = slices[-3:-1]
    history = np.concatenate(votes(together(network), [block, following]))
    opens = np.concatenate([part.candles[part.first :, 0] for part in (block, following)])
    carried = together(network)
    for at in range(len(opens) - following.rows - 6, len(opens) - following.rows + 6):
        live = prepared(current_slice(CANDLES[: int(np.searchsorted(CANDLES[:, 0], opens[at])) + 1], HOUR))
        [score] = votes(carried, [live])
        assert score.tobytes() == history[at : at + 1].tobytes()
        assert votes(together(network), [live])[0].tobytes() == score.tobytes()


def test_a_close_costs_every_predictor_one_row(network: bytes) -> None:
    asked: list[int] = []

    class Counting(RidgePredictor):
        def scores(self, slices):  # type: ignore[no-untyped-def]
            asked.append(sum(part.rows for part in slices))
            return super().scores(slices)

    predictors = together(network)
    ridge = made_bundle().bundle.predictors[1]
    assert isinstance(ridge, RidgePredictor)
    predictors[1] = Counting(ridge.design, ridge.deviations, ridge.weights)
    for back in range(10, 0, -1):
        votes(predictors, [prepared(current_slice(CANDLES[: len(CANDLES) - back], HOUR))])
    assert asked[0] > random_model().roll_bars
    assert asked[1:] == [1] * 9


def test_the_future_changes_nothing(network: bytes, slices: list[PreparedSlice]) -> None:
    candles = slices[-2].candles.copy()
    candles[-50:, 1:5] *= 1.3
    changed = votes(together(network), [prepared(AnchoredSlice(candles=candles, first=slices[-2].first))])[0]
    found = votes(together(network), [slices[-2]])[0]
    assert changed[:-50].tobytes() == found[:-50].tobytes()
    assert changed[-50:].tobytes() != found[-50:].tobytes()


def test_a_market_turned_upside_down_gets_nearly_the_opposite_vote(network: bytes) -> None:
    found = [
        votes(together(network), [prepared(block_slices(each, HOUR)[-2])])[0] for each in (CANDLES, mirrored(CANDLES))
    ]
    assert np.corrcoef(*found)[0, 1] < -0.9


def test_nothing_asked_is_nothing_said(network: bytes) -> None:
    assert score_all(together(network), []) == [[], [], [], []]


def test_asked_alone_it_says_what_it_misses(network: bytes, slices: list[PreparedSlice]) -> None:
    reader = together(network)[-1]
    with pytest.raises(BundleRefused, match="xgboost, ridge, lstm"):
        reader.scores(slices)


def test_what_it_reads_survives_its_bytes() -> None:
    model = random_model(reads=READS)
    loaded = PpoModel.from_bytes(model.to_bytes())
    assert loaded.reads == READS
    assert loaded.to_bytes() == model.to_bytes()
