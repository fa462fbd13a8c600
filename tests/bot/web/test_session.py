"""Signing in, and what a foreign page, a foreign name or a forged request gets."""

from __future__ import annotations

import asyncio
from http.cookies import SimpleCookie
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.web.session import LASTS_MS, MAX_TICKETS, TICKET_MS, Sessions
from tests.bot.trading.world import minutes
from tests.bot.web.serving import TOKEN, Served, bearer, served

MINUTES = minutes(5)
FOREIGN = {"Origin": "http://evil.example"}


async def signed_in(parts: Served) -> tuple[dict[str, str], str]:
    """Return the cookie header and the secret of a browser that used the printed link."""
    link = parts.server.sign_in_link().removeprefix(parts.address)
    async with parts.session.get(link, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/")
        cookie = SimpleCookie(response.headers["Set-Cookie"])
    [(name, morsel)] = cookie.items()
    assert morsel["httponly"]
    assert morsel["samesite"] == "Strict"
    headers = {"Cookie": f"{name}={morsel.value}"}
    async with parts.session.get("/api/session", headers=headers) as response:
        document = await response.json()
    assert document["signed_in"]
    return headers, document["csrf"]


async def paused(parts: Served, headers: dict[str, str]) -> int:
    """Return the status of an attempt to pause; an accepted one is in the ledger."""
    asking = asyncio.create_task(parts.session.post("/api/pause", headers=headers).__aenter__())
    await parts.world.queued(asking)
    if not asking.done():
        await parts.world.hand(MINUTES[len(parts.world.snapshots)])
    return (await asking).status


async def test_the_printed_link_signs_one_browser_in_once(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        link = parts.server.sign_in_link().removeprefix(parts.address)
        for location in ("/", "/?login=expired"):
            async with parts.session.get(link, allow_redirects=False) as response:
                assert response.headers["Location"] == location
                assert ("Set-Cookie" in response.headers) == (location == "/")


async def test_a_signed_in_page_acts_with_its_secret_and_not_without(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        await parts.world.hand(MINUTES[0])
        cookie, secret = await signed_in(parts)
        own = {"Origin": parts.address}
        assert await paused(parts, cookie) == 403
        assert await paused(parts, cookie | own) == 403
        assert await paused(parts, cookie | {"X-Sigma-CSRF": "0" * 64}) == 403
        assert await paused(parts, {"X-Sigma-CSRF": secret}) == 401
        assert not parts.world.snapshots[-1].paused
        assert await paused(parts, cookie | own | {"X-Sigma-CSRF": secret}) == 200
        assert parts.world.snapshots[-1].paused


async def test_a_foreign_page_is_refused_even_with_cookie_and_secret(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        await parts.world.hand(MINUTES[0])
        cookie, secret = await signed_in(parts)
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "https://" + parts.address[7:] + ".evil"):
            assert await paused(parts, cookie | {"X-Sigma-CSRF": secret, "Origin": origin}) == 403
        async with parts.session.get("/api/session", headers=cookie | FOREIGN) as response:
            assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_a_name_that_was_bent_to_this_machine_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        await parts.world.hand(MINUTES[0])
        for path in ("/", "/api/status", "/api/session", "/api/stream", "/healthz", "/login?ticket=x"):
            async with parts.session.get(path, headers={"Host": "evil.example"}) as response:
                assert response.status == 421, path
        async with parts.session.get("/api/status", headers={"Host": "localhost:80"}) as response:
            assert response.status == 200


async def test_the_token_signs_in_and_another_text_does_not(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        async with parts.session.post("/api/session", json={"token": "guess"}) as response:
            assert response.status == 401
            assert "Set-Cookie" not in response.headers
        async with parts.session.post("/api/session", json={"token": TOKEN}) as response:
            assert (await response.json())["signed_in"]
            assert "Set-Cookie" in response.headers
        async with parts.session.post("/api/session", json={"token": TOKEN}, headers=FOREIGN) as response:
            assert response.status == 403
        async with parts.session.delete("/api/session") as response:
            assert "Max-Age=0" in response.headers["Set-Cookie"]


async def test_other_machines_need_the_token_for_everything_but_the_pages_files(tmp_path: Path) -> None:
    async with served(tmp_path, host="0.0.0.0", token=TOKEN) as parts:
        await parts.world.hand(MINUTES[0])
        port = parts.address.rsplit(":", 1)[1]
        base = f"http://127.0.0.1:{port}"
        statuses = {}
        for path in ("/api/status", "/api/trades", "/metrics", "/api/docs", "/api/stream", "/", "/healthz"):
            async with parts.session.get(base + path) as response:
                statuses[path] = response.status
        assert statuses == dict.fromkeys(statuses, 401) | {"/": 200, "/healthz": 200}
        async with parts.session.post(base + "/api/predict", json={"symbol": "BTCUSDT"}) as response:
            assert response.status == 401
        async with parts.session.get(base + "/api/status", headers=bearer()) as response:
            assert response.status == 200


async def test_named_hosts_are_the_only_ones_once_they_are_named(tmp_path: Path) -> None:
    async with served(tmp_path, host="0.0.0.0", token=TOKEN, allowed_hosts=("sigma.example",)) as parts:
        base = f"http://127.0.0.1:{parts.address.rsplit(':', 1)[1]}/healthz"
        for host, status in (("sigma.example", 200), ("evil.example", 421), ("127.0.0.1", 200), ("[::1", 421)):
            async with parts.session.get(base, headers={"Host": host}) as response:
                assert response.status == status, host


async def test_answers_are_kept_out_of_frames_caches_and_foreign_pages(tmp_path: Path) -> None:
    async with served(tmp_path) as parts:
        for path in ("/api/status", "/api/docs", "/api/nothing"):
            async with parts.session.get(path) as response:
                assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
                assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
                assert response.headers["Cache-Control"] == "no-store"
                assert response.headers["X-Content-Type-Options"] == "nosniff"


class Browser:
    """The part of requests and answers that a session reads and writes."""

    def __init__(self, cookies: dict[str, str] | None = None) -> None:
        self.cookies = cookies or {}
        self.headers: dict[str, str] = {}
        self.secure = False
        self.url = SimpleNamespace(port=8787)

    def set_cookie(self, name: str, value: str, **_: Any) -> None:
        self.cookies[name] = value


@pytest.mark.parametrize(
    ("token", "passed_ms", "is_good"), [("t", 0, True), ("t", LASTS_MS, False), ("another", 0, False)]
)
def test_a_cookie_ends_with_its_time_and_with_its_token(token: str, passed_ms: int, is_good: bool) -> None:
    browser: Any = Browser()
    Sessions("t", lambda: 1_000).sign_in(browser, browser)
    later = Sessions(token, lambda: 1_000 + passed_ms)
    assert (later.pass_of(browser) is not None) == is_good


@pytest.mark.parametrize(
    "broken", ["", ".", "..", "x.y.z", "99999999999999.nonce.", "\udcff.\udcff.\udcff", "1" * 4000]
)
def test_a_cookie_of_somebody_else_is_worth_nothing(broken: str) -> None:
    assert Sessions("t", lambda: 0).pass_of(Browser({"sigma_session_8787": broken})) is None  # type: ignore[arg-type]


def test_a_cookie_cannot_be_given_a_longer_life() -> None:
    browser: Any = Browser()
    sessions = Sessions("t", lambda: 0)
    sessions.sign_in(browser, browser)
    [(name, value)] = browser.cookies.items()
    until, rest = value.split(".", 1)
    assert sessions.pass_of(Browser({name: value})) is not None  # type: ignore[arg-type]
    assert sessions.pass_of(Browser({name: f"{int(until) + 1}.{rest}"})) is None  # type: ignore[arg-type]


def test_tickets_expire_and_are_few() -> None:
    now = [0]
    sessions = Sessions("t", lambda: 0, steady_ms=lambda: now[0])
    first = sessions.new_ticket()
    for _ in range(MAX_TICKETS):
        last = sessions.new_ticket()
    assert not sessions.spend(first)
    now[0] = TICKET_MS
    assert not sessions.spend(last)
