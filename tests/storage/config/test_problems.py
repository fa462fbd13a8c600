"""Where a configuration is wrong: the line, the environment variable, the nearest name, and what is needed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from storage.config.accounts import laid_over, problem_of
from storage.config.problems import Origin, dotted, fields_of, key_paths, problems_of, unknown
from storage.config.tree import Config

TEXT = """# a comment = 1
[risk]
leverage_cap = 1.5

[ppo.reward]
profit = 1.0
"""


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        (("risk", "leverage_cap"), "config.toml:3: "),
        (("ppo", "reward", "profit"), "config.toml:6: "),
        (("risk",), "config.toml:2: "),
        (("ppo", "reward"), "config.toml:5: "),
        (("risk", "absent"), ""),
        (("web", "port"), "SIGMA_WEB__PORT: "),
    ],
)
def test_a_value_is_traced_to_its_line_or_its_variable(keys: tuple[str, ...], where: str) -> None:
    origin = Origin(name="config.toml", text=TEXT, variables={("web", "port"): "SIGMA_WEB__PORT"})
    assert origin.of(keys) == where


def test_keys_are_written_as_in_the_file() -> None:
    assert [dotted(keys) for keys in (["risk", "a"], ["ppo", "reward", "b"], ["risk"])] == [
        *("[risk] a", "[ppo.reward] b", "[risk]")
    ]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["risk", "leverage_capp"], "unknown key [risk] leverage_capp; did you mean leverage_cap?"),
        (["rsk"], "unknown section [rsk]; did you mean [risk]?"),
        (["web", "leverage_cap"], "unknown key [web] leverage_cap; did you mean [risk] leverage_cap?"),
    ],
)
def test_the_nearest_name_is_offered_wherever_it_lives(keys: list[str], said: str) -> None:
    assert unknown(keys, Config) == said


def test_without_a_near_name_all_are_told() -> None:
    assert "known are " in unknown(["paths", "zzzzzz"], Config)
    assert fields_of(Config, ["nowhere"]) == {}
    assert set(fields_of(Config, ["paths"])) == {path[1] for path in key_paths(Config) if path[0] == "paths"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"risk": {"leverage_cap": "much"}}, '[risk] leverage_cap is "much"; a number is needed'),
        ({"web": {"port": 1.5}}, "[web] port is 1.5; "),
        ({"risk": 3}, "[risk] is 3; "),
        ({"rsk": {}}, "unknown section [rsk]"),
    ],
)
def test_what_is_wrong_is_one_line_with_what_is_needed(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Config.model_validate(given)
    lines = problems_of(refused.value, Config, Origin(name="config.toml", text=""))
    assert len(lines) == 1
    assert lines[0].startswith(said), lines
    assert "\n" not in lines[0]


@pytest.mark.parametrize(
    ("accounts", "said"),
    [
        ({"careful": {"symbols": ["BTCUSDT"], "risk": {"leverage_cap": 1.0}}}, ""),
        ({"Careful": {}}, "[accounts.Careful] is no name"),
        ({"a" * 41: {}}, "is no name"),
        ({"careful": {"paths": {}}}, "[accounts.careful] paths is not an account's own; symbols, bundle, "),
        ({"careful": {"risk": 3}}, "a section is needed, like risk.KEY = VALUE"),
    ],
)
def test_an_account_has_a_name_and_sections_of_its_own(accounts: dict[str, dict[str, object]], said: str) -> None:
    found = problem_of(accounts)
    assert (found == "") == (said == "")
    assert said in found


def test_an_accounts_values_lie_over_the_shared_ones_and_change_none_of_them() -> None:
    tree = {
        "exchange": {"name": "builtin", "symbols": ["BTCUSDT"]},
        "risk": {"leverage_cap": 2.0, "limits": {"a": 1, "b": 2}},
        "account": {"name": "main", "bundle": "slow"},
    }
    over = laid_over(tree, "careful", {"symbols": ["ETHUSDT"], "risk": {"limits": {"b": 3}}})
    assert over["exchange"] == {"name": "builtin", "symbols": ["ETHUSDT"]}
    assert over["risk"] == {"leverage_cap": 2.0, "limits": {"a": 1, "b": 3}}
    assert over["account"] == {"name": "careful", "bundle": ""}
    assert laid_over(tree, "main", {})["account"] == {"name": "main", "bundle": "slow"}
    assert laid_over(tree, "careful", {"bundle": "quick"})["account"]["bundle"] == "quick"
    assert tree["exchange"]["symbols"] == ["BTCUSDT"]
    assert tree["risk"]["limits"] == {"a": 1, "b": 2}
