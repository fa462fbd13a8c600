"""Signing in a browser: a cookie instead of the token, and a second secret against forged requests.

    sigma sign-in prints  http://127.0.0.1:8787/login?ticket=…  good once, for ten minutes
    GET /login            spends the ticket, sets the cookie, goes to /
    POST /api/session     {"token": "…"}: the same with the API token, or read-only with the read token
    GET /api/session      {"signed_in", "csrf", "until_ms"}     only a page of this origin can read it
    POST /api/session/share   makes a link that lets whoever has it look, and change nothing, for so many days
    GET /shared           follows such a link, as often as one likes
    DELETE /api/session   ends this session for good: its cookie is worth nothing afterwards, whoever kept a copy

The cookie is HttpOnly and SameSite=Strict. It says until when it holds and is signed with a key made from the token
that opened it: it survives a restart, and another token ends it. A change that comes with the cookie must bring
`X-Sigma-CSRF`, which a foreign page cannot know.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

from aiohttp import web

from bot.clock import steady_ms
from bot.web.caller import ANONYMOUS, Caller
from bot.web.revoked import Revoked

LASTS_MS: Final = 30 * 86_400_000
TICKET_MS: Final = 600_000
MAX_TICKETS: Final = 16
CSRF_HEADER: Final = "X-Sigma-CSRF"
SHARED: Final = "s~"  # begins the nonce of a link that is passed on: it may look
MOST_SHARED_D: Final = 90
READER: Final = "r~"  # begins the nonce of a read-only session; no random nonce has a "~"


class Sessions:
    """Says who asks; makes, checks and ends cookies and tickets.

    Args:
        token: the API token, which may do everything.
        now_ms: the wall clock.
        steady_ms: a clock that nobody can set, for tickets.
        read_token: may ask and change nothing; "" is none.
        revoked: sessions that were signed out; None: forgotten with this object.
    """

    def __init__(
        self,
        token: str,
        now_ms: Callable[[], int],
        *,
        steady_ms: Callable[[], int] = steady_ms,
        read_token: str = "",
        revoked: Revoked | None = None,
    ) -> None:
        self._token = token
        self._read_token = read_token
        self._now_ms = now_ms
        self._steady_ms = steady_ms
        self._revoked = revoked or Revoked()
        self._tickets: dict[str, int] = {}

    def caller(self, request: web.Request) -> Caller:
        """Return who asks: the bearer of a token, else a signed-in browser, else somebody."""
        given = bearer(request)
        if given is not None and self.is_token(given):
            return Caller(name="token", may_change=True)
        if given is not None and self.is_read_token(given):
            return Caller(name="read token", may_change=False)
        return self.pass_of(request) or ANONYMOUS

    def is_token(self, given: str) -> bool:
        """Compare with the API token in constant time; without one nothing is it."""
        return bool(self._token) and _is_same(given, self._token)

    def is_read_token(self, given: str) -> bool:
        """Compare with the read token in constant time; without one nothing is it."""
        return bool(self._read_token) and _is_same(given, self._read_token)

    def new_ticket(self) -> str:
        """Return a ticket that signs in one browser, once, within ten minutes."""
        self._tickets = {name: until for name, until in self._tickets.items() if until > self._steady_ms()}
        while len(self._tickets) >= MAX_TICKETS:
            del self._tickets[min(self._tickets, key=self._tickets.__getitem__)]
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = self._steady_ms() + TICKET_MS
        return ticket

    def new_share(self, days: int) -> tuple[str, int]:
        """Return what a link has to bring that lets look for so many days, and until when it does."""
        until_ms = self._now_ms() + days * 86_400_000
        text = f"{until_ms}.{SHARED}{secrets.token_urlsafe(16)}"
        return f"{text}.{self._sign('session', text)}", until_ms

    def follow(self, request: web.Request, response: web.StreamResponse, given: str) -> bool:
        """Give the browser the cookie of a link; whether the link is good."""
        found = self._caller_of(given)
        if found is None or not found.session.startswith(SHARED):
            return False
        self._set(request, response, given, found.until_ms)
        return True

    def spend(self, ticket: str) -> bool:
        """Return whether the ticket was good; it is not any more."""
        return self._tickets.pop(ticket, 0) > self._steady_ms()

    def sign_in(self, request: web.Request, response: web.StreamResponse, *, may_change: bool = True) -> Caller:
        """Give the browser a cookie."""
        until_ms = self._now_ms() + LASTS_MS
        nonce = ("" if may_change else READER) + secrets.token_urlsafe(16)
        text = f"{until_ms}.{nonce}"
        self._set(request, response, f"{text}.{self._sign('session', text)}", until_ms)
        return self._session(until_ms, nonce)

    def _set(self, request: web.Request, response: web.StreamResponse, content: str, until_ms: int) -> None:
        response.set_cookie(
            _cookie(request),
            content,
            max_age=max(0, until_ms - self._now_ms()) // 1000,
            httponly=True,
            samesite="Strict",
            secure=request.secure,
            path="/",
        )

    def end_share(self, given: str) -> bool:
        """End a link that was passed on, and what browsers hold of it; whether it was good until now."""
        found = self._caller_of(given)
        if found is None or not found.session.startswith(SHARED):
            return False
        self._revoked.add(found.session, found.until_ms)
        return True

    def sign_out(self, request: web.Request, response: web.StreamResponse) -> None:
        """Take the cookie back and end its session: a copy of it is worth nothing from here on.

        A browser that followed a link which was passed on gives its cookie back; the link goes on for the others.
        """
        found = self.pass_of(request)
        if found is not None and not found.session.startswith(SHARED):
            self._revoked.add(found.session, found.until_ms)
        response.del_cookie(_cookie(request), path="/", httponly=True, samesite="Strict")

    def pass_of(self, request: web.Request) -> Caller | None:
        """Return what the request's cookie is worth; None: nothing."""
        return self._caller_of(request.cookies.get(_cookie(request), ""))

    def _caller_of(self, content: str) -> Caller | None:
        until, _, rest = content.partition(".")
        nonce, _, signature = rest.partition(".")
        if nonce.startswith(READER) and not self._read_token:
            return None
        if not _is_same(signature, self._sign("session", f"{until}.{nonce}")):
            return None
        if int(until) <= self._now_ms() or nonce in self._revoked:
            return None
        return self._session(int(until), nonce)

    def _session(self, until_ms: int, nonce: str) -> Caller:
        return Caller(
            name=f"session {nonce}",
            may_change=not nonce.startswith((READER, SHARED)),
            session=nonce,
            csrf=self._sign("csrf", f"{until_ms}.{nonce}"),
            until_ms=until_ms,
        )

    def _sign(self, purpose: str, text: str) -> str:
        key = self._read_token if f".{READER}" in text else self._token
        return hmac.new(_bytes(key), _bytes(f"{purpose}|{text}"), hashlib.sha256).hexdigest()


def bearer(request: web.Request) -> str | None:
    """Return the token that a request bears, right or wrong; None: it bears none."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    return given.strip() if kind.lower() == "bearer" else None


def is_forged(request: web.Request, caller: Caller) -> bool:
    """Return whether a change came with a cookie but without the secret that only our own page can read."""
    return bool(caller.session) and not _is_same(request.headers.get(CSRF_HEADER, ""), caller.csrf)


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
