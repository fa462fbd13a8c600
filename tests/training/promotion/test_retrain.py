"""The second path: a first bundle, a refresh, a changed recipe, a broken one; and the command that runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storage.candles.store import CandleStore
from storage.config.models import RidgeSettings
from storage.models.registry import Registry
from strategies.market import DAY_MS, HOUR_MS, Timeframe
from strategies.oversight.skill import information_coefficient
from tests.builders import ROOT
from tests.made_bundles import SMALL, SYMBOLS, made_bundle, made_dataset, made_plan
from tests.made_markets import START_MS, random_candles
from training.ensemble.families import RidgeFamily, XGBoostFamily
from training.promotion.gate import integrity
from training.promotion.retrain import Champion, Retrained, Step, case_of, champion_of, check_integrity, retrain
from training.promotion.similarity import Reign, convictions, recorded_convictions, similarity, targets, twin_of


def champion_at(until_ms: int | None = None) -> Champion:
    """Return the made bundle as champion, as though it had been trained `until_ms`."""
    bundle = made_bundle().bundle
    if until_ms is not None:
        bundle = twin_of(bundle, made_dataset(), made_plan().families, until_ms)
        bundle.manifest = bundle.manifest.model_copy(update={"trained_until_ms": until_ms})
    return Champion(bundle=bundle, reigns=(Reign(bundle=bundle, from_ms=0, until_ms=2**60),))


@pytest.fixture(scope="module")
def refreshed() -> tuple[Retrained, list[Step]]:
    steps: list[Step] = []
    champion = champion_at(made_dataset().until_ms - 120 * DAY_MS)
    return retrain(made_dataset(), made_plan(seed=1), champion, on_step=steps.append), steps


def test_a_first_bundle_with_an_edge_is_promoted() -> None:
    found = retrain(made_dataset(), made_plan(), None)
    assert found.verdict.case == "first"
    assert found.verdict.step == "promote"
    assert found.trained.id == made_bundle().id


def test_a_first_bundle_of_noise_is_rejected_with_its_reason() -> None:
    found = retrain(made_dataset(edge=0.0), made_plan(), None)
    assert found.verdict.step == "reject"
    assert found.verdict.reason.startswith("no edge found: IC ")


def test_a_refresh_is_judged_by_likeness_and_promoted(refreshed: tuple[Retrained, list[Step]]) -> None:
    verdict = refreshed[0].verdict
    assert verdict.case == "refresh"
    assert verdict.step == "promote", verdict.reason
    assert [rule.name for rule in verdict.rules] == ["integrity", "correlation", "deviation", "turnover", "twin"]
    assert verdict.rules[-1].found is not None


def test_every_fit_is_told_with_what_is_left(refreshed: tuple[Retrained, list[Step]]) -> None:
    fits = [step for step in refreshed[1] if step.stage.endswith("fitted")]
    assert [step.done for step in fits] == list(range(1, 11))  # two families: three folds, everything, the twin
    assert {step.total for step in refreshed[1]} == {10}
    assert sum("IC" in step.stage for step in refreshed[1]) == 6


def test_another_recipe_stands_before_the_recipe_gate_and_then_shadows() -> None:
    plan = replace(made_plan(), families=[XGBoostFamily(settings=SMALL.model_copy(update={"max_depth": 2}))])
    assert case_of(made_dataset(), plan, champion_at()) == "changed_recipe"
    found = retrain(made_dataset(), plan, champion_at())
    assert found.verdict.step == "shadow"
    assert "it shadows the champion first" in found.verdict.reason


def test_families_that_were_declared_and_come_later_complete_the_recipe_and_do_not_shadow() -> None:
    plan, dataset = made_plan(), made_dataset()
    part = replace(plan, families=plan.families[1:])
    first = retrain(dataset, part, None).trained.bundle
    declared = tuple(family.name for family in plan.families)
    champion = Champion(bundle=first, reigns=(), declared=declared)
    assert case_of(dataset, plan, champion) == "completion"
    assert case_of(dataset, part, champion) == "refresh"
    assert case_of(dataset, plan, replace(champion, declared=())) == "changed_recipe"
    assert case_of(dataset, plan, replace(champion, declared=(*declared, "lstm"))) == "changed_recipe"
    other = RidgeFamily(settings=RidgeSettings(penalty=7.0))
    assert case_of(dataset, replace(plan, families=[plan.families[0], other]), champion) == "changed_recipe"
    found = retrain(dataset, plan, champion)
    assert found.verdict.step == "promote"
    assert [rule.name for rule in found.verdict.rules] == ["integrity", "completion", "skill", "profit"]
    assert "all families of the declared recipe take part from here on" in found.verdict.reason


def test_only_a_first_bundle_can_be_completed(tmp_path: Path) -> None:
    registry, dataset = Registry(tmp_path), made_dataset()
    first = registry.add_files(made_bundle().files)
    registry.promote("made", first, "first", 1)
    for case, expected in (("first", ("xgboost", "ridge")), ("refresh", ())):
        registry.write_verdict(first, {"case": case, "declared": ["xgboost", "ridge"]})
        champion = champion_of(registry, "made", 90, dataset.until_ms)
        assert champion is not None
        assert champion.declared == expected


def test_a_check_that_fails_rejects_the_candidate() -> None:
    leak = replace(integrity("shifted features still predict"), name="leakage")
    found = retrain(made_dataset(), made_plan(), None, checks=[lambda _trained, _dataset: leak])
    assert found.verdict.step == "reject"
    assert "shifted features still predict" in found.verdict.reason


def test_a_candidate_that_does_not_unpack_fails_integrity() -> None:
    trained = made_bundle()
    broken = {name: content[:-1] if name.endswith(".ubj") else content for name, content in trained.files.items()}
    rule = check_integrity(replace(trained, files=broken), made_dataset())
    assert not rule.passed
    assert "sha256" in rule.sentence


def test_a_model_of_another_market_is_not_alike() -> None:
    stranger = retrain(made_dataset(edge=0.0), made_plan(), None).trained.bundle
    bundle, dataset = made_bundle().bundle, made_dataset()
    found = similarity(stranger, bundle, champion_at().reigns, stranger, dataset, 90)
    assert found.correlation < 0.8


def test_votes_on_closes_that_were_seen_in_training_are_not_recorded_ones() -> None:
    dataset = made_dataset()
    from_ms, until_ms = dataset.until_ms - 60 * DAY_MS, dataset.until_ms
    champion = champion_at(dataset.until_ms - 30 * DAY_MS)
    votes = recorded_convictions(champion.reigns, dataset, from_ms, until_ms)
    honest = np.isfinite(votes).sum() / len(SYMBOLS) / 24
    assert honest == pytest.approx(29, abs=0.1)  # 30 days less the embargo
    assert np.isnan(recorded_convictions((), dataset, from_ms, until_ms)).all()


def test_convictions_have_unit_deviation_and_know_their_targets() -> None:
    dataset = made_dataset()
    found = convictions(made_bundle().bundle, dataset, dataset.until_ms - 90 * DAY_MS, dataset.until_ms)
    known = targets(dataset, dataset.until_ms - 90 * DAY_MS, dataset.until_ms)
    assert len(found) == len(known) == 2 * 90 * 24
    assert 0.5 < np.nanstd(found) < 2.0
    assert information_coefficient(found, known) > 0.1


def test_the_champion_is_who_stands_in_the_registry_and_reigns_follow_its_history(tmp_path: Path) -> None:
    registry, dataset = Registry(tmp_path), made_dataset()
    assert champion_of(registry, "made", 90, dataset.until_ms) is None
    first = registry.add_files(made_bundle().files)
    registry.promote("made", first, "first", dataset.until_ms - 200 * DAY_MS)
    registry.rollback("made", "by hand", dataset.until_ms - 50 * DAY_MS)
    assert champion_of(registry, "made", 90, dataset.until_ms) is None
    registry.promote("made", first, "again", dataset.until_ms - 10 * DAY_MS)
    champion = champion_of(registry, "made", 90, dataset.until_ms)
    assert champion is not None
    assert champion.bundle.id == first
    spans = [(dataset.until_ms - reign.from_ms, dataset.until_ms - reign.until_ms) for reign in champion.reigns]
    assert spans == [(200 * DAY_MS, 50 * DAY_MS), (10 * DAY_MS, 0)]


def test_a_champion_reigns_on_while_it_is_on_the_bench_and_a_move_of_unknown_time_counts_from_the_one_before(
    tmp_path: Path,
) -> None:
    registry, dataset = Registry(tmp_path), made_dataset()
    first, until_ms = registry.add_files(made_bundle().files), dataset.until_ms
    registry.promote("made", first, "first", until_ms - 80 * DAY_MS)
    registry.step_down("made", "cash", "fell", until_ms - 30 * DAY_MS)
    registry.promote("made", first, "by hand", None)
    champion = champion_of(registry, "made", 90, until_ms)
    assert champion is not None
    spans = [((until_ms - reign.from_ms) // DAY_MS, (until_ms - reign.until_ms) // DAY_MS) for reign in champion.reigns]
    assert spans == [(80, 30), (30, 30), (30, 0)]


def test_a_champion_that_does_not_load_counts_as_absent(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    first = registry.add_files(made_bundle().files)
    registry.promote("made", first, "first", 1)
    next(registry.folder(first).glob("*.ubj")).write_bytes(b"")
    assert champion_of(registry, "made", 90, made_dataset().until_ms) is None


def sigma_retrain(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the command on the candles in `folder`."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "SIGMA_EXCHANGE__NAME": "builtin",
        "SIGMA_EXCHANGE__SYMBOLS": "AAAUSDT",
        "SIGMA_ENSEMBLE__FAMILIES": "ridge",
        "SIGMA_DECISION__HORIZONS": "12",
    }
    command = [sys.executable, "-m", "training", "retrain", "--json", *more]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def store_candles(folder: Path, bars: int, *, gap: int = 0) -> None:
    candles = random_candles(bars, edge=0.15)
    kept = np.delete(candles, slice(3000, 3000 + gap), axis=0)
    CandleStore(folder / "data" / "historical").append("builtin", "AAAUSDT", Timeframe.H1, "futures", kept)


def test_the_command_promotes_a_first_bundle_then_refreshes_it_and_keeps_every_verdict(tmp_path: Path) -> None:
    store_candles(tmp_path, 5000)
    until = np.datetime64(START_MS + 4700 * HOUR_MS, "ms")
    first = sigma_retrain(tmp_path, "--until", str(until))
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    assert document["case"] == "first"
    assert document["promoted"], document["verdict"]["reason"]
    assert [rule["name"] for rule in document["verdict"]["rules"]] == ["integrity", "leakage", "skill", "profit"]
    steps = [json.loads(line) for line in first.stderr.splitlines() if line.startswith("{") and "fitted" in line]
    assert [step["done"] for step in steps] == [1, 2, 3, 4]
    assert steps[-1]["eta_s"] == 0

    assert document["fallback"]["trading"] == "models"
    assert document["fallback"]["live_days"] == 0
    assert document["fallback"]["days"] > 90
    assert document["fallback"]["ic"] > 0

    again = json.loads(sigma_retrain(tmp_path, "--no-promote", "--no-leakage").stdout)
    assert again["case"] == "refresh"
    assert again["champion"] == document["bundle"]
    assert not again["promoted"]
    registry = Registry(tmp_path / "models")
    assert registry.production("builtin") == document["bundle"]
    assert registry.ids() == sorted({document["bundle"], again["bundle"]})
    assert registry.verdict(again["bundle"])["verdict"]["rules"]


def test_the_command_refuses_a_hole_and_splits_at_it_when_told(tmp_path: Path) -> None:
    store_candles(tmp_path, 5000, gap=10)
    refused = sigma_retrain(tmp_path)
    assert refused.returncode == 1
    assert "10 candles are missing" in refused.stderr
    assert sigma_retrain(tmp_path, "--gaps", "split", "--no-promote", "--no-leakage").returncode == 0
