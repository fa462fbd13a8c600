"""Traces of the main path, read from OpenTelemetry's own exporters; off, there is nothing of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from bot.alerts.alerts import Alerts
from bot.tracing import Tracing, open_tracing
from storage.config.services import AlertSettings, TracingSettings
from strategies.market import HOUR_MS, MINUTE_MS
from tests.bot.alerts.stage import FastPace, Memory, until
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import minutes, new_database
from tests.builders import ROOT, START_MS

sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="OpenTelemetry is not installed: pip install '.[tracing]'")

GATHERED_MS = 250
HOUR = minutes(120)


@pytest.fixture
def memory() -> Any:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    return InMemorySpanExporter()


@pytest.fixture
def tracing(memory: Any) -> Iterator[Tracing]:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    provider = sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    made = Tracing(provider)
    yield made
    made.close()


def tree(spans: Any) -> dict[str, str]:
    """Return the parent's name of every span by its own name."""
    names = {span.context.span_id: span.name for span in spans}
    return {span.name: names.get(span.parent.span_id, "?") if span.parent else "" for span in spans}


async def test_a_minute_is_traced_from_its_first_candle_to_the_alert(
    tmp_path: Path, tracing: Tracing, memory: Any
) -> None:
    database = new_database(tmp_path)
    async with daemon_world(tmp_path, database=database) as world:
        traces = tracing.of("main", lambda: GATHERED_MS)
        world.trader.trace(traces)
        alerts, channel = Alerts(database, 1, AlertSettings(), pace=FastPace()), Memory()
        alerts.trace(traces)
        await alerts.open([channel])
        delivering = asyncio.create_task(alerts.run())
        await world.hand(*HOUR[:60])
        pausing = asyncio.create_task(world.control.pause("a person"))
        await asyncio.sleep(0)
        await world.hand(HOUR[60])
        await pausing
        await until(lambda: channel.messages)
        delivering.cancel()
    spans = memory.get_finished_spans()
    of_minute = {span.attributes["minute_ms"]: span for span in spans if span.name == "account minute"}
    assert sorted(of_minute) == [START_MS + MINUTE_MS * number for number in range(61)]
    decided = of_minute[START_MS + HOUR_MS - MINUTE_MS]
    found = tree([span for span in spans if span.context.trace_id == decided.context.trace_id])
    assert (
        found.items()
        >= {
            "account minute": "",
            "candles": "account minute",
            "engine": "account minute",
            "features": "engine",
            "scores": "engine",
            "commit": "account minute",
            "publish": "account minute",
        }.items()
    )
    candles = next(span for span in spans if span.name == "candles")
    assert candles.end_time - candles.start_time == GATHERED_MS * 1_000_000
    alert = next(span for span in spans if span.name == "alert")
    assert alert.context.trace_id in {span.context.trace_id for span in of_minute.values()}
    assert (alert.attributes["channel"], alert.attributes["account"]) == ("memory", "main")


async def test_traced_or_not_the_same_is_decided(tmp_path: Path, tracing: Tracing) -> None:
    found = []
    for name in ("plain", "traced"):
        (tmp_path / name).mkdir()
        async with daemon_world(tmp_path / name) as world:
            if name == "traced":
                world.trader.trace(tracing.of("main", lambda: 0))
            await world.hand(*HOUR)
            found.append((world.control.ledger.facts().tobytes(), world.trader._engine.state.to_bytes()))
    assert found[0] == found[1]


def test_spans_go_to_the_collector_and_one_that_is_away_keeps_nobody(tmp_path: Path) -> None:
    received: list[str] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            received.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Collector)
    Thread(target=server.serve_forever, daemon=True).start()
    made = open_tracing(TracingSettings(endpoint=f"http://127.0.0.1:{server.server_port}"), "sigma test")
    with made.of("main", lambda: 0).minute(START_MS):
        pass
    made.close()
    server.shutdown()
    server.server_close()
    assert received == ["/v1/traces"]
    away = open_tracing(TracingSettings(endpoint=f"http://127.0.0.1:{server.server_port}"), "sigma test")
    with away.of("main", lambda: 0).minute(START_MS):
        pass
    away.close()  # pytest's own time-out is the bound


def test_switched_off_nothing_of_it_is_loaded() -> None:
    program = """
import sys
import bot.accounts, bot.daemon
from bot.tracing import open_tracing
from storage.config.services import TracingSettings
traces = open_tracing(TracingSettings(), "sigma").of("main", lambda: 0)
with traces.minute(0), traces.span("engine", markets=1), traces.delivery("a", "b", "c"):
    traces.told(["a"])
assert traces.carried(print) is print
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout.strip()) == (0, "[]"), ended.stderr
