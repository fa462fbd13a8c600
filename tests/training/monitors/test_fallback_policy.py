"""What the fallback ladder is told: walk-forward days first, live days behind them, the trend rule's own year."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from storage.config.training import ValidationSettings
from strategies.market import DAY_MS, HOUR_MS
from strategies.oversight.skill import information_coefficient
from tests.made_bundles import made_bundle, made_dataset, made_plan
from training.evidence.daily_skill import NOTHING_PROMISED, DailySkill, daily_skill, walked_skill
from training.evidence.performance import EquityCurve
from training.monitors.fallback_policy import ask, champion_after, live_skill, trend_return
from training.promotion.retrain import Champion, retrain
from training.promotion.similarity import Reign, twin_of

POLICY = ValidationSettings()


def skill(days: range, ic_sign: float) -> DailySkill:
    """Return days on which the score was right (+1) or wrong (-1)."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=24 * len(days))
    open_ms = (days.start * DAY_MS) + np.arange(len(x)) * HOUR_MS
    return daily_skill(x, ic_sign * x + rng.normal(size=len(x)), open_ms)


def young_champion(days: int) -> Champion:
    """Return a champion that had not seen the last `days` and reigned in them."""
    dataset = made_dataset()
    border_ms = dataset.until_ms - days * DAY_MS
    bundle = twin_of(made_bundle().bundle, dataset, made_plan().families, border_ms - 2 * DAY_MS)
    bundle.manifest = bundle.manifest.model_copy(update={"trained_until_ms": border_ms - 2 * DAY_MS})
    return Champion(bundle=bundle, reigns=(Reign(bundle=bundle, from_ms=border_ms, until_ms=dataset.until_ms),))


def curve(daily: float, days: int, until_ms: int) -> EquityCurve:
    times = until_ms - np.arange(days * 24)[::-1] * HOUR_MS
    return EquityCurve(
        times=times, equity=1e4 * np.cumprod(np.full(len(times), 1 + daily / 24)), initial=1e4, start_ms=int(times[0])
    )


def test_days_put_end_to_end_give_the_ic_of_all_their_rows() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 24 * 100))
    open_ms = np.arange(len(x)) * HOUR_MS
    first, second = (daily_skill(x[rows], y[rows], open_ms[rows]) for rows in (slice(0, 960), slice(960, None)))
    assert first.then(second).ic == pytest.approx(information_coefficient(x, y))
    assert DailySkill.read({"skill": first.document()}).ic == pytest.approx(first.ic)
    assert np.isnan(DailySkill.read({}).ic)
    assert first.then(NOTHING_PROMISED).ic == first.ic


def test_live_days_replace_the_walk_forward_from_the_first_of_them_on() -> None:
    promised, live = skill(range(0, 300), +1.0), skill(range(250, 400), -1.0)
    window = promised.then(live)
    assert window.days.tolist() == list(range(400))
    assert window.since(250 * DAY_MS).ic < -0.6
    assert promised.last_year.days[0] == 0
    assert skill(range(0, 500), 1.0).last_year.days[0] == 499 - 365


def test_a_champion_without_a_live_day_is_judged_by_its_walk_forward() -> None:
    dataset, bundle = made_dataset(), made_bundle()
    promised = walked_skill(bundle.scales.convictions)
    found = ask(Champion(bundle=bundle.bundle, reigns=()), promised, None, dataset, "models", POLICY)
    assert (found.fallback_level, found.record.live_days) == ("models", 0)
    assert found.record.days > 100
    assert found.record.ic == pytest.approx(promised.since(dataset.until_ms - 365 * DAY_MS).ic)
    wrong = DailySkill(days=promised.days, sums=promised.sums * [1, -1, 1, 1, 1, -1])
    fallen = ask(Champion(bundle=bundle.bundle, reigns=()), wrong, None, dataset, "models", POLICY)
    assert fallen.fallback_level == "trend_rule"


def test_live_closes_count_only_when_they_were_not_seen_and_by_the_same_recipe() -> None:
    dataset, champion = made_dataset(), young_champion(60)
    live = live_skill(champion, dataset)
    assert 58 <= len(live.days) <= 60
    assert live.ic > 0.1
    stranger = twin_of(made_bundle().bundle, dataset, made_plan().families, dataset.until_ms - 100 * DAY_MS)
    stranger.manifest = champion.bundle.manifest.model_copy(update={"recipe": "another"})
    of_another = replace(champion, bundle=stranger)
    assert len(live_skill(of_another, dataset).days) == 0


def test_the_trend_rules_own_year_decides_between_it_and_cash() -> None:
    dataset = made_dataset()
    won, lost = (curve(daily, 200, dataset.until_ms) for daily in (0.001, -0.001))
    assert trend_return(won, dataset.until_ms) == pytest.approx(0.22, abs=0.01)
    assert np.isnan(trend_return(curve(0.001, 60, dataset.until_ms), dataset.until_ms))
    answers = [ask(None, NOTHING_PROMISED, part, dataset, "models", POLICY) for part in (won, lost, None)]
    assert [answer.fallback_level for answer in answers] == ["trend_rule", "cash", "trend_rule"]
    assert answers[2].document()["trend_return"] is None


def test_a_refresh_takes_the_rung_over_and_another_recipe_has_never_fallen() -> None:
    first = retrain(made_dataset(), made_plan(), None)
    champion, fallback_level = champion_after(first, None, "trend_rule")
    assert champion is not None
    assert (champion.bundle.id, fallback_level) == (first.trained.id, "models")
    refreshed = replace(first, verdict=replace(first.verdict, case="refresh"))
    assert champion_after(refreshed, young_champion(60), "cash")[1] == "cash"
    rejected = replace(first, verdict=replace(first.verdict, step="reject"))
    assert champion_after(rejected, None, "trend_rule") == (None, "models")
