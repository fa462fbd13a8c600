"""The promotion policy: numbers in, verdict out.

Two questions, each answered by named rules. May a first bundle, its completion or a changed recipe leave the bench
(recipe gate)? Is a retraining of the champion's recipe still the same model (refresh gate)? Who trades while nothing
has passed, or while the champion is out of luck, the fallback policy says (`bundle/fallback_policy.py`). What
is never a reason: accuracy, one month's profit, a deflated Sharpe. A rejection is a normal end. Knows no model, no file
and no clock.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from storage.config.training import ValidationSettings
from storage.terminal.words import counted
from strategies.values import finite
from training.evidence.recipe_gate import RecipeVerdict, level_of

Case = Literal["first", "completion", "refresh", "changed_recipe"]
Step = Literal["promote", "shadow", "reject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule's answer.

    Attributes:
        name: as in the policy: "skill", "similarity", ….
        passed: whether it holds.
        found: the number measured; None: there was nothing to measure, and the rule does not object.
        needed: the bound, as people read it: ">= 0.8".
        sentence: what was found and what was needed, with its numbers.
    """

    name: str
    passed: bool
    found: float | None
    needed: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a candidate, and why.

    Attributes:
        case: which gate it stood before.
        step: what is to be done: promote it, let it shadow the champion, or keep it on the bench.
        rules: all that were asked, in order; those that failed are the reasons of a rejection.
    """

    case: Case
    step: Step
    rules: tuple[Rule, ...]

    @property
    def passed(self) -> bool:
        return self.step != "reject"

    @property
    def reason(self) -> str:
        """One sentence: the rules that failed, or all of them."""
        failed = [rule for rule in self.rules if not rule.passed]
        opening = {
            ("reject", "refresh"): "not like the champion",
            ("reject", "first"): "no edge found",
            ("reject", "completion"): "not better founded than the first bundle",
            ("reject", "changed_recipe"): "no edge found",
            ("promote", "refresh"): "as good as the champion",
            ("promote", "first"): "edge found",
            ("promote", "completion"): "edge found, and all families of the declared recipe take part from here on",
            ("shadow", "changed_recipe"): "edge found, it shadows the champion first",
        }[(self.step, self.case)]
        return f"{opening}: " + "; ".join(rule.sentence for rule in failed or self.rules)

    def document(self) -> dict[str, Any]:
        """Return the verdict as plain JSON."""
        return {
            "passed": self.passed,
            "reason": self.reason,
            "case": self.case,
            "step": self.step,
            "rules": [
                {
                    "name": rule.name,
                    "passed": rule.passed,
                    "found": rule.found,
                    "needed": rule.needed,
                    "sentence": rule.sentence,
                }
                for rule in self.rules
            ],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """A retrained bundle beside the champion over the same recent closes, markets pooled.

    Attributes:
        days: length of the window.
        correlation: of the candidate's convictions with the champion's.
        deviation_ratio: candidate's deviation / champion's.
        turnover_ratio: candidate's mean change of conviction a bar / champion's.
        twin_ic, champion_ic: of a twin that had not seen the window, and of the votes that traded in it, over the
            same closes; NaN where too few of the champion's votes were out of sample.
        compared_days: days over which those two were taken.
    """

    days: float
    correlation: float
    deviation_ratio: float
    turnover_ratio: float
    twin_ic: float
    champion_ic: float
    compared_days: float


def judge_recipe(
    case: Case,
    skill: RecipeVerdict,
    settings: ValidationSettings,
    extra: Sequence[Rule] = (),
    *,
    again: bool = False,
) -> Verdict:
    """Return the recipe gate's verdict on walk-forward evidence.

    Args:
        case: "first" and "completion" are promoted when they pass, "changed_recipe" shadows the champion.
        skill: what the walk forward measured.
        settings: level of the test.
        extra: rules asked elsewhere (integrity, leakage).
        again: the recipe failed here before.
    """
    rules = (*extra, _skill(skill, level_of(settings, skill.markets, again=again)), _profit(skill))
    step: Step = "shadow" if case == "changed_recipe" else "promote"
    return Verdict(case=case, step=step if all(rule.passed for rule in rules) else "reject", rules=rules)


def judge_refresh(found: Similarity, settings: ValidationSettings, extra: Sequence[Rule] = ()) -> Verdict:
    """Return the refresh gate's verdict: integrity and similarity, never profit."""
    least, tolerance = settings.refresh_correlation, settings.refresh_tolerance
    over = f"over {found.days:.0f} days"
    rules = (
        *extra,
        _rule(
            "correlation",
            found.correlation >= least,
            found.correlation,
            f">= {least:g}",
            f"correlation with the champion {found.correlation:.3f} {over}",
        ),
        _ratio("deviation", found.deviation_ratio, tolerance, over),
        _ratio("turnover", found.turnover_ratio, tolerance, over),
        _twin(found, settings.refresh_ic_margin),
    )
    step: Step = "promote" if all(rule.passed for rule in rules) else "reject"
    return Verdict(case="refresh", step=step, rules=rules)


def completion(found_ic: float, first_ic: float, margin: float) -> Rule:
    """Return the rule that a recipe with all its families is not worse out of fold than the part that went first."""
    words = f"out-of-fold IC {found_ic:+.3f} with all families, {first_ic:+.3f} with those of the first bundle"
    return _rule("completion", found_ic >= first_ic - margin, found_ic - first_ic, f">= -{margin:g}", words)


def integrity(problem: str = "") -> Rule:
    """Return the rule that a candidate loads, repeats its probes and carries the checksums it names."""
    words = f"integrity: {problem}" if problem else "integrity: checksums, fingerprint and probes hold"
    return Rule(name="integrity", passed=not problem, found=None, needed="no problem", sentence=words)


def _skill(skill: RecipeVerdict, alpha: float) -> Rule:
    words = f"IC {skill.ic:+.3f} over {skill.days} days, p {skill.p_value:.3f}"
    passed = skill.p_value <= alpha and skill.ic > 0
    return _rule("skill", passed, skill.p_value, f"p <= {alpha:g}", words)


def _profit(skill: RecipeVerdict) -> Rule:
    words = f"{counted(skill.trades, 'trade')}, net {skill.net_return:+.1%} of notional"
    return _rule("profit", skill.net_return > 0, skill.net_return, "> 0", words)


def _ratio(name: str, ratio: float, tolerance: float, over: str) -> Rule:
    low, high = 1.0 - tolerance, 1.0 + tolerance
    return _rule(
        name, low <= ratio <= high, ratio, f"{low:g} to {high:g}", f"{name} {ratio:.2f} of the champion's {over}"
    )


def _twin(found: Similarity, margin: float) -> Rule:
    if math.isnan(found.twin_ic) or math.isnan(found.champion_ic):
        words = f"twin not compared: the champion's votes cover {found.compared_days:.0f} days that it had not seen"
        return Rule(name="twin", passed=True, found=None, needed=f">= champion - {margin:g}", sentence=words)
    words = (
        f"twin's IC {found.twin_ic:+.3f}, champion's votes {found.champion_ic:+.3f} over {found.compared_days:.0f} days"
    )
    passed = found.twin_ic >= found.champion_ic - margin
    return _rule("twin", passed, found.twin_ic - found.champion_ic, f">= -{margin:g}", words)


def _rule(name: str, passed: bool, found: float, needed: str, words: str) -> Rule:
    value = finite(found)
    return Rule(name=name, passed=passed, found=value, needed=needed, sentence=f"{words} (needed {needed})")
