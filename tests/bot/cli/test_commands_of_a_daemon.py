"""What the command line says of a daemon and asks of it, against a real one: a person's words, an end of a training."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.cli import main
from tests.bot.trading.world import minutes
from tests.bot.web.serving import TOKEN, Served, served


async def run(monkeypatch: pytest.MonkeyPatch, parts: Served, *arguments: str) -> int:
    """Run a command line against the daemon."""
    monkeypatch.setenv("SIGMA_WEB__PORT", parts.address.rsplit(":", 1)[1])
    monkeypatch.setenv("SIGMA_WEB__TOKEN", TOKEN)
    return await asyncio.to_thread(main, list(arguments))


async def test_the_status_names_ages_in_real_time_and_no_raw_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    async with served(tmp_path) as parts:
        await parts.world.hand(*minutes(3))
        parts.world.control.slowed_to = lambda: 3_600.0
        parts.world.clock.advance(7_200_000)
        assert await run(monkeypatch, parts, "status") == 0
    said = capsys.readouterr().out
    assert "last candle 2 s ago, STALE" in said
    assert "3,600x real time" in said
    assert "True" not in said
    assert max(map(len, said.splitlines())) <= 80


async def test_a_training_is_cancelled_and_a_run_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    async with served(tmp_path) as parts:
        assert await run(monkeypatch, parts, "cancel") == 0
        assert parts.world.training.asked == ["cancelled by cli"]
        assert await run(monkeypatch, parts, "cancel", "r-1") == 2
    said = capsys.readouterr()
    assert "the training is being ended" in said.out
    assert "r-1" in said.err or "run" in said.err


async def test_an_export_of_nothing_says_that_it_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    async with served(tmp_path) as parts:
        monkeypatch.setenv("SIGMA_DATABASE__URL", f"sqlite:///{tmp_path / 'ledger.db'}")
        assert await run(monkeypatch, parts, "ledger", "export", "none.csv") == 0
        await parts.world.hand(*minutes(300))
        assert await run(monkeypatch, parts, "ledger", "export", "some.csv") == 0
    nothing, some = capsys.readouterr().out.splitlines()
    assert "nothing has been filled yet" in nothing
    assert f"{len((tmp_path / 'some.csv').read_text().splitlines()) - 1} fills and funding settlements" in some
