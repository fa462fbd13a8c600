"""Every set-up that the documentation describes: the daemon's children find what they need, and so does a second shell.

Children get no secrets but those they need, and a second shell has none at all: neither may be asked for them.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.daemon import run as run_daemon
from bot.retraining.child_process import Limits, run_child
from bot.scheduling.nightly import check_runner
from storage.config.tree import load
from strategies.bundle.bundle import trend_bundle
from strategies.errors import BadInput
from tests.bot.trading.world import minutes, new_database, new_engine, opened, trade
from tests.builders import ROOT

COMPOSE = (ROOT / "compose.yaml").read_text()
UNIT = (ROOT / "deploy" / "sigma.service").read_text()
TELEGRAM = {
    "SIGMA_TELEGRAM__ENABLED": "true",
    "SIGMA_TELEGRAM__CHAT_IDS": "1,2",
    "SIGMA_TELEGRAM__TOKEN": "1234:telegram-token",
    "SIGMA_TELEGRAM__BASE_URL": "http://127.0.0.1:1",
}
WEBHOOK = {"SIGMA_ALERTS__WEBHOOK__URL": "http://127.0.0.1:1/hook", "SIGMA_ALERTS__WEBHOOK__SECRET": "webhook-secret"}
TOKEN = {"SIGMA_WEB__HOST": "0.0.0.0", "SIGMA_WEB__TOKEN": "a-token-of-32-characters-or-more-x"}


def of_compose() -> dict[str, str]:
    """Return what compose.yaml gives the bot, secrets as files that only the container has."""
    block = COMPOSE.split("environment:")[1].split("ports:")[0]
    found = dict(re.findall(r"^ +(SIGMA_\w+): (.+)$", block, re.MULTILINE))
    assert len(found) >= 5
    return {name: re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", value) for name, value in found.items()}


def of_systemd() -> dict[str, str]:
    """Return what the unit and its secrets file give the daemon."""
    plain = dict(re.findall(r"(SIGMA_\w+)=(\S+)", UNIT.split("[Service]")[1]))
    return plain | TELEGRAM | WEBHOOK | {"SIGMA_WEB__TOKEN": TOKEN["SIGMA_WEB__TOKEN"]}


SETUPS = {
    "telegram": TELEGRAM,
    "webhook": WEBHOOK,
    "token": TOKEN,
    "compose": of_compose(),
    "systemd": of_systemd(),
    "all of it": TELEGRAM | WEBHOOK | TOKEN,
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the ledger of an account that traded a day."""
    folder = tmp_path_factory.mktemp("ledger")
    database, engine = new_database(folder), new_engine(trend_bundle())
    _, journal = opened(database, engine)
    trade(engine, journal, minutes(1500))
    database.dispose()
    return folder


@pytest.fixture(params=SETUPS)
def setup(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, ledger: Path) -> dict[str, str]:
    """The environment of a set-up, with the files of this test."""
    files = {
        "SIGMA_DATABASE__URL": f"sqlite:///{ledger / 'ledger.db'}",
        "SIGMA_EXCHANGE__NAME": "builtin",
        "SIGMA_PATHS__MODELS": str(ledger / "models"),
        "SIGMA_PATHS__STATE": str(ledger / "state"),
        "SIGMA_PATHS__RUNS": str(ledger / "runs"),
        "SIGMA_DATA__DIRECTORY": str(ledger / "data"),
        "SIGMA_LOGS__DIRECTORY": str(ledger / "logs"),
    }
    chosen = SETUPS[request.param] | files
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    return chosen


# Each part alone is in the last of these: whatever a section asks of a child, it asks there too.
WHOLE = pytest.mark.parametrize("setup", ["compose", "systemd", "all of it"], indirect=True)


@WHOLE
async def test_parity_and_drift_are_checked_by_real_children(setup: dict[str, str]) -> None:
    run = check_runner(Limits(nice=0, background=False))
    for arguments in (["parity", "--day", "2025-01-01"], ["drift"]):
        compared = await run(arguments)
        assert compared.document is not None, compared.cause


@WHOLE
async def test_a_training_comes_as_far_as_its_candles(setup: dict[str, str]) -> None:
    asked = ["retrain", "--symbols", "BTCUSDT", "--exchange", "builtin", "--no-promote"]
    ended = await run_child(asked, Limits(nice=0, background=False), lambda _: None)
    assert "candles" in ended.cause


def test_a_second_shell_without_secrets_is_not_asked_for_them(setup: dict[str, str], ledger: Path) -> None:
    secret = re.compile("TOKEN|PASSWORD|SECRET")
    known = {name: value for name, value in setup.items() if not secret.search(name)}
    outside = {name: value for name, value in os.environ.items() if not name.startswith("SIGMA_")}
    variables = outside | known | {"SIGMA_WEB__PORT": "1", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-m", "bot.cli", "status"], env=variables, cwd=ledger, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert "no daemon answers" in ended.stderr
    assert not (ledger / "state" / "api.token").exists()


def test_a_secrets_file_that_this_shell_cannot_read_matters_to_nobody_else(setup: dict[str, str], monkeypatch) -> None:
    monkeypatch.delenv("SIGMA_WEB__TOKEN", raising=False)
    monkeypatch.setenv("SIGMA_WEB__TOKEN_FILE", "/nowhere/web_token")
    config = load(os.devnull)
    with pytest.raises(BadInput, match="/nowhere/web_token could not be read"):
        config.require_complete()


@pytest.mark.parametrize(
    ("incomplete", "said"),
    [
        ({"SIGMA_TELEGRAM__ENABLED": "true"}, "[telegram] is enabled without a token"),
        ({"SIGMA_WEB__HOST": "0.0.0.0"}, "reachable by others; a token"),
        ({"SIGMA_ALERTS__WEBHOOK__URL": "http://127.0.0.1:1/"}, "url is set without a secret"),
        ({"SIGMA_WEB__TOKEN_FILE": "/nowhere"}, "/nowhere could not be read"),
    ],
)
def test_the_daemon_itself_says_what_it_misses(incomplete: dict[str, str], said: str, monkeypatch) -> None:
    for name, value in incomplete.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=re.escape(said)):
        asyncio.run(run_daemon(load(os.devnull)))
