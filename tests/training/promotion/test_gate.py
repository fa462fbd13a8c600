"""The promotion policy by hand: which numbers promote, which reject, and what is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest

from storage.config.training import ValidationSettings
from training.evidence.recipe_gate import RecipeVerdict
from training.promotion.gate import Case, Similarity, Verdict, completion, integrity, judge_recipe, judge_refresh

POLICY = ValidationSettings()
NAN = float("nan")
SKILLED = RecipeVerdict(passed=True, reason="", ic=0.06, p_value=0.002, net_return=0.4, trades=300, days=1096)
ALIKE = Similarity(
    days=90,
    correlation=0.94,
    deviation_ratio=1.05,
    turnover_ratio=0.97,
    twin_ic=0.05,
    champion_ic=0.06,
    compared_days=90,
)


def failed(verdict: Verdict) -> list[str]:
    return [rule.name for rule in verdict.rules if not rule.passed]


def test_skill_and_profit_promote_a_first_bundle_and_its_completion_and_let_a_changed_recipe_shadow() -> None:
    assert judge_recipe("first", SKILLED, POLICY).step == "promote"
    assert judge_recipe("completion", SKILLED, POLICY).step == "promote"
    assert judge_recipe("changed_recipe", SKILLED, POLICY).step == "shadow"


def test_a_completed_recipe_must_not_be_worse_than_the_part_that_went_first() -> None:
    better, worse = completion(0.05, 0.06, 0.02), completion(0.03, 0.06, 0.02)
    assert better.passed
    assert not worse.passed
    assert worse.sentence.startswith("out-of-fold IC +0.030 with all families, +0.060 with those of the first bundle")
    verdict = judge_recipe("completion", SKILLED, POLICY, [worse])
    assert verdict.step == "reject"
    assert verdict.reason.startswith("not better founded than the first bundle: ")


@pytest.mark.parametrize("case", ["first", "completion", "changed_recipe"])
@pytest.mark.parametrize(
    ("numbers", "rule"),
    [({"p_value": 0.011}, "skill"), ({"ic": -0.06}, "skill"), ({"net_return": 0.0}, "profit"), ({"ic": NAN}, "skill")],
)
def test_the_recipe_gate_rejects(case: Case, numbers: dict[str, Any], rule: str) -> None:
    verdict = judge_recipe(case, replace(SKILLED, **numbers), POLICY)
    assert verdict.step == "reject"
    assert failed(verdict) == [rule]
    opening = "not better founded" if case == "completion" else "no edge found: "
    assert verdict.reason.startswith(opening)


def test_the_level_of_the_recipe_gate_comes_from_the_configuration() -> None:
    skill = replace(SKILLED, p_value=0.04)
    assert judge_recipe("first", skill, POLICY).step == "reject"
    assert judge_recipe("first", skill, ValidationSettings(few_markets_alpha=0.05)).step == "promote"


def test_a_panel_is_judged_at_a_level_of_its_own() -> None:
    skill = replace(SKILLED, p_value=0.04, markets=POLICY.panel_markets)
    assert judge_recipe("first", skill, POLICY).step == "promote"
    assert judge_recipe("first", replace(skill, markets=POLICY.panel_markets - 1), POLICY).step == "reject"


def test_a_refresh_that_is_like_the_champion_is_promoted() -> None:
    verdict = judge_refresh(ALIKE, POLICY)
    assert verdict.step == "promote"
    assert [rule.name for rule in verdict.rules] == ["correlation", "deviation", "turnover", "twin"]


@pytest.mark.parametrize(
    ("numbers", "rule"),
    [
        ({"correlation": 0.79}, "correlation"),
        ({"correlation": NAN}, "correlation"),
        ({"deviation_ratio": 1.31}, "deviation"),
        ({"deviation_ratio": 0.69}, "deviation"),
        ({"turnover_ratio": NAN}, "turnover"),
        ({"twin_ic": 0.039}, "twin"),
    ],
)
def test_the_refresh_gate_rejects(numbers: dict[str, Any], rule: str) -> None:
    verdict = judge_refresh(replace(ALIKE, **numbers), POLICY)
    assert verdict.step == "reject"
    assert failed(verdict) == [rule]
    assert verdict.reason.startswith("not like the champion: ")


def test_a_bound_itself_still_passes() -> None:
    edge = replace(ALIKE, correlation=0.8, deviation_ratio=1.3, turnover_ratio=0.7, twin_ic=0.04, champion_ic=0.06)
    assert judge_refresh(edge, POLICY).step == "promote"


def test_a_losing_month_is_no_reason_against_a_refresh() -> None:
    assert judge_refresh(replace(ALIKE, twin_ic=-0.09, champion_ic=-0.08), POLICY).step == "promote"


def test_a_twin_without_honest_votes_beside_it_does_not_object_and_says_so() -> None:
    verdict = judge_refresh(replace(ALIKE, twin_ic=NAN, champion_ic=NAN, compared_days=12), POLICY)
    assert verdict.step == "promote"
    assert verdict.rules[-1].found is None
    assert "cover 12 days" in verdict.rules[-1].sentence


def test_a_broken_candidate_is_rejected_however_good_its_numbers_are() -> None:
    broken = integrity("bundle b-1 does not repeat its 32 recorded probes")
    assert failed(judge_refresh(ALIKE, POLICY, [broken])) == ["integrity"]
    assert failed(judge_recipe("first", SKILLED, POLICY, [integrity(), broken])) == ["integrity"]


def test_the_document_is_json_with_a_number_and_a_sentence_for_every_rule() -> None:
    document = orjson.loads(orjson.dumps(judge_refresh(replace(ALIKE, correlation=0.5), POLICY).document()))
    assert not document["passed"]
    assert document["rules"][0] == {
        "name": "correlation",
        "passed": False,
        "found": 0.5,
        "needed": ">= 0.8",
        "sentence": "correlation with the champion 0.500 over 90 days (needed >= 0.8)",
    }
    assert document["reason"] == "not like the champion: " + document["rules"][0]["sentence"]
