"""Signing in a browser: a cookie instead of the token, and a second secret against forged requests.

    sigma run prints  http://127.0.0.1:8787/login?ticket=…      good once, for an hour
    GET /login        spends the ticket, sets the cookie, goes to /
    POST /api/session {"token": "…"}                            the same with the API token
    GET /api/session  {"signed_in", "csrf", "until_ms"}         only a page of this origin can read it

The cookie is HttpOnly and SameSite=Strict. It says until when it holds and is signed with a key made from the API
token: nothing is stored, it survives a restart, and another token ends it. A change that comes with the cookie must
bring `X-Sigma-CSRF`, which a foreign page cannot know.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

LASTS_MS: Final = 30 * 86_400_000
TICKET_MS: Final = 3_600_000
MAX_TICKETS: Final = 16
CSRF_HEADER: Final = "X-Sigma-CSRF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A valid cookie."""

    until_ms: int
    csrf: str


class Sessions:
    """Makes and checks cookies and tickets.

    Args:
        token: the API token.
        now_ms: the wall clock.
    """

    def __init__(self, token: str, now_ms: Callable[[], int]) -> None:
        self._token = token.encode()
        self._now_ms = now_ms
        self._tickets: dict[str, int] = {}

    def has_token(self, request: web.Request) -> bool:
        """Return whether a request bears the API token."""
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and self.is_token(given)

    def is_token(self, given: str) -> bool:
        """Compare with the API token in constant time."""
        return _is_same(given, self._token.decode())

    def new_ticket(self) -> str:
        """Return a ticket that signs in one browser, once, within the hour."""
        self._tickets = {name: until for name, until in self._tickets.items() if until > self._now_ms()}
        while len(self._tickets) >= MAX_TICKETS:
            del self._tickets[min(self._tickets, key=self._tickets.__getitem__)]
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = self._now_ms() + TICKET_MS
        return ticket

    def spend(self, ticket: str) -> bool:
        """Return whether the ticket was good; it is not any more."""
        return self._tickets.pop(ticket, 0) > self._now_ms()

    def sign_in(self, request: web.Request, response: web.StreamResponse) -> Pass:
        """Give the browser a cookie."""
        until_ms = self._now_ms() + LASTS_MS
        text = f"{until_ms}.{secrets.token_urlsafe(16)}"
        response.set_cookie(
            _cookie(request),
            f"{text}.{self._sign('session', text)}",
            max_age=LASTS_MS // 1000,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
            path="/",
        )
        return Pass(until_ms=until_ms, csrf=self._sign("csrf", text))

    def sign_out(self, request: web.Request, response: web.StreamResponse) -> None:
        """Take the cookie back."""
        response.del_cookie(_cookie(request), path="/", httponly=True, samesite="Strict")

    def pass_of(self, request: web.Request) -> Pass | None:
        """Return what the request's cookie is worth; None: nothing."""
        until, _, rest = request.cookies.get(_cookie(request), "").partition(".")
        nonce, _, signature = rest.partition(".")
        text = f"{until}.{nonce}"
        if not _is_same(signature, self._sign("session", text)):
            return None
        until_ms = int(until)
        return Pass(until_ms=until_ms, csrf=self._sign("csrf", text)) if until_ms > self._now_ms() else None

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._token, _bytes(f"{purpose}|{text}"), hashlib.sha256).hexdigest()


def is_forged(request: web.Request, given: Pass) -> bool:
    """Return whether a change came with a cookie but without the secret that only our own page can read."""
    return not _is_same(request.headers.get(CSRF_HEADER, ""), given.csrf)


def is_dashboard(request: web.Request) -> bool:
    """Return whether the request comes from a signed-in page."""
    return CSRF_HEADER in request.headers


def _cookie(request: web.Request) -> str:
    """Return the cookie's name. Cookies ignore ports: two daemons on one host must not share one."""
    port = request.url.port
    return f"sigma_session_{port}" if port else "sigma_session"


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(_bytes(given), _bytes(expected))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
