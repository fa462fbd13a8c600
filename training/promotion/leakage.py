"""The leakage check: known-answer tests that a recipe must pass before anything it says is believed.

Six questions. Does it find skill in a random walk? Does it find an edge that was planted? Do its scores foretell
nothing at other times than their own? Does cutting off the future change a feature or a score of the past? Does
anything after a fold's border change the fold's model? Does skill collapse when the label begins one bar later, as it
does when a feature peeks at the bar it is traded on? Retraining calls `check`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np

from strategies.errors import BadInput
from strategies.features import AnchoredSlice, FeatureSet, block_slices, compute, volatility
from strategies.market import OPEN_MS, CandleArray, Timeframe
from strategies.predictors.base import PreparedSlice
from training.data.dataset import Dataset, Segment
from training.data.market_scores import MarketScores
from training.data.splits import EMBARGO_MS, Fold
from training.ensemble.out_of_fold import walk
from training.evidence.null_error import SkillTest, skill_test
from training.families.interface import ModelFamily
from training.promotion.known_answer_result import KnownAnswerResult
from training.promotion.known_answers import world
from training.promotion.wrong_times import at_wrong_times

Profile = Literal["quick", "full"]
NULL_ERRORS: Final = 3.0  # standard errors within which skill on noise must lie, and beyond which an edge is found
KEPT_SHARE: Final = 0.5  # of the skill that must be left when everything is one bar late
CUTS: Final = 4
LIGHT: Final = {"seeds": 1, "n_estimators": 120, "epochs": 3, "total_timesteps": 40_000}  # settings are capped at these


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How much is run.

    Attributes:
        bars: of each made-up market.
        worlds: of each kind.
        folds: of each walk forward; the first trains on half of the bars.
        edge: planted, deviations of a bar's return.
        is_light: settings are capped at `LIGHT`.
    """

    bars: int
    worlds: int
    folds: int
    edge: float
    is_light: bool


SCOPES: Final[dict[Profile, Scope]] = {
    "quick": Scope(bars=9_000, worlds=1, folds=2, edge=0.15, is_light=True),
    "full": Scope(bars=24_000, worlds=3, folds=4, edge=0.10, is_light=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakageReport:
    """All findings; one that failed means that the recipe's figures are not to be believed."""

    profile: Profile
    findings: tuple[KnownAnswerResult, ...]

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)

    @property
    def sentence(self) -> str:
        """The findings that failed, or that none did."""
        failed = [finding.sentence for finding in self.findings if not finding.passed]
        return "; ".join(failed) if failed else f"no leak found in {len(self.findings)} known-answer tests"

    def document(self) -> dict[str, Any]:
        """Return plain JSON types."""
        rows = [{"name": part.name, "passed": part.passed, "sentence": part.sentence} for part in self.findings]
        return {"passed": self.passed, "profile": self.profile, "findings": rows}


def check(
    families: Sequence[ModelFamily],
    features: FeatureSet,
    timeframe: Timeframe,
    horizon_bars: int,
    *,
    profile: Profile = "quick",
    candles: CandleArray | None = None,
    seed: int = 0,
    tell: Callable[[KnownAnswerResult], None] = lambda _: None,
) -> LeakageReport:
    """Ask a recipe the six questions.

    Args:
        families: what learns; in the quick profile a lighter version of each.
        features: what it sees.
        timeframe: of the candles.
        horizon_bars: of the label.
        profile: "quick" for every retraining, "full" for a person with a few minutes.
        candles: (n, 6) stored ones of one market, contiguous, on which features are cut off, too; None: none.
        seed: of the made-up worlds.
        tell: told every finding.

    Raises:
        BadInput: there is no family.
    """
    if not families:
        raise BadInput("there is no model family to check")
    scope = SCOPES[profile]
    asked = [lightened(family) for family in families] if scope.is_light else list(families)
    fair, leaning = (
        [world(scope.bars, seed + number, features, timeframe, horizon_bars, edge) for number in range(scope.worlds)]
        for edge in (0.0, scope.edge)
    )
    findings: list[KnownAnswerResult] = []

    def note(found: Sequence[KnownAnswerResult]) -> None:
        findings.extend(found)
        for finding in found:
            tell(finding)

    note(no_skill_in_noise(asked, fair, scope.folds))
    note(kept := planted_edge(asked, leaning, scope.folds))
    note(at_wrong_times([each.name for each in asked], walk(leaning[0], asked, _folds(leaning[0], scope.folds))))
    note(one_bar_late(asked, leaning, scope.folds) if all(finding.passed for finding in kept) else [])
    note([truncated_features(features, timeframe, leaning[0].segments[0].candles, "made-up candles")])
    if candles is not None:
        note([truncated_features(features, timeframe, candles, "stored candles")])
    note([part for family in asked for part in unmoved_by_the_future(family, leaning[0])])
    return LeakageReport(profile=profile, findings=tuple(findings))


def lightened(family: ModelFamily) -> ModelFamily:
    """Return the family with its costly settings capped; one without such settings is returned as it is."""
    settings: Any = getattr(family, "settings", None)
    if settings is None:
        return family
    caps = {name: min(getattr(settings, name), most) for name, most in LIGHT.items() if hasattr(settings, name)}
    lighter: Any = replace(family, settings=settings.model_copy(update=caps))  # type: ignore[type-var]
    found: ModelFamily = lighter
    return found


def no_skill_in_noise(
    families: Sequence[ModelFamily], worlds: Sequence[Dataset], folds: int
) -> list[KnownAnswerResult]:
    """A random walk gives no skill: the IC lies within three null standard errors of zero."""
    found = []
    for family, test in zip(families, _tests(families, worlds, folds), strict=True):
        passed = abs(test.errors) < NULL_ERRORS
        words = f"{family.name}: IC {test.ic:+.4f} on random walks, {test.errors:+.1f} standard errors"
        words += f" ({test.effective:.0f} effective observations; within {NULL_ERRORS:g} is needed)"
        found.append(KnownAnswerResult(name="no skill in noise", passed=passed, sentence=words))
    return found


def planted_edge(families: Sequence[ModelFamily], worlds: Sequence[Dataset], folds: int) -> list[KnownAnswerResult]:
    """A planted edge is found: the IC lies more than three null standard errors above zero."""
    found = []
    for family, test in zip(families, _tests(families, worlds, folds), strict=True):
        words = f"{family.name}: IC {test.ic:+.4f} where an edge is planted, {test.errors:+.1f} standard errors"
        words += f" (above {NULL_ERRORS:g} is needed)"
        found.append(KnownAnswerResult(name="planted edge found", passed=test.errors > NULL_ERRORS, sentence=words))
    return found


def one_bar_late(families: Sequence[ModelFamily], worlds: Sequence[Dataset], folds: int) -> list[KnownAnswerResult]:
    """Features one bar old keep most of the skill: what collapses had peeked at the bar it was traded on."""
    now, late = _tests(families, worlds, folds), _tests(families, [shifted(each) for each in worlds], folds)
    found = []
    for family, before, after in zip(families, now, late, strict=True):
        words = f"{family.name}: IC {before.ic:+.4f} becomes {after.ic:+.4f} one bar late"
        words += f" (at least {KEPT_SHARE:.0%} is needed)"
        found.append(KnownAnswerResult(name="one bar late", passed=after.ic >= KEPT_SHARE * before.ic, sentence=words))
    return found


def truncated_features(
    features: FeatureSet, timeframe: Timeframe, candles: CandleArray, what: str
) -> KnownAnswerResult:
    """Cutting off the future changes no feature and no deviation of the past, bit by bit."""
    rows, differing = 0, 0
    for cut in np.linspace(0.55, 0.97, CUTS):
        end = int(cut * len(candles))
        since = candles[max(0, end - 300), OPEN_MS]
        until = candles[end - 1, OPEN_MS] + 1
        whole = _columns(block_slices(candles, timeframe, since), features, timeframe, until)
        short = _columns(block_slices(candles[:end], timeframe, since), features, timeframe, until)
        rows += len(short)
        differing += int((~np.isclose(whole, short, rtol=0.0, atol=0.0, equal_nan=True)).any(axis=1).sum())
    words = f"{differing} of {rows} rows of {len(features.names)} features change when the future of {what} is cut off"
    return KnownAnswerResult(name="truncated future", passed=differing == 0, sentence=words)


def unmoved_by_the_future(family: ModelFamily, dataset: Dataset) -> list[KnownAnswerResult]:
    """What comes after a border changes no model of before, and no score of a past bar."""
    border = int(np.quantile(dataset.segments[0].open_ms, 0.5))
    model, other = family.fit(dataset, border), family.fit(turned_after(dataset, border), border)
    changed = [name for name, content in model.files.items() if other.files.get(name) != content]
    words = f"{family.name}: {len(changed)} of {len(model.files)} model files change with what comes after the border"
    candles = dataset.segments[0].candles
    slices = block_slices(candles, dataset.timeframe, candles[-800, OPEN_MS])
    whole = np.concatenate(model.predictor.scores([prepared_of(part, dataset) for part in slices]))
    end = len(candles) - 150
    short_slices = block_slices(candles[:end], dataset.timeframe, candles[-800, OPEN_MS])
    short = np.concatenate(model.predictor.scores([prepared_of(part, dataset) for part in short_slices]))
    differing = int((~np.isclose(whole[: len(short)], short, rtol=0.0, atol=0.0, equal_nan=True)).sum())
    scores = f"{family.name}: {differing} of {len(short)} scores change when the future is cut off"
    return [
        KnownAnswerResult(name="future changes no model", passed=not changed, sentence=words),
        KnownAnswerResult(name="future changes no score", passed=differing == 0, sentence=scores),
    ]


def shifted(dataset: Dataset) -> Dataset:
    """Return the dataset with every label beginning one bar later: the features have become one bar old."""
    return replace(dataset, segments=tuple(_shifted(segment, dataset.timeframe) for segment in dataset.segments))


def turned_after(dataset: Dataset, border_ms: int) -> Dataset:
    """Return the dataset with everything that was not known at a border turned upside down."""
    return replace(dataset, segments=tuple(_turned(segment, border_ms) for segment in dataset.segments))


def _tests(families: Sequence[ModelFamily], worlds: Sequence[Dataset], folds: int) -> list[SkillTest]:
    """Return each family's skill out of fold over all worlds."""
    runs: list[list[MarketScores]] = [walk(each, families, _folds(each, folds)) for each in worlds]
    return [skill_test(runs, column, worlds[0].horizon_bars) for column in range(len(families))]


def _folds(dataset: Dataset, count: int) -> list[Fold]:
    middle = (dataset.from_ms + dataset.until_ms) // 2
    borders = np.linspace(middle, dataset.until_ms, count + 1).astype(np.int64) // dataset.timeframe.ms
    starts = [int(border) * dataset.timeframe.ms for border in borders]
    return [Fold(train_until_ms=start - EMBARGO_MS, start_ms=start, end_ms=end) for start, end in pairwise(starts)]


def _shifted(segment: Segment, timeframe: Timeframe) -> Segment:
    target = np.append(segment.target[1:], np.nan)
    return replace(segment, target=target, label_end_ms=segment.label_end_ms + timeframe.ms)


def _turned(segment: Segment, border_ms: int) -> Segment:
    unknown, unseen = segment.label_end_ms > border_ms, segment.open_ms > border_ms
    candles, features = segment.candles.copy(), segment.features.copy()
    candles[unseen, 1:5] = 2.0 * candles[unseen, 1:5]
    features[unseen] = -features[unseen]
    return replace(
        segment, candles=candles, features=features, target=np.where(unknown, -segment.target, segment.target)
    )


def _columns(
    slices: Sequence[AnchoredSlice], features: FeatureSet, timeframe: Timeframe, until_ms: float
) -> np.ndarray:
    """Return (rows, F + 2) features and deviations of the rows asked for that open before a time."""
    parts = []
    for part in slices:
        known = part.candles[part.first :, OPEN_MS] < until_ms
        values = compute(part.candles, features, timeframe)[part.first :].astype(np.float64)
        parts.append(
            np.column_stack([values, *(each[part.first :] for each in volatility(part.candles, timeframe))])[known]
        )
    return np.concatenate(parts)


def prepared_of(part: AnchoredSlice, dataset: Dataset) -> PreparedSlice:
    """Return an anchored slice of a made-up market with everything that predictors read."""
    sigma, annual = volatility(part.candles, dataset.timeframe)
    return PreparedSlice(
        candles=part.candles,
        features=compute(part.candles, dataset.features, dataset.timeframe),
        sigma=sigma,
        volatility=annual,
        first=part.first,
        symbol="MADE0",
    )
