"""With PPO in the bundle: what the live engine trades minute by minute is what the backtest trades, to the byte."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

from strategies.bundle.bundle import Bundle
from strategies.engine import begin
from strategies.kernel.state import FACT, FactKind
from strategies.minute import AccountMinute
from strategies.predictors.ppo import PpoPredictor
from tests.training.backtest.test_backtest import run_candles
from tests.training.families.ppo.agents import FEATURES, random_model
from tests.training.run_builders import MARKETS, MomentumPredictor, momentum_bundle, settings
from training.backtest.run import backtest
from training.backtest.run_candles import RunCandles

HOURS = 60


def joined_bundle(ppo_weight: float, reads: tuple[str, ...] = ()) -> Bundle:
    """Return the momentum bundle, joined by PPO's untrained policies, which may see momentum's scores."""
    families = ("momentum", "ppo")
    manifest = momentum_bundle().manifest.model_copy(
        update={
            "families": families,
            "weights": {"momentum": 1.0, "ppo": 0.0},
            "deviations": {"momentum": 2.0, "ppo": 0.3},
            "ppo_weight": ppo_weight,
            "ppo_reads": reads,
        }
    )
    return Bundle("b-joined", manifest, FEATURES, [MomentumPredictor(), PpoPredictor(random_model(reads=reads))])


def live(bundle: Bundle, candles: RunCandles) -> np.ndarray:
    """Return the facts of the engine that is fed the minutes one by one."""
    before = [part[part[:, 0] < candles.start_ms] for part in candles.decision_candles]
    engine = begin(markets=MARKETS, settings=settings(), bundle=bundle, candles=before, start_ms=candles.start_ms)
    facts = [np.zeros(0, FACT)]
    for row, open_ms in enumerate(candles.open_ms):
        minute = AccountMinute(
            open_ms=int(open_ms),
            bars=candles.bars[row],
            present=candles.present[row],
            funding_e8=candles.funding_e8[row],
        )
        facts.append(engine.step(minute).facts)
    return np.concatenate(facts)


@pytest.mark.parametrize("reads", [(), ("momentum",)])
def test_engine_and_backtest_join_ppo_alike(reads: tuple[str, ...]) -> None:
    candles = run_candles(hours=HOURS)
    bundle = joined_bundle(0.2, reads)
    facts = live(bundle, candles)
    result = backtest(joined_bundle(0.2, reads), candles, settings())  # which remembers nothing of the live one
    assert (facts["kind"] == FactKind.FILL).sum() >= 4
    assert result.run.facts.tobytes() == facts.tobytes()
    assert np.abs(result.path.agreement).max() > 0.1


def test_ppos_weight_and_agreement_change_what_is_traded() -> None:
    candles = run_candles(hours=HOURS)
    with_ppo, without = (backtest(joined_bundle(weight), candles, settings()) for weight in (0.2, 0.0))
    assert not np.array_equal(with_ppo.path.conviction, without.path.conviction)
    assert np.array_equal(with_ppo.path.blended, without.path.blended)
    assert not without.path.agreement.any()
    assert with_ppo.run.facts.tobytes() != without.run.facts.tobytes()
