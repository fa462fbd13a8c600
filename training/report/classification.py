"""The report of a classification as text: what is recognised where, and what it was worth."""

from __future__ import annotations

from training.families.xgboost.classification_run import Finished
from training.families.xgboost.classification_scores import Recognition, Uplift


def text(finished: Finished) -> str:
    """Return the lines for people."""
    lines = [_recognised("later bars of the markets it learnt from", finished.later)]
    if finished.elsewhere is not None:
        lines.append(_recognised(f"later bars of {finished.held_out}, which it never saw", finished.elsewhere))
    lines += ["", f"{'class':<28}{'rows':>8} {'precision':>10} {'recall':>7} {'F1':>6}"]
    lines += [
        f"{score.name:<28}{score.rows:>8,} {score.precision:>10.3f} {score.recall:>7.3f} {score.f1:>6.3f}"
        for score in finished.later.classes
    ]
    lines += ["", _scope(finished), *(_followed(uplift) for uplift in finished.uplifts), _claim(finished.uplifts)]
    lines += ["", finished.importance.table(), ""]
    lines.append(f"saved to {finished.folder}, chart {finished.chart}, recorded in {finished.record}")
    return "\n".join(lines)


def _recognised(where: str, found: Recognition) -> str:
    return (
        f"{where}: macro-F1 {found.macro_f1:.3f} (shuffled {found.shuffled_f1:.3f}), accuracy {found.accuracy:.3f} "
        f"(always the most frequent class {found.most_frequent:.3f}), {found.rows:,} rows"
    )


def _scope(finished: Finished) -> str:
    if finished.task == "pattern_classification":
        return (
            "labels come from rules: F1 says how well the rules are re-learnt, what followed says what they are worth"
        )
    return "what followed the trends that were foretold on later bars"


def _followed(uplift: Uplift) -> str:
    star = "  *" if uplift.is_discovery else ""
    interval = f"[{uplift.low:+.3f}, {uplift.high:+.3f}]"
    return f"{uplift.name:<28}{uplift.events:>8,} {uplift.mean:+.3f}σ more its way than usual, 95 % {interval}{star}"


def _claim(found: tuple[Uplift, ...]) -> str:
    if not found:
        return "too few events to say what followed them"
    marked = [uplift.name for uplift in found if uplift.is_discovery]
    if marked:
        return (
            f"* differs from nothing at a false discovery rate of 10 %: {', '.join(marked)}; costs are not subtracted"
        )
    return "none of them differs from nothing at a false discovery rate of 10 %: no edge found"
