"""Logs: lines for people, JSON for programs, secrets in neither."""

from __future__ import annotations

import io
import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.cli.commands.logs import text_of
from bot.operations import logs
from storage.config.services import LogSettings


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


def test_a_directory_that_cannot_be_made_ends_no_start_and_is_used_once_it_can(
    tmp_path: Path, console: io.StringIO
) -> None:
    (tmp_path / "logs").write_text("a file in its place")
    logs.configure(LogSettings(directory=tmp_path / "logs"), stream=console, files={"sigma.log": logging.DEBUG})
    assert len(console.getvalue().splitlines()) == 1, "said at once, before there is a line to lose"
    structlog.get_logger("feed").info("first")
    (tmp_path / "logs").unlink()
    structlog.get_logger("feed").info("second")
    assert len(console.getvalue().splitlines()) == 4, "its end is said, too"
    second, again = written(tmp_path / "logs")
    assert (second["event"], again["lines_lost"]) == ("second", 2), "the first line, and the one that said why"


def test_a_full_disk_costs_lines_and_is_said_once(tmp_path: Path, console: io.StringIO) -> None:
    (tmp_path / "sigma.log").symlink_to("/dev/full")
    logs.configure(LogSettings(directory=tmp_path), stream=console)
    for number in range(20):
        structlog.get_logger("feed").info("market ready", number=number)
    assert len([line for line in console.getvalue().splitlines() if "/sigma.log" in line]) == 1
    (tmp_path / "sigma.log").unlink()
    structlog.get_logger("feed").error("space again")
    assert written(tmp_path)[0]["event"] == "space again"
    assert [line["event"] for line in written(tmp_path, "error.log")] == ["space again"]
    assert len([line for line in console.getvalue().splitlines() if "/sigma.log" in line]) == 2


TIGHT = """
import resource, signal, sys
from pathlib import Path
import structlog
from bot.operations import logs
from storage.config.services import LogSettings
logs.configure(LogSettings(directory=Path(sys.argv[1])))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
for number in range(30):
    structlog.get_logger("feed").info("market ready", number=number)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
structlog.get_logger("feed").info("space again")
"""


def test_a_line_that_finds_no_room_leaves_no_half_of_itself(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", TIGHT, str(tmp_path)], check=True, capture_output=True)
    found = written(tmp_path)
    kept = [line["number"] for line in found if "number" in line]
    assert kept == list(range(len(kept)))
    assert 0 < len(kept) < 30
    assert found[len(kept)]["event"] == "space again"


def test_a_log_that_somebody_deletes_is_made_anew(tmp_path: Path, console: io.StringIO) -> None:
    logs.configure(LogSettings(directory=tmp_path / "logs"), stream=console)
    structlog.get_logger("feed").info("first")
    shutil.rmtree(tmp_path / "logs")
    structlog.get_logger("feed").info("second")
    assert [line["event"] for line in written(tmp_path / "logs")] == ["second"]


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
