"""PPO's vote: a pure function of candles, the same bits however it is asked, opposite in the mirror."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from strategies.errors import BundleRefused
from strategies.features import AnchoredSlice, block_slices, compute, current_slice, volatility
from strategies.kernel.exposure import EXPOSURES, grid_bars
from strategies.kernel.state import NO_RATE
from strategies.predictors.base import PreparedSlice
from strategies.predictors.load import load_predictor
from strategies.predictors.ppo import PpoPredictor
from strategies.predictors.ppo_model import FILE, PpoModel
from tests.made_markets import mirrored, random_candles
from tests.training.families.ppo.agents import FEATURES, HOUR, environment, random_model, tracks
from training.families.ppo.export import chances

CANDLES = random_candles(4200, seed=6)


def prepared(part: AnchoredSlice, first: int | None = None) -> PreparedSlice:
    sigma, annual = volatility(part.candles, HOUR)
    return PreparedSlice(
        candles=part.candles,
        features=compute(part.candles, FEATURES, HOUR),
        sigma=sigma,
        volatility=annual,
        first=part.first if first is None else first,
        symbol="AAAUSDT",
    )


@pytest.fixture(scope="module")
def slices() -> list[PreparedSlice]:
    return [prepared(part) for part in block_slices(CANDLES, HOUR)][-4:]


@pytest.fixture(scope="module")
def predictor() -> PpoPredictor:
    return PpoPredictor(random_model())


def test_slices_scored_together_alone_and_permuted_have_the_same_bits(
    predictor: PpoPredictor, slices: list[PreparedSlice]
) -> None:
    together = predictor.scores(slices)
    backwards = predictor.scores(slices[::-1])[::-1]
    for part, scores, again in zip(slices, together, backwards, strict=True):
        assert predictor.scores([part])[0].tobytes() == scores.tobytes() == again.tobytes()
        assert len(scores) == part.rows
        assert np.isfinite(scores).all()
        assert np.abs(scores).max() <= 1.0


def test_live_asks_for_one_row_and_gets_the_bits_of_history(
    predictor: PpoPredictor, slices: list[PreparedSlice]
) -> None:
    history = predictor.scores(slices[-2:-1])[0]
    block = slices[-2]
    first_open = block.candles[block.first, 0]
    for back in (1, 100, 300):
        seen = CANDLES[: int(np.searchsorted(CANDLES[:, 0], block.candles[-back, 0])) + 1]
        live = current_slice(seen, HOUR)
        assert live.candles[live.first, 0] >= first_open
        [score] = predictor.scores([prepared(live)])
        assert score.tobytes() == history[len(history) - back : len(history) - back + 1].tobytes()


def test_the_future_changes_nothing(predictor: PpoPredictor, slices: list[PreparedSlice]) -> None:
    part = slices[-2]
    candles = part.candles.copy()
    candles[-50:, 1:5] *= 1.3
    changed = prepared(AnchoredSlice(candles=candles, first=part.first))
    assert predictor.scores([changed])[0][:-50].tobytes() == predictor.scores([part])[0][:-50].tobytes()
    assert predictor.scores([changed])[0][-50:].tobytes() != predictor.scores([part])[0][-50:].tobytes()


def test_the_mirror_image_gets_exactly_the_opposite_vote(slices: list[PreparedSlice]) -> None:
    model = random_model()
    for policy in model.policies:
        policy.w1[len(FEATURES.names) + 1] = policy.w1[len(FEATURES.names) + 3] = 0.0  # blind to the candles' results
    blind = PpoPredictor(model)
    image = replace(slices[-1], features=slices[-1].features * model.standard.signs)
    upright, mirrored = blind.scores([slices[-1], image])
    assert np.array_equal(upright, -mirrored)
    assert upright.std() > 0.1


def test_a_market_turned_upside_down_gets_nearly_the_opposite_vote(predictor: PpoPredictor) -> None:
    votes = [
        predictor.scores([prepared(block_slices(candles, HOUR)[-2])])[0] for candles in (CANDLES, mirrored(CANDLES))
    ]
    assert np.corrcoef(*votes)[0, 1] < -0.9


def test_the_vote_lives_in_the_world_the_agents_were_trained_in(predictor: PpoPredictor) -> None:
    part = prepared(current_slice(CANDLES, HOUR))
    first = len(part.candles) - 61
    scores, equity = predictor.lived(predictor.model.policies[0], part, first, 1)
    world = replace(
        tracks(episode_bars=60),
        bars=grid_bars(part.candles)[first:],
        open_ms=part.candles[first:, 0].astype(np.int64),
        funding_e8=np.full(61, NO_RATE),
        sigma=part.sigma[first:],
        volatility=part.volatility[first:],
        features=predictor.model.standard.apply(part.features[first:]),
        starts=np.array([0]),
    )
    agents = environment(world, agents=1, mirrors=False, directional=np.array(FEATURES.directional, bool))
    seen = agents.reset()
    agents.agents["last_row"] = 60
    for row in range(60):
        [chance] = chances(predictor.model.policies[0], seen)
        assert scores[row] == pytest.approx(float((chance * EXPOSURES).sum()), abs=1e-12)
        assert agents.ledgers[0][0]["equity"] == equity[row]
        agents.step_async(np.array([chance.argmax()]))
        seen = agents.step_wait()[0]
    assert len(np.unique(equity)) > 20


def test_rows_that_are_not_warm_get_no_vote(predictor: PpoPredictor) -> None:
    part = prepared(AnchoredSlice(candles=CANDLES[:600], first=0))
    [scores] = predictor.scores([part])
    assert np.array_equal(np.isfinite(scores), part.is_warm)


def test_survives_its_bytes() -> None:
    model = random_model()
    stored = model.to_bytes()
    assert PpoModel.from_bytes(stored).to_bytes() == stored
    loaded = load_predictor("ppo", {FILE: stored}, FEATURES)
    part = prepared(current_slice(CANDLES, HOUR))
    assert loaded.scores([part])[0].tobytes() == PpoPredictor(model).scores([part])[0].tobytes()


@pytest.mark.parametrize("damage", [b"", b"junk" * 10, "cut", "other"])
def test_damaged_bytes_are_refused_in_words(damage: bytes | str) -> None:
    stored = random_model().to_bytes()
    if damage == "cut":
        stored = stored[:-3]
    elif damage == "other":
        stored = stored.replace(b'\\"roll_bars\\"', b'\\"roll_barz\\"')
    else:
        stored = bytes(damage)  # type: ignore[arg-type]
    with pytest.raises(BundleRefused, match="not a readable PPO model"):
        load_predictor("ppo", {FILE: stored}, FEATURES)


def test_missing_file_and_foreign_columns_are_refused(predictor: PpoPredictor) -> None:
    with pytest.raises(BundleRefused, match=FILE):
        load_predictor("ppo", {}, FEATURES)
    part = prepared(current_slice(CANDLES, HOUR))
    with pytest.raises(BundleRefused, match="29 feature columns"):
        predictor.scores([replace(part, features=part.features[:, 1:])])


class CountingPredictor(PpoPredictor):
    """Notes how many bars each roll goes through."""

    rolled: tuple[int, ...] = ()

    def lived(self, policy, part, first, mirror, agent=None, seen=None):  # type: ignore[no-untyped-def]
        self.rolled += (len(part.candles) - first,)
        return super().lived(policy, part, first, mirror, agent, seen)


def test_agents_carried_from_close_to_close_vote_as_agents_rolled_anew() -> None:
    carried = CountingPredictor(random_model(policies=1))
    for back in range(12, 0, -1):
        live = prepared(current_slice(CANDLES[: len(CANDLES) - back], HOUR))
        [score] = carried.scores([live])
        [anew] = PpoPredictor(random_model(policies=1)).scores([live])
        assert score.tobytes() == anew.tobytes()
    assert carried.rolled[0] > 100
    assert carried.rolled[2:] == (1,) * 22  # two rolls a close, one bar each
