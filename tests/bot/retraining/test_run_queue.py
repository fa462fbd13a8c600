"""A run that was started in a language writes its report in it, and its learning curves are kept beside it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from bot.retraining.child_process import Limits
from bot.retraining.run_kinds import COMMANDS
from bot.retraining.run_queue import RunQueue
from storage.candles.store import CandleStore
from storage.language import speaking
from strategies.errors import NotFound
from tests.bot.feed.stage import stage

PROGRAM = """
import json, os, sys
print(json.dumps({"curve": "lstm", "at": 1, "of": 2, "values": {"training loss": 1.5}}), file=sys.stderr)
print(json.dumps({"verdict": os.environ["SIGMA_REPORTS__LANGUAGE"]}))
"""


async def test_a_run_speaks_the_language_it_was_started_in_and_tells_how_it_learns(tmp_path: Path) -> None:
    program = tmp_path / "child.py"
    program.write_text(PROGRAM)
    known = {"tune": replace(COMMANDS["tune"], program=(sys.executable, str(program)))}
    queue = RunQueue(tmp_path / "runs", Limits(memory_gb=1.0), asyncio.Lock(), commands=known)
    with speaking("tr"):
        turkish = queue.start("tune", {}, "test")
    english = queue.start("tune", {}, "test")
    ended = asyncio.Event()
    queue.on_change = lambda run: ended.set() if run.id == english.id and run.is_over else None
    serving = asyncio.create_task(queue.run())
    async with asyncio.timeout(60):
        await ended.wait()
    serving.cancel()
    await asyncio.wait([serving])
    said = {run.id: queue.page(run.id) for run in (turkish, english)}
    assert [page.document for page in said.values()] == [{"verdict": "tr"}, {"verdict": "en"}]
    assert [point.values for point in said[turkish.id].points] == [{"training loss": 1.5}]


async def test_records_of_runs_that_are_none_end_no_start_and_lead_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    queue = RunQueue(folder, Limits(), asyncio.Lock())
    first = queue.start("tune", {}, "test")
    good = orjson.loads((folder / f"{first.id}.json").read_bytes())
    (tmp_path / "secret.html").write_text("not a report")
    spoilt = {
        "r-00002.json": b"[]",
        "r-00003.json": b'{"run": 7}',
        "r-00004.json": b"\xff",
        "r-00005.json": orjson.dumps({"run": good["run"] | {"id": "../secret"}}),
        "r-00006.json": orjson.dumps({"run": good["run"] | {"id": "r-nine"}}),
    }
    for name, content in spoilt.items():
        (folder / name).write_bytes(content)
    again = RunQueue(folder, Limits(), asyncio.Lock())
    again.open()
    assert [run.id for run in again.all()] == [first.id]
    assert again.all()[0].outcome.startswith("cut short")
    assert again.start("tune", {}, "test").id == "r-00002"
    with pytest.raises(NotFound):
        again.report("../secret")


async def test_a_download_reaches_the_exchange_that_lives_inside_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with stage(symbols=("BTCUSDT",)) as there:
        limits = Limits(background=False, exchange_url=there.server.url)
        queue = RunQueue(tmp_path / "runs", limits, asyncio.Lock())
        asked = queue.start("download", {"symbols": "BTCUSDT", "since": "2024-12-25"}, "test")
        ended = asyncio.Event()
        queue.on_change = lambda run: ended.set() if run.is_over else None
        serving = asyncio.create_task(queue.run())
        async with asyncio.timeout(60):
            await ended.wait()
        serving.cancel()
        await asyncio.wait([serving])
    run = queue.page(asked.id).run
    assert (run.state, run.done) == ("done", 100), run.outcome
    assert CandleStore(tmp_path / "data/historical").coverage("builtin", "BTCUSDT", "1h").rows == 7 * 24
