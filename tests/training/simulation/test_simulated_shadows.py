"""The harm stop in a simulation: a champion that knows less than nothing is stopped at the close that proves it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from storage.config.tree import Config
from strategies.bundle.bundle import Bundle, PreparedSlice, trend_bundle
from strategies.bundle.calibration import Calibration
from strategies.market import DAY_MS, HOUR_MS
from strategies.oversight.e_process import EProcess, realized_return
from strategies.oversight.shadow_rules import PREDECESSOR_D
from tests.training.simulation.test_simulate import FIRST_MS, history, plan_with
from training.backtest.decision_path import DecisionPath, decision_path
from training.backtest.run_candles import RunCandles
from training.simulation.shadows import SimulatedShadows
from training.simulation.simulate import Simulator
from training.walk_forward.paths import part

SETTINGS = Config().trading


class Momentum:
    """The planted edge of the made-up markets, right or wrong way round: yesterday's move goes on."""

    family = "momentum"

    def __init__(self, sign: float) -> None:
        self._sign = sign

    def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
        found = []
        for each in slices:
            close = np.log(each.candles[:, 4])
            moved = np.concatenate([np.zeros(24), close[24:] - close[:-24]]) / (each.sigma * np.sqrt(24))
            found.append(self._sign * moved[each.first :])
        return found


def momentum_bundle(sign: float, slope: float = 0.5) -> Bundle:
    manifest = trend_bundle().manifest.model_copy(
        update={
            "families": ("momentum",),
            "weights": {"momentum": 1.0},
            "deviations": {"momentum": 1.0},
            "calibration": Calibration(conviction_deviation=1.0, slope=slope, probability_slope=0.1),
        }
    )
    return Bundle(f"b-momentum{sign:+g}", manifest, None, [Momentum(sign)])


@cache
def whole(sign: float) -> DecisionPath:
    return decision_path(momentum_bundle(sign), history().candles, SETTINGS)


def shadows(threshold: float = 20.0) -> SimulatedShadows:
    return SimulatedShadows(candles=history().candles, settings=SETTINGS, threshold=threshold)


def harm_by_hand(path: DecisionPath, candles: RunCandles, slope: float, threshold: float) -> int | None:
    """Return the close at which nothing has proven a champion wrong, computed close by close."""
    evidence, step = EProcess.begin(len(candles.markets), 12), HOUR_MS
    for row, ms in enumerate(path.ms.tolist()):
        matured = row - 13
        for market in range(len(candles.markets)):
            if matured < 0 or not np.isfinite(path.conviction[matured, market]):
                continue
            open_ms = int(path.ms[matured]) - step
            known = candles.decision_candles[market]
            came = realized_return(known[known[:, 0] < ms], open_ms, path.sigma[matured, market], 12, candles.timeframe)
            assert came is not None
            evidence = evidence.seen(market, open_ms // step, came, 0.0, slope * path.conviction[matured, market])
        if evidence.for_challenger >= threshold:
            return int(ms)
    return None


def test_the_close_of_the_harm_stop_is_the_one_computed_by_hand_from_candles_known_then() -> None:
    candles, path = history().candles, whole(-1.0)
    expected = harm_by_hand(path, candles, 0.5, 20.0)
    assert expected is not None
    watching = shadows()
    watching.begin(momentum_bundle(-1.0), None, candles.start_ms)
    harm = watching.harm(path, candles)
    assert harm is not None
    assert harm.ms == expected
    assert "against the champion" in harm.sentence


def test_windows_find_the_same_close_as_the_whole_and_a_good_champion_is_let_be() -> None:
    candles, bundle = history().candles, momentum_bundle(-1.0)
    whole_harm = harm_by_hand(whole(-1.0), candles, 0.5, 20.0)
    watching, memory, at_ms, found = shadows(), None, candles.start_ms, None
    watching.begin(bundle, None, at_ms)
    while found is None and at_ms < candles.end_ms:
        window = part(candles, at_ms, min(at_ms + 7 * DAY_MS, candles.end_ms))
        path = decision_path(bundle, window, SETTINGS, memory)
        found, memory, at_ms = watching.harm(path, window), path.memory, window.end_ms
    assert found is not None
    assert found.ms == whole_harm
    watching.begin(momentum_bundle(1.0, 0.15), None, candles.start_ms)
    assert watching.harm(whole(1.0), candles) is None


def test_the_predecessor_proves_a_worse_successor_wrong_and_is_watched_for_thirty_days_only() -> None:
    candles = history().candles
    watching = shadows(1.5)
    watching.begin(momentum_bundle(-1.0, 0.0), momentum_bundle(1.0, 0.15), candles.start_ms)
    window = part(candles, candles.start_ms, candles.start_ms + 28 * DAY_MS)
    harm = watching.harm(decision_path(momentum_bundle(-1.0, 0.0), window, SETTINGS), window)
    assert harm is not None
    assert harm.sentence.endswith("by its predecessor")
    alike = shadows(1e9)
    alike.begin(momentum_bundle(1.0), momentum_bundle(1.0, 0.49), candles.start_ms)
    window = part(candles, candles.start_ms, candles.start_ms + round((PREDECESSOR_D + 2) * DAY_MS))
    assert alike.harm(decision_path(momentum_bundle(1.0), window, SETTINGS), window) is None
    assert [shadow.role for shadow in alike._running] == ["nothing"]


def test_while_a_stand_in_decides_nobody_is_proven_wrong() -> None:
    watching = shadows()
    watching.begin(momentum_bundle(-1.0), None, history().candles.start_ms)
    watching.end()
    assert watching.harm(whole(-1.0), history().candles) is None


def test_a_simulation_rolls_a_harmful_champion_back_at_that_very_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate is made blind: it promotes the inverse of what works, and the harm stop has to take it back."""
    made, inverse = history(), momentum_bundle(-1.0)
    real = Simulator._train

    def blind(self: Simulator, trend_curve: object, at_ms: int, why: str) -> None:
        if self._champion is None and not self._events:
            self._tell(at_ms, "retrained", f"{why}; promote: blind", inverse.id)
            self._enthrone(inverse, at_ms)
            self._fallback_level, self._why = "models", "blind"
        else:
            real(self, trend_curve, at_ms, why)  # type: ignore[arg-type]

    monkeypatch.setattr(Simulator, "_train", blind)
    plan = replace(plan_with(), validation=Config().validation.model_copy(update={"drawdown_band": 0.999999}))
    found = Simulator(candles=made.candles, past=made.past, plan=plan, dataset_until=made.everything.until).run()
    rollback = next(event for event in found.events if event.kind == "rollback")
    assert "harm stop: likelihood ratio" in rollback.words
    assert rollback.bundle == "trend-1"
    assert rollback.ms == harm_by_hand(whole(-1.0), made.candles, 0.5, 20.0)
    assert found.result.candles.start_ms == FIRST_MS
    assert found.rollbacks >= 1
