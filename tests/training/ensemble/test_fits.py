"""Fits are found again: a training that was carried out before fits nothing, and a later one only what is new."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from strategies.market import DAY_MS
from tests.made_bundles import made_bundle, made_dataset, made_plan
from training.ensemble import out_of_fold
from training.ensemble.bundle import known_by_end, train
from training.ensemble.fits import Fitted, Means
from training.promotion.similarity import twin_border
from training.runtime.file_cache import FileCache


@pytest.fixture
def kept(tmp_path: Path) -> Callable[[], tuple[list[Fitted], Means]]:
    """Means with one cache on disk, and what they tell."""

    def made() -> tuple[list[Fitted], Means]:
        told: list[Fitted] = []
        return told, Means(cache=FileCache(root=tmp_path / "folds"), on_fit=told.append)

    return made


def test_a_training_that_was_carried_out_before_fits_and_scores_nothing(kept, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    told, means = kept()
    assert train(made_dataset(), made_plan(), means=means).id == made_bundle().id
    assert not any(each.found for each in told)
    told, means = kept()
    monkeypatch.setattr(out_of_fold, "prepare", None)  # whoever computes a feature fails
    assert train(made_dataset(), made_plan(), means=means).id == made_bundle().id
    assert [each.number for each in told] == list(range(1, told[0].total + 1))
    assert all(each.found for each in told)


def test_a_twin_at_an_earlier_bundles_end_is_that_bundles_models(kept) -> None:  # type: ignore[no-untyped-def]
    earlier = made_dataset().until(made_dataset().until_ms - 100 * DAY_MS)
    _, means = kept()
    before = train(earlier, made_plan(), means=means)
    now = made_dataset()
    border_ms = twin_border(now, 90, DAY_MS, [earlier.until_ms])
    assert border_ms == known_by_end(earlier)
    told, means = kept()
    found = train(now, made_plan(), means=means, earlier_ms=border_ms)
    assert [each.family for each in told if each.found and each.fold.train_until_ms == border_ms] == [
        "xgboost",
        "ridge",
    ]
    assert [model.to_bytes() for model in found.earlier[1:]] == [before.files["ridge.json"]]  # type: ignore[attr-defined]


def test_a_twin_has_a_border_of_its_own_where_no_bundle_is_old_enough() -> None:
    now = made_dataset()
    latest_ms = now.until_ms - 91 * DAY_MS
    assert twin_border(now, 90, DAY_MS) == latest_ms
    assert twin_border(now, 90, DAY_MS, [now.until_ms - 80 * DAY_MS, now.until_ms - 200 * DAY_MS]) == latest_ms
