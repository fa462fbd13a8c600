"""PPO learns from the other families' scores: out of fold, row by row, and nothing of the future among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")

from storage.config.models import PpoSettings
from storage.config.tree import Config
from strategies.bundle.bundle import Bundle, assemble
from strategies.errors import BadInput
from strategies.market import DAY_MS, HOUR_MS, OPEN_MS
from strategies.oversight.skill import information_coefficient
from strategies.predictors.base import Predictor, PreparedSlice
from tests.made_bundles import made_dataset
from training.data.dataset import Dataset
from training.data.score_columns import is_scored, scored_days, with_scores, without_scores
from training.ensemble.bundle import train
from training.ensemble.families import RidgeFamily
from training.ensemble.fits import Means, fit_folds
from training.ensemble.out_of_fold import fit_all, walk
from training.ensemble.plan import Plan, walk_folds
from training.families.fold_cache import fold_key
from training.families.interface import ModelFamily
from training.families.ppo.environment_tracks import standard_of, tracks_of
from training.families.ppo.family import PpoFamily
from training.promotion.leakage import turned_after
from training.promotion.similarity import twin_of
from training.runtime.file_cache import FileCache
from training.simulation.ahead import fit_ahead
from training.simulation.simulate import Routine

QUICK = PpoSettings(
    total_timesteps=4096, environments=32, rollout_steps=32, seeds=1, hidden_size=8, episode_bars=100, least_scored_d=30
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A model of a test's family, without files."""

    predictor: Predictor
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Remembering:
    """Scores every close it has learnt with its very target, and every other close with noise."""

    learnt: Mapping[tuple[str, int], float]
    family: str = "memory"

    def scores(self, slices: list[PreparedSlice]) -> list[np.ndarray]:
        return [self._score(part) for part in slices]

    def _score(self, part: PreparedSlice) -> np.ndarray:
        opens = part.candles[part.first :, OPEN_MS].astype(np.int64)
        noise = np.random.default_rng(int(opens[0]) % 2**32).normal(size=len(opens))
        return np.array([self.learnt.get((part.symbol, int(ms)), noise[row]) for row, ms in enumerate(opens)])


@dataclass(frozen=True, slots=True)
class Notifications:
    """Scores every close with its own time, in hours."""

    family: str = "clock"

    def scores(self, slices: list[PreparedSlice]) -> list[np.ndarray]:
        return [part.candles[part.first :, OPEN_MS] / HOUR_MS for part in slices]


@dataclass(frozen=True, slots=True)
class Silent:
    family: str = "ppo"

    def scores(self, slices: list[PreparedSlice]) -> list[np.ndarray]:
        return [np.random.default_rng(1).normal(size=part.rows) for part in slices]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFamily:
    """Learns by heart what was known by a time: the worst that can be shown to PPO in sample."""

    name: str = "memory"

    def fit(self, dataset: Dataset, known_by_ms: int) -> Fitted:
        learnt = {
            (segment.symbol, int(ms)): float(target)
            for segment in dataset.segments
            for ms, target, end_ms in zip(segment.open_ms, segment.target, segment.label_end_ms, strict=True)
            if end_ms <= known_by_ms and np.isfinite(target)
        }
        return Fitted(predictor=Remembering(learnt))

    def describe(self) -> dict[str, object]:
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockFamily:
    name: str = "clock"

    def fit(self, dataset: Dataset, known_by_ms: int) -> Fitted:
        return Fitted(predictor=Notifications())

    def describe(self) -> dict[str, object]:
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Stands where PPO stands and keeps what it is shown."""

    shown: list[tuple[Dataset, int]] = field(default_factory=list)
    name: str = "ppo"

    def fit(self, dataset: Dataset, known_by_ms: int) -> Fitted:
        self.shown.append((dataset, known_by_ms))
        return Fitted(predictor=Silent())

    def describe(self) -> dict[str, object]:
        return {}


def plan_of(*families: ModelFamily) -> Plan:
    config = Config()
    return Plan(families=families, trading=config.trading, validation=config.validation)


def pairs(dataset: Dataset, until_ms: int) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and targets of the bars that would teach PPO."""
    scores, targets = [], []
    for segment in dataset.segments:
        assert segment.others is not None
        taught = segment.open_ms + HOUR_MS <= until_ms
        scores.append(segment.others[taught, 0])
        targets.append(segment.target[taught])
    return np.concatenate(scores), np.concatenate(targets)


def test_what_ppo_is_trained_on_is_out_of_fold_in_every_fold_and_in_the_bundle() -> None:
    """In sample the scores of a family that learns by heart are the targets themselves."""
    witness, made = Witness(), made_dataset()
    families = [MemoryFamily(), witness]
    folds = walk_folds(made, plan_of(*families))
    runs = walk(made, families, folds)
    fit_all(families, made, runs, made.until_ms)
    assert len(witness.shown) == len(folds) + 1
    assert not np.isfinite(pairs(*witness.shown[0])[0]).any()  # nothing is scored before the first fold
    for dataset, until_ms in witness.shown[1:]:
        scores, targets = pairs(dataset, until_ms)
        assert np.isfinite(scores).sum() > 1000
        assert abs(information_coefficient(scores, targets)) < 0.05
    everything = MemoryFamily().fit(made, made.until_ms).predictor
    told = everything.learnt  # type: ignore[attr-defined]
    in_sample = np.array([told.get((s.symbol, int(ms)), np.nan) for s in made.segments for ms in s.open_ms])
    assert information_coefficient(in_sample, np.concatenate([s.target for s in made.segments])) > 0.99


def test_scores_by_models_that_had_seen_the_bars_are_refused() -> None:
    made = made_dataset()
    folds = walk_folds(made, plan_of(RidgeFamily()))
    honest = walk(made, [RidgeFamily()], folds)
    seen = [replace(run, known_by_ms=np.full(len(run.open_ms), made.until_ms)) for run in honest]
    families = [RidgeFamily(), Witness()]
    fit_all(families, made, [replace(run, scores=np.repeat(run.scores, 2, axis=1)) for run in honest], made.until_ms)
    with pytest.raises(BadInput, match="out of fold are needed"):
        fit_all(families, made, [replace(run, scores=np.repeat(run.scores, 2, axis=1)) for run in seen], made.until_ms)


def test_a_row_of_scores_too_few_is_refused() -> None:
    made = made_dataset()
    rows = [np.zeros((len(segment.target) - 1, 1)) for segment in made.segments]
    with pytest.raises(BadInput, match="a row for each"):
        with_scores(made, ["ridge"], rows, [np.zeros(len(part), np.int64) for part in rows])


def test_columns_stand_beside_the_bars_they_were_said_of() -> None:
    witness, made = Witness(), made_dataset()
    folds = walk_folds(made, plan_of(ClockFamily(), witness))
    walk(made, [ClockFamily(), witness], folds)
    for fold, (dataset, known_by_ms) in zip(folds, witness.shown, strict=True):
        assert known_by_ms == fold.train_until_ms
        for segment in dataset.segments:
            assert segment.others is not None
            scored = is_scored(segment)
            closes = segment.open_ms + HOUR_MS
            assert np.array_equal(scored, (closes >= folds[0].start_ms) & (closes < fold.start_ms))
            assert np.array_equal(segment.others[scored, 0], segment.open_ms[scored] / HOUR_MS)


def test_cutting_a_dataset_cuts_its_columns_with_it() -> None:
    witness, made = Witness(), made_dataset()
    walk(made, [ClockFamily(), witness], walk_folds(made, plan_of(ClockFamily(), witness)))
    dataset, until_ms = witness.shown[-1]
    for part in (dataset.until(until_ms), dataset.since(until_ms - 40 * DAY_MS)):
        for segment in part.segments:
            assert segment.others is not None
            scored = is_scored(segment)
            assert scored.any()
            assert np.array_equal(segment.others[scored, 0], segment.open_ms[scored] / HOUR_MS)


def test_the_future_changes_no_score_that_ppo_learns_from() -> None:
    made, witnesses = made_dataset(), (Witness(), Witness())
    folds = walk_folds(made, plan_of(RidgeFamily(), witnesses[0]))
    border = folds[1].start_ms
    for world, witness in zip((made, turned_after(made, border)), witnesses, strict=True):
        walk(world, [RidgeFamily(), witness], folds[:2])
    (before, until_ms), (after, _) = (witness.shown[1] for witness in witnesses)
    assert pairs(before, until_ms)[0].tobytes() == pairs(after, until_ms)[0].tobytes()


def test_agents_see_the_scores_after_the_features_and_upside_down_in_the_mirror() -> None:
    from tests.training.families.ppo.agents import environment

    made, witness = made_dataset(), Witness()
    walk(made, [RidgeFamily(), witness], walk_folds(made, plan_of(RidgeFamily(), witness)))
    dataset, until_ms = witness.shown[-1]
    standard = standard_of(dataset, until_ms)
    world = tracks_of(dataset, standard, until_ms=until_ms, episode_bars=50)
    assert standard.directional[-1]
    scores = pairs(dataset, until_ms)[0]
    scores = scores[np.isfinite(scores)]
    scaled = np.clip(scores / np.sqrt((scores**2).mean()), -4, 4)
    np.testing.assert_allclose(world.features[:, -1], scaled, rtol=1e-5)
    agents = environment(world, agents=64, directional=standard.directional)
    seen = agents.reset()[:, world.features.shape[1] - 1]
    sides = agents.agents["mirror"]
    assert set(sides) == {-1, 1}
    assert np.array_equal(seen, sides * world.features[agents.agents["row"], -1])


def test_too_few_scored_days_leave_ppo_with_the_features() -> None:
    made = made_dataset()
    families: list[ModelFamily] = [RidgeFamily(), PpoFamily(settings=QUICK)]
    plan = plan_of(*families)
    folds = walk_folds(made, plan)
    models = fit_folds(made, families, folds, Means())
    reads = [models["ppo", fold, 0].predictor.reads for fold in folds]  # type: ignore[attr-defined]
    assert reads[0] == ()
    assert reads[-1] == ("ridge",)
    assert scored_days(made, made.until_ms) == 0.0
    alone = walk(made, [PpoFamily(settings=QUICK)], folds[:1])
    assert all(np.isfinite(run.scores).any() for run in alone)


def test_a_fold_fitted_beside_others_is_the_fold_of_the_walk() -> None:
    """Fitted in parallel after the others' walk, or in turn with them: the same bytes."""
    made = made_dataset()
    families: list[ModelFamily] = [RidgeFamily(), PpoFamily(settings=QUICK)]
    folds = walk_folds(made, plan_of(*families))
    models = fit_folds(made, families, folds, Means())
    in_turn: dict[tuple[str, int], Mapping[str, bytes]] = {}

    def fit(family: ModelFamily, dataset: Dataset, fold, _group):  # type: ignore[no-untyped-def]
        model = family.fit(dataset, fold.train_until_ms)
        in_turn[family.name, fold.start_ms] = model.files
        return model

    walk(made, families, folds, fit=fit)
    for (name, fold, _), model in models.items():
        assert in_turn[name, fold.start_ms] == model.files


@pytest.fixture(scope="module")
def trained():  # type: ignore[no-untyped-def]
    return train(made_dataset(), plan_of(RidgeFamily(), PpoFamily(settings=QUICK)))


def test_a_bundle_names_what_its_ppo_reads_and_refuses_another(trained) -> None:  # type: ignore[no-untyped-def]
    manifest = trained.bundle.manifest
    assert manifest.ppo_reads == ("ridge",)
    assert assemble(trained.files, trained.id, exchange="made").id == trained.id
    with pytest.raises(Exception, match=r"reads \('ridge',\), its manifest names \(\)"):
        Bundle(
            "b-other", manifest.model_copy(update={"ppo_reads": ()}), trained.bundle.features, trained.bundle.predictors
        )


def test_a_twin_learns_from_scores_of_its_own_past_only(trained) -> None:  # type: ignore[no-untyped-def]
    made = made_dataset()
    families: list[ModelFamily] = [RidgeFamily(), PpoFamily(settings=QUICK)]
    runs = [part.run for part in trained.scales.convictions]
    border = made.until_ms - 50 * DAY_MS
    twins = []
    for later in (1.0, -3.0):
        changed = [
            replace(run, scores=np.where((run.open_ms + HOUR_MS > border)[:, None], later * run.scores, run.scores))
            for run in runs
        ]
        twins.append(twin_of(trained.bundle, made, families, border, changed))
    first, second = (twin.predictors[1].model.to_bytes() for twin in twins)  # type: ignore[attr-defined]
    assert first == second
    assert twins[0].manifest.ppo_reads == ("ridge",)


def test_a_kept_model_is_found_again_by_the_scores_it_saw_and_not_by_later_ones() -> None:
    made, witness = made_dataset(), Witness()
    folds = walk_folds(made, plan_of(RidgeFamily(), witness))
    walk(made, [RidgeFamily(), witness], folds)
    dataset, border = witness.shown[-1][0], folds[1]
    key = fold_key(witness, dataset, border)
    assert key != fold_key(witness, without_scores(dataset), border)
    for is_later in (True, False):
        segments = []
        for segment in dataset.segments:
            assert segment.others is not None
            chosen = (segment.open_ms > border.train_until_ms) == is_later
            segments.append(replace(segment, others=np.where(chosen[:, None], -segment.others, segment.others)))
        assert (fold_key(witness, replace(dataset, segments=tuple(segments)), border) == key) == is_later


def test_a_simulation_leaves_to_its_trainings_who_waits_for_the_others_scores(tmp_path: Path) -> None:
    made, witness, said = made_dataset(), Witness(), list[str]()
    families: list[ModelFamily] = [RidgeFamily(), witness]
    start_ms = made.until_ms - 40 * DAY_MS
    means = Means(cache=FileCache(root=tmp_path))
    fit_ahead(made, plan_of(*families), Routine(), start_ms, means, said.append)
    assert not witness.shown
    assert "x 1 families" in said[0]
    assert list(tmp_path.iterdir())


def test_a_dataset_without_scores_is_the_one_before_them() -> None:
    made, witness = made_dataset(), Witness()
    walk(made, [RidgeFamily(), witness], walk_folds(made, plan_of(RidgeFamily(), witness)))
    plain = without_scores(witness.shown[-1][0])
    assert plain.others == ()
    assert all(segment.others is None for segment in plain.segments)
