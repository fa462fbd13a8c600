"""The LSTM's vote is a pure function of the anchored slice, to the last bit, however it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.errors import BundleRefused
from strategies.features.blocks import BLOCK_BARS, WARM_UP_BARS, block_slices, current_slice
from strategies.market import HOUR_MS, Timeframe
from strategies.predictors.base import PreparedSlice
from strategies.predictors.lstm import STATE_WARM_UP_BARS, LstmPredictor, state_row

torch = pytest.importorskip("torch")

from training.families.lstm.chunks import Scaling  # noqa: E402
from training.families.lstm.export import onnx_bytes  # noqa: E402
from training.families.lstm.network import LstmNetwork  # noqa: E402
from training.families.lstm.trainer import LstmModel  # noqa: E402

COLUMNS = 7


def model_of(
    *,
    hidden_size: int = 64,
    num_layers: int = 1,
    seeds: int = 3,
    mirrored: bool = True,
    kind: str = "lstm",
    deviations: tuple[float, ...] = (),
) -> LstmModel:
    """A model nobody trained, whose heads are large enough to tell bars apart."""
    torch.manual_seed(3)
    networks = []
    for _ in range(seeds):
        network = LstmNetwork(features=COLUMNS, hidden_size=hidden_size, num_layers=num_layers, dropout=0.0, kind=kind)
        torch.nn.init.normal_(network.heads.weight, std=0.5)
        networks.append({name: value.numpy().copy() for name, value in network.state_dict().items()})
    scaling = Scaling(
        mean=np.array([0, 0, 0, 0, 0.5, -1.0, 2.0], np.float32),
        deviation=np.linspace(0.5, 2.0, COLUMNS).astype(np.float32),
        directional=np.array([True, True, True, True, False, False, False]),
    )
    return LstmModel(
        scaling=scaling,
        networks=tuple(networks),
        hidden_size=hidden_size,
        num_layers=num_layers,
        mirrored=mirrored,
        trained_until_ms=0,
        kind=kind,
        deviations=deviations,
    )


@pytest.fixture(scope="module")
def model() -> bytes:
    return onnx_bytes(model_of())


def history(seed: int, bars: int = 1200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    candles = np.ones((bars, 6))
    candles[:, 0] = (np.arange(bars) + 7000 * BLOCK_BARS - 300) * HOUR_MS
    features = rng.normal(size=(bars, COLUMNS)).astype(np.float32)
    features[:50, 2] = np.nan
    return candles, features


def prepared(candles: np.ndarray, features: np.ndarray, *, first: int, begin: int = 0) -> PreparedSlice:
    """A slice whose anchor is row `begin`; `first` counts from there."""
    rows = len(candles) - begin
    return PreparedSlice(
        candles=candles[begin:],
        features=features[begin:],
        sigma=np.ones(rows),
        volatility=np.ones(rows),
        first=first,
        symbol="BTCUSDT",
    )


def test_one_slice_scores_as_it_does_among_many_in_any_order(model: bytes) -> None:
    slices = [prepared(*history(seed), first=700) for seed in range(9)]
    together = LstmPredictor(model).scores(slices)
    backwards = LstmPredictor(model).scores(slices[::-1])[::-1]
    for index, part in enumerate(slices):
        alone = LstmPredictor(model).scores([part])[0]
        assert alone.tobytes() == together[index].tobytes() == backwards[index].tobytes()
    assert np.std(together[0]) > 0.01


def test_close_by_close_with_carried_state_scores_as_all_at_once(model: bytes) -> None:
    candles, features = history(1)
    first = 300  # the block starts here
    at_once = LstmPredictor(model).scores([prepared(candles[:600], features[:600], first=first)])[0]
    live, fresh = LstmPredictor(model), []
    for end in range(first + 1, 601):
        part = prepared(candles[:end], features[:end], first=end - 1)
        fresh.append(live.scores([part])[0][0])
    assert np.array(fresh).tobytes() == at_once.tobytes()


def test_restarted_predictor_scores_as_one_that_carried_its_state(model: bytes) -> None:
    candles, features = history(2)
    carried = LstmPredictor(model)
    for end in (500, 501, 502):
        part = prepared(candles[:end], features[:end], first=end - 1)
        assert carried.scores([part])[0].tobytes() == LstmPredictor(model).scores([part])[0].tobytes()


def test_carried_state_is_not_used_when_an_earlier_feature_differs(model: bytes) -> None:
    candles, features = history(2)
    predictor = LstmPredictor(model)
    predictor.scores([prepared(candles[:500], features[:500], first=499)])
    other = features.copy()
    other[480, 0] += 1.0
    part = prepared(candles[:501], other[:501], first=500)
    assert predictor.scores([part])[0].tobytes() == LstmPredictor(model).scores([part])[0].tobytes()


def test_mirrored_market_gets_the_opposite_score(model: bytes) -> None:
    candles, features = history(4)
    signs = np.where(model_of().scaling.directional, -1.0, 1.0).astype(np.float32)
    upright, mirrored = (
        LstmPredictor(model).scores([prepared(candles, values, first=900)])[0]
        for values in (features, features * signs)
    )
    assert np.abs(upright + mirrored).max() < 1e-6
    assert np.abs(upright).max() > 0.01


def test_score_is_nan_where_deviations_are_unknown(model: bytes) -> None:
    candles, features = history(5)
    part = prepared(candles, features, first=1100)
    part.sigma[1150:] = np.nan
    scores = LstmPredictor(model).scores([part])[0]
    assert np.isfinite(scores[:50]).all()
    assert np.isnan(scores[50:]).all()


def test_live_slice_starts_the_state_where_history_does() -> None:
    candles = np.ones((4000, 6))
    candles[:, 0] = (np.arange(4000) + 7000 * BLOCK_BARS - 100) * HOUR_MS
    now = current_slice(candles[:3000], Timeframe.H1)
    past = next(
        part for part in block_slices(candles, Timeframe.H1) if candles[2999, 0] in part.candles[part.first :, 0]
    )
    live_start = now.candles[state_row(now.candles, now.first), 0]
    assert live_start == past.candles[state_row(past.candles, past.first), 0]
    assert state_row(past.candles, past.first) == WARM_UP_BARS - STATE_WARM_UP_BARS


@pytest.mark.parametrize(("num_layers", "seeds", "mirrored"), [(2, 1, True), (1, 2, False)])
def test_other_shapes_keep_their_bits_too(num_layers: int, seeds: int, mirrored: bool) -> None:
    content = onnx_bytes(model_of(hidden_size=16, num_layers=num_layers, seeds=seeds, mirrored=mirrored))
    slices = [prepared(*history(seed, bars=400), first=390) for seed in range(3)]
    together = LstmPredictor(content).scores(slices)
    alone = [LstmPredictor(content).scores([part])[0] for part in slices]
    assert [scores.tobytes() for scores in together] == [scores.tobytes() for scores in alone]


@pytest.mark.parametrize("kind", ["lstm", "gru", "tcn", "transformer"])
def test_every_kind_scores_close_by_close_and_among_many_as_all_at_once(kind: str) -> None:
    content = onnx_bytes(model_of(hidden_size=16, seeds=2, kind=kind, deviations=(0.1, 0.3)))
    candles, features = history(1, bars=420)
    at_once = LstmPredictor(content, kind).scores([prepared(candles, features, first=300)])[0]
    live, fresh = LstmPredictor(content, kind), []
    for end in range(301, 421):
        fresh.append(live.scores([prepared(candles[:end], features[:end], first=end - 1)])[0][0])
    assert np.array(fresh).tobytes() == at_once.tobytes()
    slices = [prepared(*history(seed, bars=330), first=310) for seed in range(5)]
    together = LstmPredictor(content, kind).scores(slices)
    alone = [LstmPredictor(content, kind).scores([part])[0] for part in slices]
    assert [scores.tobytes() for scores in together] == [scores.tobytes() for scores in alone]
    assert np.std(at_once) > 0.01


def test_damaged_model_is_refused() -> None:
    with pytest.raises(BundleRefused, match="not a readable ONNX model"):
        LstmPredictor(b"not a model")


def test_slice_with_other_columns_is_refused(model: bytes) -> None:
    candles, features = history(6)
    with pytest.raises(BundleRefused, match="trained on 7"):
        LstmPredictor(model).scores([prepared(candles, features[:, :5], first=1000)])
