"""Further accounts in the configuration: each is the whole of it, its own sections over that."""

from __future__ import annotations

import pytest

from storage.config.tree import BadConfig, parse

TWO = """
[exchange]
symbols = ["BTCUSDT", "ETHUSDT"]
[risk]
account_volatility = 0.2
[accounts.careful]
risk.account_volatility = 0.05
[accounts.alts]
symbols = ["XRPUSDT"]
bundle = "alts"
"""


def test_an_account_is_the_configuration_with_its_own_sections_over_it() -> None:
    config = parse(TWO, {})
    assert config.account_names == ("main", "careful", "alts")
    careful, alts = config.of_account("careful"), config.of_account("alts")
    assert (careful.exchange.symbols, careful.risk.account_volatility) == (("BTCUSDT", "ETHUSDT"), 0.05)
    assert (alts.exchange.symbols, alts.risk.account_volatility) == (("XRPUSDT",), 0.2)
    assert [part.account.bundle for part in (config, careful, alts)] == ["", "", "alts"]
    assert config.risk.account_volatility == 0.2


def test_the_environment_chooses_the_account_that_a_command_means() -> None:
    config = parse(TWO, {"SIGMA_ACCOUNT__NAME": "alts"})
    assert config.exchange.symbols == ("XRPUSDT",)
    assert (config.account.bundle, config.account_path) == ("alts", "/accounts/alts")
    assert parse(TWO, {}).account_path == ""


def test_one_account_is_as_before() -> None:
    config = parse('[account]\nname = "mine"\n', {})
    assert config.account_names == ("mine",)
    assert config.of_account("mine") is config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[accounts.x]\nmarkets = 1\n", "[accounts.x] markets is not an account's own"),
        ("[accounts.x]\nrisk.acount_volatility = 1.0\n", "did you mean account_volatility?"),
        ("[accounts.x]\nrisk = 3\n", "[accounts.x] risk is 3; a section is needed"),
        ('[accounts."X y"]\n', "[accounts.X y] is no name"),
        ('[accounts.x]\nsymbols = ["A1", "A1"]\n', "names A1 more than once"),
    ],
)
def test_what_does_not_hold_is_one_line(text: str, said: str) -> None:
    with pytest.raises(BadConfig) as refused:
        parse(text, {})
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
