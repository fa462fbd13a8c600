"""Strangers at the door: floods, half-open connections, guesses; the bearer of the token is answered all the same."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
import structlog

from bot.rate_limit import MOST_CALLERS, RateLimit
from bot.web.account_pages import AccountPages
from bot.web.caller import ANONYMOUS, Caller, counted_as
from bot.web.revoked import MOST, Revoked
from bot.web.server import WebServer
from bot.web.token import check_tokens
from storage.config.services import WebSettings
from strategies.errors import BadInput
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import minutes
from tests.bot.web.serving import TOKEN, Served, bearer, served

MINUTES = minutes(5)
READ_TOKEN = "another-token-that-may-only-read"
HALF = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "


async def stopped(parts: Served) -> int:
    """Return the status of the kill switch, pulled with the token."""
    asking = asyncio.create_task(parts.session.post("/api/stop", headers=bearer()).__aenter__())
    await parts.world.queued(asking)
    if not asking.done():
        await parts.world.hand(MINUTES[len(parts.world.snapshots)])
    return (await asking).status


async def test_strangers_404s_do_not_lock_out_the_kill_switch(tmp_path: Path) -> None:
    async with served(tmp_path, requests_per_minute=5) as parts:
        await parts.world.hand(MINUTES[0])
        statuses = []
        for _ in range(8):
            async with parts.session.get("/api/no-such-thing") as response:
                statuses.append(response.status)
        assert statuses == [404] * 5 + [429] * 3
        async with parts.session.get("/api/status", headers=bearer()) as response:
            assert response.status == 200
        assert await stopped(parts) == 200
        assert parts.world.snapshots[-1].paused


async def test_a_bearer_that_asked_too_much_can_still_pull_the_switch(tmp_path: Path) -> None:
    async with served(tmp_path, requests_per_minute=3) as parts:
        await parts.world.hand(MINUTES[0])
        for _ in range(5):
            async with parts.session.get("/api/status", headers=bearer()) as response:
                last = response.status
        assert last == 429
        assert await stopped(parts) == 200


async def test_half_open_connections_make_room_for_the_kill_switch(tmp_path: Path) -> None:
    async with served(tmp_path, max_connections=8) as parts, AsyncExitStack() as stack:
        await parts.world.hand(MINUTES[0])
        host, port = parts.address.removeprefix("http://").split(":")
        writers = []
        for _ in range(40):
            _, writer = await asyncio.open_connection(host, int(port))
            stack.callback(writer.close)
            writer.write(HALF)
            writers.append(writer)
        assert await stopped(parts) == 200
        assert len(parts.server._runner.server.connections) <= 9  # type: ignore[union-attr]


async def test_a_head_that_does_not_come_is_waited_for_only_so_long(tmp_path: Path) -> None:
    async with served(tmp_path, request_timeout_s=0.2) as parts:
        host, port = parts.address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(HALF)
        async with asyncio.timeout(60):
            assert await reader.read() == b""
        writer.close()


async def test_a_body_that_does_not_come_is_waited_for_only_so_long(tmp_path: Path) -> None:
    async with served(tmp_path, request_timeout_s=0.2) as parts:
        host, port = parts.address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = b"POST /api/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        writer.write(head + b"Content-Length: 9\r\n\r\n{")
        async with asyncio.timeout(60):
            status = await reader.readline()
        assert status.startswith(b"HTTP/1.1 408")
        writer.close()


FROM_ANOTHER_SITE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
FOLLOWED_A_LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/api/status", FROM_ANOTHER_SITE, 403),
        ("/api/status", FROM_ANOTHER_SITE | {"Sec-Fetch-Site": "same-site"}, 403),
        ("/api/status", FOLLOWED_A_LINK, 403),
        ("/metrics", FOLLOWED_A_LINK, 403),
        ("/static/main.js", FROM_ANOTHER_SITE, 403),
        ("/api/status", {"Referer": "http://evil.example/page"}, 403),
        ("/", FOLLOWED_A_LINK, 200),
        ("/", FOLLOWED_A_LINK | {"Sec-Fetch-Dest": "iframe"}, 403),
        ("/api/status", {"Sec-Fetch-Site": "same-origin"}, 200),
        ("/api/status", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200),
        ("/api/status", {}, 200),
    ],
)
async def test_pages_of_other_sites_may_lead_here_and_not_ask(
    tmp_path: Path, path: str, headers: dict[str, str], status: int
) -> None:
    async with served(tmp_path) as parts:
        await parts.world.hand(MINUTES[0])
        async with parts.session.get(path, headers=headers) as response:
            assert response.status == status


async def test_a_refused_token_is_logged_without_itself(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                async with parts.session.get("/api/status", headers=bearer("a-guess")) as response:
                    assert response.status == 200
            async with parts.session.post("/api/session", json={"token": "a-guess"}) as response:
                assert response.status == 401
    told = [line for line in logs if line["event"] == "token refused"]
    assert [(line["address"], line["attempts"]) for line in told] == [("127.0.0.1", 1)]
    assert "a-guess" not in repr(logs)


async def test_the_read_token_asks_and_changes_nothing(tmp_path: Path) -> None:
    settings = {"host": "0.0.0.0", "token": TOKEN, "read_token": READ_TOKEN}
    async with served(tmp_path, **settings) as parts:
        await parts.world.hand(MINUTES[0])
        for path in ("/api/status", "/metrics", "/api/trades"):
            async with parts.session.get(path, headers=bearer(READ_TOKEN)) as response:
                assert response.status == 200, path
        async with parts.session.post("/api/pause", headers=bearer(READ_TOKEN)) as response:
            assert response.status == 403
            assert "change nothing" in (await response.json(content_type=None))["detail"]
        async with parts.session.post("/api/session/ticket", headers=bearer(READ_TOKEN)) as response:
            assert response.status == 403


async def test_a_browser_signed_in_with_the_read_token_looks_and_does_not_act(tmp_path: Path) -> None:
    settings = {"host": "0.0.0.0", "token": TOKEN, "read_token": READ_TOKEN}
    async with served(tmp_path, **settings) as parts:
        await parts.world.hand(MINUTES[0])
        async with parts.session.post("/api/session", json={"token": READ_TOKEN}) as response:
            document = await response.json()
            cookie = {"Cookie": response.headers["Set-Cookie"].split(";")[0]}
        assert (document["signed_in"], document["may_change"]) == (True, False)
        async with parts.session.get("/api/status", headers=cookie) as response:
            assert response.status == 200
        secret = {"X-Sigma-CSRF": document["csrf"]}
        async with parts.session.post("/api/pause", headers=cookie | secret) as response:
            assert response.status == 403


async def test_a_session_that_was_signed_out_is_over_for_every_copy_and_after_a_restart(tmp_path: Path) -> None:
    store = tmp_path / "revoked.json"
    async with daemon_world(tmp_path) as world:
        cookie: dict[str, str] = {}
        for is_signed_in in (True, False, False):
            server = WebServer(
                AccountPages(world.control), world.metrics, WebSettings(port=0), TOKEN, revoked=Revoked(store)
            )
            address = await server.start()
            served_by = Served(world=world, server=server, session=None, address=address)  # type: ignore[arg-type]
            cookie = await _signs_in_once(served_by, cookie) if is_signed_in else await _has_ended(served_by, cookie)
            await server.stop()
    assert store.stat().st_mode & 0o777 == 0o600


async def _signs_in_once(parts: Served, _: dict[str, str]) -> dict[str, str]:
    async with aiohttp.ClientSession(parts.address, cookie_jar=aiohttp.DummyCookieJar()) as session:
        async with session.post("/api/session", json={"token": TOKEN}) as response:
            value = response.headers["Set-Cookie"].split(";")[0].partition("=")[2]
        cookie = {"value": value}
        headers = {"Cookie": _named(parts, cookie)}
        async with session.get("/api/session", headers=headers) as response:
            assert (await response.json())["signed_in"]
        async with session.delete("/api/session", headers=headers) as response:
            assert response.status == 200
    return await _has_ended(parts, cookie)


async def _has_ended(parts: Served, cookie: dict[str, str]) -> dict[str, str]:
    headers = {"Cookie": _named(parts, cookie)}
    async with aiohttp.ClientSession(parts.address) as session, session.get("/api/session", headers=headers) as said:
        assert not (await said.json())["signed_in"]
    return cookie


def _named(parts: Served, cookie: dict[str, str]) -> str:
    return f"sigma_session_{parts.address.rsplit(':', 1)[1]}={cookie['value']}"


@pytest.mark.parametrize(
    ("host", "token", "read_token", "said"),
    [
        ("0.0.0.0", "x", "", "1 characters"),
        ("0.0.0.0", "a" * 40, "", "1 different"),
        ("::", TOKEN, "short", "READ_TOKEN has 5"),
        ("127.0.0.1", TOKEN, TOKEN, "is the API token itself"),
    ],
)
def test_tokens_that_can_be_guessed_are_refused(host: str, token: str, read_token: str, said: str) -> None:
    settings = WebSettings(host=host, token=token, read_token=read_token)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=said):
        check_tokens(settings, token)


@pytest.mark.parametrize(
    ("host", "token", "is_served"),
    [
        ("0.0.0.0", "0123456789abcdef", True),
        ("0.0.0.0", "0123456789abcde", False),
        ("127.0.0.1", "x", True),
    ],
)
def test_a_long_token_and_the_loopback_are_served(host: str, token: str, is_served: bool) -> None:
    refused = ""
    try:
        check_tokens(WebSettings(host=host), token)
    except BadInput as error:
        refused = str(error)
    assert (refused == "") == is_served, refused


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:8787"),
        ("::", "http://[::1]:8787"),
        ("::1", "http://[::1]:8787"),
        ("192.168.1.5", "http://192.168.1.5:8787"),
        ("localhost", "http://localhost:8787"),
    ],
)
def test_the_address_is_one_that_can_be_opened(host: str, address: str) -> None:
    assert WebSettings(host=host, token="0123456789abcdef").address() == address  # type: ignore[arg-type]


async def test_a_server_that_names_hosts_answers_to_its_own_address(tmp_path: Path) -> None:
    async with served(tmp_path, host="127.0.0.2", allowed_hosts=("sigma.example",)) as parts:
        assert parts.address.startswith("http://127.0.0.2:")
        async with parts.session.get("/healthz") as response:
            assert response.status in (200, 503)


def test_callers_are_counted_apart_and_a_household_of_addresses_as_one() -> None:
    now = [0.0]
    rate = RateLimit(2, lambda: now[0])
    known = Caller(name="token", may_change=True)

    def is_too_fast(caller: Caller, address: str) -> bool:
        return not rate.take(counted_as(caller, address))

    assert [is_too_fast(ANONYMOUS, "10.0.0.1") for _ in range(3)] == [False, False, True]
    assert not is_too_fast(known, "10.0.0.1")
    assert not is_too_fast(ANONYMOUS, "10.0.0.2")
    assert [is_too_fast(ANONYMOUS, f"2001:db8::{part}") for part in (1, 2, 3)] == [False, False, True]
    now[0] = 61.0
    assert not is_too_fast(ANONYMOUS, "10.0.0.1")
    for number in range(MOST_CALLERS * 2):
        is_too_fast(ANONYMOUS, f"host-{number}")
    assert len(rate) == MOST_CALLERS


def test_ended_sessions_stay_ended_whatever_the_clock_says_and_are_never_too_many(tmp_path: Path) -> None:
    revoked = Revoked(tmp_path / "revoked.json")
    revoked.add("a", 10)
    revoked.add("b", 30)
    assert "a" in revoked, "a clock that was set forward and back again must not let it in"
    assert "b" in Revoked(tmp_path / "revoked.json")
    (tmp_path / "revoked.json").write_text("torn")
    assert "b" not in Revoked(tmp_path / "revoked.json")
    many = Revoked()
    many._until_ms = {str(number): number + 100 for number in range(MOST)}
    many.add("new", 10**9)
    assert ("0" in many, "1" in many, "new" in many, len(many._until_ms)) == (False, True, True, MOST)


async def test_strangers_streams_make_room_for_whoever_bears_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.web.stream.MAX_SUBSCRIBERS", 3)
    async with served(tmp_path) as parts, AsyncExitStack() as stack:
        strangers = [await stack.enter_async_context(parts.session.ws_connect("/api/stream")) for _ in range(3)]
        for stranger in strangers:
            assert (await stranger.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            await parts.session.ws_connect("/api/stream")
        owner = await stack.enter_async_context(parts.session.ws_connect("/api/stream", headers=bearer()))
        assert (await owner.receive_json())["type"] == "hello"
        async with asyncio.timeout(60):
            assert (await strangers[0].receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        assert not strangers[1].closed
