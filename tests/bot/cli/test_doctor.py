"""`sigma doctor`: each thing that must work, judged against a real server, disk or database on this machine."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.cli.commands import checks
from bot.clock import wall_ms
from storage.config.tree import Config
from tests.fakes import Answer, http_server

MakeConfig = Callable[..., Config]


async def test_exchange_that_answers_is_well_and_its_clock_is_compared(make_config: MakeConfig) -> None:
    answers = {"/fapi/v1/time": Answer(body={"serverTime": wall_ms() + 60_000})}
    async with http_server(answers) as url:
        config = make_config(SIGMA_EXCHANGE__NAME="binanceusdm", SIGMA_EXCHANGE__URL=url)
        exchange, clock = await checks.exchange(config)
    assert exchange.is_healthy
    assert "binanceusdm answered in" in exchange.text
    assert not clock.is_healthy
    assert "at most 1,000 ms is needed" in clock.text


async def test_exchange_that_blocks_this_country_is_named_with_others(make_config: MakeConfig) -> None:
    async with http_server({"/fapi/v1/time": Answer(body={"msg": "restricted location"}, status=451)}) as url:
        config = make_config(SIGMA_EXCHANGE__NAME="binanceusdm", SIGMA_EXCHANGE__URL=url)
        exchange, clock = await checks.exchange(config)
    assert not exchange.is_healthy
    assert not clock.is_healthy
    assert "451" in exchange.text
    assert "bybit" in exchange.text


async def test_exchange_that_is_down_is_not_well(make_config: MakeConfig) -> None:
    config = make_config(SIGMA_EXCHANGE__NAME="binanceusdm", SIGMA_EXCHANGE__URL="http://127.0.0.1:9")
    exchange, _ = await checks.exchange(config)
    assert not exchange.is_healthy


async def test_html_instead_of_json_is_not_well(make_config: MakeConfig) -> None:
    async with http_server({"/fapi/v1/time": Answer(body="<html>maintenance</html>")}) as url:
        config = make_config(SIGMA_EXCHANGE__NAME="binanceusdm", SIGMA_EXCHANGE__URL=url)
        exchange, _ = await checks.exchange(config)
    assert not exchange.is_healthy


@pytest.mark.parametrize(("ahead_ms", "is_healthy"), [(0, True), (-1000, True), (1001, False), (-5000, False)])
def test_a_clock_may_be_off_by_a_second(ahead_ms: int, is_healthy: bool) -> None:
    assert checks.skew(ahead_ms, 0).is_healthy is is_healthy


def test_a_slow_answer_widens_what_a_clock_may_be_off() -> None:
    assert checks.skew(1200, 300).is_healthy


def test_disk_that_can_be_written_is_well(config: Config) -> None:
    assert checks.disk(config).is_healthy


def test_disk_without_permission_is_named(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    monkeypatch.setattr("os.access", lambda folder, mode: Path(folder) != closed)  # root may write everywhere
    finding = checks.disk(make_config(SIGMA_PATHS__MODELS=str(closed / "models")))
    assert not finding.is_healthy
    assert str(closed) in finding.text


def test_database_that_does_not_exist_yet_is_well_and_stays_so(config: Config, tmp_path: Path) -> None:
    assert checks.database(config).is_healthy
    assert not (tmp_path / "state").exists()


def test_damaged_database_is_not_well(config: Config, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "sigma.db").write_bytes(b"this is no database, it is only text" * 100)
    finding = checks.database(config)
    assert not finding.is_healthy
    assert "damaged" in finding.text


def test_cuda_that_was_asked_for_and_is_missing_is_not_well(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checks.gpu(make_config()).is_healthy
    assert not checks.gpu(make_config(SIGMA_TRAINING__DEVICE="cuda")).is_healthy


def test_a_card_is_named_by_its_driver(
    make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'NVIDIA T4, 15360 MiB'\n")
    driver.chmod(driver.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert checks.gpu(make_config()).text == "NVIDIA T4, 15360 MiB"


async def test_telegram_that_is_off_is_well(config: Config) -> None:
    assert (await checks.telegram(config)).text == "off"


@pytest.mark.parametrize(
    ("answer", "is_healthy", "said"),
    [
        (Answer(body={"ok": True, "result": {"username": "sigma_bot"}}), True, "@sigma_bot"),
        (Answer(body={"ok": False, "description": "Unauthorized"}, status=401), False, "HTTP 401"),
        (Answer(body="<html>bad gateway</html>", status=502), False, "gave no answer"),
    ],
)
async def test_telegram_says_who_we_are(make_config: MakeConfig, answer: Answer, is_healthy: bool, said: str) -> None:
    async with http_server({"/bot1:geheim/getMe": answer}) as url:
        finding = await checks.telegram(
            make_config(
                SIGMA_TELEGRAM__ENABLED="true",
                SIGMA_TELEGRAM__CHAT_IDS="1",
                SIGMA_TELEGRAM__TOKEN="1:geheim",
                SIGMA_TELEGRAM__BASE_URL=url,
            )
        )
    assert finding.is_healthy is is_healthy
    assert said in finding.text
    assert "geheim" not in finding.text
