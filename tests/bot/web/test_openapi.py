"""The API against its own description: schemathesis asks a running daemon whatever the document allows, and more."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
import requests

from bot.web.server import operations
from tests.bot.trading.world import minutes
from tests.bot.web.serving import TOKEN, Served, bearer, served
from tests.builders import ROOT

MINUTES = minutes(6_000)
TRADED = 130
PAUSE_S = 0.02


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A daemon in a thread of its own, whose market goes on while it is asked."""
    up: Future[str] = Future()
    stopping = threading.Event()
    folder = tmp_path_factory.mktemp("served")
    thread = threading.Thread(target=lambda: asyncio.run(_serve(folder, up, stopping)), name="daemon")
    thread.start()
    try:
        yield up.result(timeout=120)
    finally:
        stopping.set()
        thread.join(timeout=30)


async def _serve(folder: Path, up: Future[str], stopping: threading.Event) -> None:
    try:
        async with served(folder, requests_per_minute=1_000_000) as parts:
            await parts.world.hand(*MINUTES[:TRADED])
            up.set_result(parts.address)
            await _go_on(parts, stopping)
    except BaseException as error:
        if not up.done():
            up.set_exception(error)
        raise


async def _go_on(parts: Served, stopping: threading.Event) -> None:
    for minute in MINUTES[TRADED:]:
        if stopping.is_set():
            return
        await parts.world.hand(minute)
        await asyncio.sleep(PAUSE_S)


def test_whatever_is_asked_gets_an_answer_as_described(address: str, tmp_path: Path) -> None:
    """Valid and invalid requests of every operation: no 5xx, no undocumented status, no answer that breaks its schema,
    nothing valid refused, nothing invalid taken."""
    arguments = ["--phases", "examples,coverage,fuzzing", "--max-examples", "8", "--seed", "1", "--no-color"]
    arguments += ["--request-timeout", "40", "--generation-database", "none"]
    arguments += ["--header", f"Authorization: Bearer {TOKEN}"]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/api/openapi.json", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    assert f"Tested: {len(operations())}" in done.stdout


def test_every_typed_route_is_described_and_every_change_names_its_token(address: str) -> None:
    document = requests.get(f"{address}/api/openapi.json", timeout=60).json()
    assert document["openapi"] == "3.1.0"
    told = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert told == {(part.method, part.path) for part in operations()}
    for part in operations():
        is_locked = "security" in document["paths"][part.path][part.method.lower()]
        assert is_locked == (part.method == "POST" and part.path not in ("/api/predict", "/api/session"))


def test_every_query_is_told_with_its_parameters_also_where_operations_share_one(address: str) -> None:
    document = requests.get(f"{address}/api/openapi.json", timeout=60).json()
    for part in operations():
        told = document["paths"][part.path][part.method.lower()].get("parameters", [])
        assert {row["name"] for row in told} == (set(part.query.model_fields) if part.query else set())
    assert len({part.query for part in operations() if part.query}) < sum(
        part.query is not None for part in operations()
    )


def test_the_page_to_be_read_sets_names_as_code(address: str) -> None:
    page = requests.get(f"{address}/api/docs", timeout=60).text
    assert "<code>next_before</code> of one is" in page
    assert "`" not in page


def test_every_change_is_refused_without_the_token(address: str) -> None:
    changing = [part for part in operations() if part.changes]
    assert len(changing) >= 9
    for part in changing:
        for headers in ({}, bearer("wrong"), {"Authorization": "Basic " + TOKEN}, {"X-Sigma-CSRF": "x"}):
            response = requests.post(address + part.path, json={}, headers=headers, timeout=60)
            assert response.status_code == 401, part.path
            assert response.headers["WWW-Authenticate"] == "Bearer"


def test_every_operation_refuses_foreign_names_foreign_pages_and_huge_bodies(address: str) -> None:
    for part in operations():
        for headers, status in (({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403)):
            response = requests.request(part.method, address + part.path, headers=bearer() | headers, timeout=60)
            assert response.status_code == status, part.path
        if part.method != "GET":
            response = requests.request(
                part.method, address + part.path, data=b"x" * 100_000, headers=bearer(), timeout=10
            )
            assert response.status_code == 413, part.path


def test_a_huge_body_of_unsaid_length_is_refused(address: str) -> None:
    headers = bearer() | {"Content-Type": "application/json"}
    chunks = (b"x" * 10_000 for _ in range(100))
    response = requests.post(f"{address}/api/predict", data=chunks, headers=headers, timeout=60)
    assert response.status_code == 413
    assert response.headers["Content-Type"].startswith("application/problem+json")


def test_a_body_that_is_not_said_to_be_json_is_refused(address: str) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        headers = bearer() | {"Content-Type": content_type}
        response = requests.post(f"{address}/api/close", data=b'{"symbol": "BTCUSDT"}', headers=headers, timeout=60)
        assert response.status_code == 415, content_type


def test_the_reference_can_be_read_without_a_network_or_a_script(address: str) -> None:
    response = requests.get(f"{address}/api/docs", timeout=60)
    assert "script" not in response.text
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", response.text)
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    targets = set(re.findall(r'href="#([^"]+)"', response.text))
    assert targets <= set(re.findall(r'id="([^"]+)"', response.text))
    for part in operations():
        assert f'id="{part.name}"' in response.text


def test_the_written_reference_names_every_route_and_no_other(address: str) -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    written = set(re.findall(r"^\| `((?:GET|POST|DELETE) /\S*)`", text, flags=re.MULTILINE))
    served_routes = {f"{part.method} {part.path}" for part in operations()}
    assert written == served_routes | {"GET /metrics"}
