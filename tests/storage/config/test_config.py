"""The configuration: every tunable once, typed and bounded; what is wrong is said in one line."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path
from typing import Any

import pytest

from storage.config.environment import secrets_of, variable_of
from storage.config.problems import key_paths
from storage.config.secret import Secret
from storage.config.tree import BadConfig, Config, load, parse
from strategies.errors import BadInput
from strategies.kernel.settings import TradingSettings
from strategies.market import Timeframe
from tests.builders import ROOT

SHIPPED = ROOT / "config.toml"


def leaves(tree: dict[str, Any], above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = set()
    for name, value in tree.items():
        found |= leaves(value, (*above, name)) if isinstance(value, dict) and value else {(*above, name)}
    return found


def problem(text: str = "", **variables: str) -> str:
    with pytest.raises(BadConfig) as caught:
        parse(text, variables)
    return str(caught.value)


# ---- the shipped file


def test_shipped_file_says_exactly_the_defaults() -> None:
    assert load(SHIPPED, {}) == Config()


def test_shipped_file_has_every_tunable_and_no_secret() -> None:
    written = leaves(tomllib.loads(SHIPPED.read_text(encoding="utf-8")))
    assert written == set(key_paths(Config)) - set(secrets_of(Config))


def test_every_key_of_the_shipped_file_has_a_comment() -> None:
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    bare = [line for line in lines if "=" in line and not line.startswith("#") and "#" not in line]
    assert bare == []


def test_every_secret_is_named_in_the_shipped_file() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert [variable_of(keys) for keys in secrets_of(Config) if variable_of(keys) not in text] == []


# ---- what is refused, and how


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[risk]\nleverge_cap = 1", "config.toml:2: unknown key [risk] leverge_cap; did you mean leverage_cap?"),
        ("\n[rsk]\nleverage_cap = 1", "config.toml:2: unknown section [rsk]; did you mean [risk]?"),
        ("[risk]\nenter = 1", "config.toml:2: unknown key [risk] enter; did you mean [decision] enter?"),
        ("[ppo.reward]\nprofits = 1", "config.toml:2: unknown key [ppo.reward] profits; did you mean profit?"),
        ('[risk]\nleverage_cap = "a lot"', 'config.toml:2: [risk] leverage_cap is "a lot"; a number is needed'),
        ("[risk]\nleverage_cap = true", "config.toml:2: [risk] leverage_cap is true; a number is needed"),
        ("[ppo]\nroll_bars = 3.5", "config.toml:2: [ppo] roll_bars is 3.5; a whole number is needed"),
        ("[risk]\nleverage_cap = 99", "config.toml:2: [risk] leverage_cap is 99; less than or equal to 20 is needed"),
        ("[risk]\nleverage_cap = nan", "config.toml:2: [risk] leverage_cap is nan; a finite number is needed"),
        ("risk = 3", "config.toml:1: [risk] is 3; a section is needed"),
        ("[decision]\nleave = 2.0", "[decision] leave 2.0 must be below enter 1.25"),
        ('[database]\nurl = "postgresql+psycopg://a:geheim@h/d"', "[database] url is postgresql+psycopg://a:***@h/d"),
        ('[exchange]\nsymbols = ["BTCUSDT", "BTCUSDT"]', "[exchange] symbols names BTCUSDT more than once"),
        ('[ensemble]\nfamilies = ["ppo"]', "families are ppo alone"),
        ("[risk", "config.toml is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_place_and_reason(text: str, said: str) -> None:
    assert said in problem(text)


def test_a_wrong_configuration_is_bad_input_with_exit_code_2() -> None:
    with pytest.raises(BadInput) as caught:
        parse("[risk]\nleverge_cap = 1", {})
    assert caught.value.exit_code == 2


def test_all_problems_are_counted_and_kept() -> None:
    with pytest.raises(BadConfig) as caught:
        parse('[risk]\nleverge_cap = 1\n[web]\nport = "x"', {})
    assert len(caught.value.problems) == 2
    assert str(caught.value).endswith("(and 1 more: sigma config check lists them)")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"nowhere\.toml could not be read: No such file"):
        load(tmp_path / "nowhere.toml", {})


def test_without_any_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(env={}) == Config()


# ---- the environment


def test_environment_overrides_every_kind_of_value() -> None:
    config = parse(
        "[risk]\nleverage_cap = 2.0",
        {
            "SIGMA_RISK__LEVERAGE_CAP": "1.5",
            "SIGMA_EXCHANGE__SYMBOLS": "ETHUSDT, BTCUSDT",
            "SIGMA_TELEGRAM__CHAT_IDS": "12,-34",
            "SIGMA_XGBOOST__MIRROR": "no",
            "SIGMA_DECISION__TIMEFRAME": "4h",
            "SIGMA_PPO__REWARD__PROFIT": "2",
            "SIGMA_SIMULATOR__START": "2024-02-29",
        },
    )
    assert config.risk.leverage_cap == 1.5
    assert config.exchange.symbols == ("ETHUSDT", "BTCUSDT")
    assert config.telegram.chat_ids == (12, -34)
    assert config.xgboost.mirror is False
    assert config.decision.timeframe is Timeframe.H4
    assert config.ppo.reward.profit == 2
    assert config.simulator.start.isoformat() == "2024-02-29"


def test_a_misspelled_variable_is_refused_with_the_nearest_key() -> None:
    said = problem(SIGMA_RISK__LEVERGE_CAP="1")
    assert said == "SIGMA_RISK__LEVERGE_CAP: unknown key [risk] leverge_cap; did you mean leverage_cap?"


def test_a_wrong_value_names_the_variable_it_came_from() -> None:
    said = problem("[web]\nport = 80", SIGMA_WEB__PORT="http")
    assert said == 'SIGMA_WEB__PORT: [web] port is "http"; a whole number is needed'


def test_variables_without_a_joint_belong_to_others() -> None:
    assert parse("", {"SIGMA_HOME": "x", "PATH": "/bin"}) == Config()


# ---- secrets


def test_a_secret_in_the_file_is_refused_and_not_repeated() -> None:
    said = problem('[telegram]\ntoken = "1234:geheim"')
    assert "[telegram] token is a secret" in said
    assert "SIGMA_TELEGRAM__TOKEN_FILE is needed" in said
    assert "geheim" not in said


def test_secrets_come_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n", encoding="utf-8")
    config = parse("", {"SIGMA_WEB__TOKEN": "from-env", "SIGMA_TELEGRAM__TOKEN_FILE": str(tmp_path / "token")})
    assert config.web.token.reveal() == "from-env"
    assert config.telegram.token.reveal() == "from-file"
    assert sorted(config.secrets()) == ["from-env", "from-file"]


def test_a_secret_file_that_cannot_be_read_is_named_to_whoever_needs_it() -> None:
    config = parse("", {"SIGMA_WEB__TOKEN_FILE": "/nowhere"})
    assert not config.web.token
    assert config.secrets() == []
    with pytest.raises(BadInput, match="SIGMA_WEB__TOKEN_FILE: /nowhere could not be read"):
        config.web.token.reveal()


def test_only_secrets_have_a_file_variable() -> None:
    assert "unknown key [web] port_file" in problem(SIGMA_WEB__PORT_FILE="/etc/hostname")


def test_a_secret_never_prints_and_never_travels() -> None:
    config = parse("", {"SIGMA_WEB__TOKEN": "geheim"})
    assert "geheim" not in f"{config!r} {config} {config.shown()} {config.model_dump_json()} {config.web.token!r}"
    assert config.shown()["web"]["token"] == "***"
    assert config.web.token.__reduce__() == (Secret, ())  # what another process would build
    assert copy.deepcopy(config.web.token).reveal() == "geheim"


# ---- what readers get


def test_trading_settings_are_the_four_sections_that_decide() -> None:
    config = parse("[risk]\nleverage_cap = 1.0", {})
    assert config.trading == TradingSettings(risk=config.risk)
    assert config.trading.id != Config().trading.id


def test_settings_that_do_not_decide_leave_the_settings_id_alone() -> None:
    assert parse("[web]\nport = 9000", {}).trading.id == Config().trading.id
