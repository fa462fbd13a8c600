"""Logs: lines for people, JSON for programs, secrets in neither."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.cli.commands.logs import text_of
from bot.operations import logs
from storage.config.services import LogSettings
from strategies.errors import StorageFailed


@pytest.fixture
def console() -> Iterator[io.StringIO]:
    yield io.StringIO()
    for handler in [handler for handler in logging.getLogger().handlers if getattr(handler, "of_sigma", False)]:
        logging.getLogger().removeHandler(handler)
        handler.close()
    structlog.reset_defaults()


def written(directory: Path, name: str = "sigma.log") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / name).read_text(encoding="utf-8").splitlines()]


def test_people_get_a_phrase_and_its_fields(tmp_path: Path, console: io.StringIO) -> None:
    logs.configure(LogSettings(directory=tmp_path), stream=console)
    structlog.get_logger("feed").info("market ready", market="BTCUSDT", lag_ms=1.23456789, why="two words")
    assert console.getvalue()[9:] == 'market ready  market=BTCUSDT lag_ms=1.23457 why="two words"\n'


def test_files_get_json_and_errors_get_a_file_of_their_own(tmp_path: Path, console: io.StringIO) -> None:
    logs.configure(LogSettings(directory=tmp_path), stream=console)
    log = structlog.get_logger("feed")
    log.info("market ready", lag_ms=3)
    log.error("socket lost", code=1006)
    first, second = written(tmp_path)
    assert (first["event"], first["level"], first["logger"], first["lag_ms"]) == (
        "market ready",
        "info",
        "sigma.feed",
        3,
    )
    assert isinstance(first["time_ms"], int)
    assert written(tmp_path, "error.log") == [second]


def test_secrets_are_masked_wherever_they_stand(tmp_path: Path, console: io.StringIO) -> None:
    logs.configure(LogSettings(directory=tmp_path), secrets=["1234:geheim"], stream=console)
    structlog.get_logger("telegram").info("polling 1234:geheim", url="https://host/bot1234:geheim/getMe")
    logging.getLogger("httpx").warning("GET %s", "https://host/bot1234:geheim/getMe")
    try:
        raise RuntimeError("refused 1234:geheim")
    except RuntimeError:
        structlog.get_logger("telegram").exception("polling failed")
    assert (
        "geheim" not in console.getvalue() + (tmp_path / "sigma.log").read_text() + (tmp_path / "error.log").read_text()
    )
    assert console.getvalue().count("***") >= 4


def test_level_and_verbose_decide_what_is_said(tmp_path: Path, console: io.StringIO) -> None:
    logs.configure(LogSettings(directory=tmp_path, level="warning"), stream=console)
    structlog.get_logger("feed").info("quiet")
    logs.configure(LogSettings(directory=tmp_path, level="warning"), verbose=True, stream=console)
    structlog.get_logger("feed").debug("loud")
    assert [line["event"] for line in written(tmp_path)] == ["loud"]


def test_libraries_are_heard_from_warnings_on(tmp_path: Path, console: io.StringIO) -> None:
    logs.configure(LogSettings(directory=tmp_path), stream=console)
    logging.getLogger("ccxt").info("chatter")
    logging.getLogger("ccxt").warning("trouble %d", 7)
    assert [line["event"] for line in written(tmp_path)] == ["trouble 7"]


def test_configuring_twice_says_everything_once(tmp_path: Path, console: io.StringIO) -> None:
    for _ in range(2):
        logs.configure(LogSettings(directory=tmp_path), stream=console)
    structlog.get_logger("feed").info("market ready")
    assert len(written(tmp_path)) == 1


def test_files_are_rotated_and_bounded(tmp_path: Path, console: io.StringIO) -> None:
    logs.configure(LogSettings(directory=tmp_path, max_mb=0.001, keep=2), stream=console)
    for number in range(60):
        structlog.get_logger("feed").info("market ready", number=number)
    assert sorted(path.name for path in tmp_path.glob("sigma.log*")) == ["sigma.log", "sigma.log.1", "sigma.log.2"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.glob("sigma.log*"))


def test_a_directory_that_is_a_file_is_refused(tmp_path: Path, console: io.StringIO) -> None:
    (tmp_path / "logs").write_text("")
    with pytest.raises(StorageFailed, match="cannot be written"):
        logs.configure(LogSettings(directory=tmp_path / "logs"), stream=console)


def test_every_logger_of_ours_is_heard_whatever_its_name(tmp_path: Path, console: io.StringIO) -> None:
    logs.configure(LogSettings(directory=tmp_path), stream=console)
    structlog.get_logger("daemon").info("stopping")
    structlog.get_logger().info("stopped")
    assert [line["event"] for line in written(tmp_path)] == ["stopping", "stopped"]


@pytest.mark.parametrize(
    "name", ["BTC\n23:59:59 error: account closed", "BTC\x1b[2J", "BTC\x9b2J", "BTC\u202eTDSU", "B\rC"]
)
def test_a_name_from_elsewhere_forges_no_line_and_moves_no_cursor(
    tmp_path: Path, console: io.StringIO, name: str
) -> None:
    logs.configure(LogSettings(directory=tmp_path), stream=console)
    structlog.get_logger("feed").warning("market refused", symbol=name)
    logging.getLogger("ccxt").warning("trouble with %s", name)
    said = console.getvalue()
    assert len(said.splitlines()) == 2
    assert said.replace("\n", "").isprintable()
    first, second = written(tmp_path)
    assert first["symbol"] == name, "programs are told what it was"
    assert second["event"] == f"trouble with {name}"
    kept = (tmp_path / "sigma.log").read_text(encoding="utf-8")
    assert kept.replace("\n", "").isprintable()
    assert text_of(kept.splitlines()[0]).isprintable()
