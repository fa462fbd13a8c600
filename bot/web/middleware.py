"""Middleware: host, origin and site are checked on every request, then who asks, then how fast, then what for.

Foreign pages in the user's browser and other machines are the threat; the loopback alone is no protection against
either. Who asks is known before anything is counted: whatever strangers do, the bearer of the token is answered.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.rate_limit import RateLimit
from bot.web.caller import Caller, counted_as
from bot.web.dashboard.pages import is_page
from bot.web.doorway import Doorway
from bot.web.failed_tokens import FailedTokens
from bot.web.problems import problem, problem_of
from bot.web.session import CSRF_HEADER, Sessions, bearer, is_forged
from storage.config.services import WebSettings
from storage.language import LANGUAGES, Language, speaking
from strategies.errors import SigmaError

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
READ_ONLY_POSTS: Final = frozenset({"/api/predict"})
OPEN_PATHS: Final = frozenset(
    {"/", "/healthz", "/readyz", "/login", "/shared", "/worker.js", "/api/session"}
)  # they tell no secret
OPEN_FOLDER: Final = "/static/"
DATA_PATHS: Final = ("/api/", "/metrics")  # never a page that another site may lead to
SAME_SITE: Final = frozenset({"same-origin", "none"})  # none: typed, or a bookmark
LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})
SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
NEEDS_TOKEN: Final = {"WWW-Authenticate": "Bearer"}

FURTHER_ACCOUNT: Final = re.compile(r"^/accounts/[a-z0-9_-]{1,40}(?=/)")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Middlewares that know who asks, the names this server answers to, and how fast one may ask.

    Args:
        sessions: say who asks.
        settings: `[web]`.
        doorway: keeps the places of those who are answered.
    """

    def __init__(self, *, sessions: Sessions, settings: WebSettings, doorway: Doorway) -> None:
        self._sessions = sessions
        self._is_loopback = settings.is_loopback
        self._checks_hosts = settings.is_loopback or bool(settings.allowed_hosts)
        self._hosts = LOOPBACK_NAMES | {settings.host} | set(settings.allowed_hosts)
        self._max_body_bytes = settings.max_body_kb * 1024
        self._timeout_s = settings.request_timeout_s
        self._requests_per_minute = settings.requests_per_minute
        self._doorway = doorway
        self._rate = RateLimit(settings.requests_per_minute, time.monotonic)
        self._failed = FailedTokens(time.monotonic)

    def middlewares(self) -> list[Middleware]:
        """Return them in the order in which they look at a request."""

        @web.middleware
        async def report(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._report(request, handler)

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._check(request, handler)

        return [report, check]

    async def _check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        foreign = self._foreign(request)
        if foreign is not None:
            return foreign
        caller = self._sessions.caller(request)
        if not caller.is_known and bearer(request) is not None:
            self._failed.add(request.remote or "", request.path)
        refusal = self._refusal(request, caller)
        if refusal is not None:
            return refusal
        with self._doorway.answering(request, is_known=caller.is_known):
            slow = await self._body_too_slow(request)
            answer = slow if slow is not None else await handler(request)
        if path_of(request) == "/api/session" and request.method == "POST" and answer.status == 401:
            self._failed.add(request.remote or "", request.path)
        return answer

    def _foreign(self, request: web.Request) -> web.Response | None:
        """Refuse other names of this machine, and what pages of other sites ask."""
        if self._checks_hosts and not self._is_known_host(request.host):
            return problem(421, "unknown host", f"this server does not answer to {request.host[:80]!r}")
        origin = request.headers.get("Origin")
        if origin and not self._is_own_origin(origin, request.host):
            return problem(403, "foreign origin", f"requests from {origin[:80]!r} are not taken")
        if self._is_cross_site(request) and not _leads_to_a_page(request):
            return problem(403, "foreign site", "pages of other sites may lead here, not ask")
        return None

    def _refusal(self, request: web.Request, caller: Caller) -> web.Response | None:
        changes = request.method not in SAFE_METHODS and path_of(request) not in READ_ONLY_POSTS
        is_command = changes and caller.may_change  # the kill switch waits for no count
        if not is_command and not self._rate.take(counted_as(caller, request.remote or "")):
            detail = f"{self._requests_per_minute} a minute are taken"
            return problem(429, "too many requests", detail, headers={"Retry-After": "5"})
        if (request.content_length or 0) > self._max_body_bytes:
            detail = f"the body has {request.content_length:,} bytes; {self._max_body_bytes:,} at most are taken"
            return problem(413, "content too large", detail)
        return self._unauthorised(request, caller, changes=changes)

    def _unauthorised(self, request: web.Request, caller: Caller, *, changes: bool) -> web.Response | None:
        path = path_of(request)
        if path in OPEN_PATHS or path.startswith(OPEN_FOLDER) or is_page(path):
            return None
        if not changes and (self._is_loopback or caller.is_known):
            return None
        if not caller.is_known:
            detail = "send the API token as `Authorization: Bearer …`, or sign in"
            return problem(401, "token needed", detail, headers=NEEDS_TOKEN)
        if not caller.may_change:
            return problem(403, "read only", "this token may ask and change nothing; the API token is needed")
        if is_forged(request, caller):
            return problem(403, "forged request", f"a signed-in page has to send {CSRF_HEADER} from /api/session")
        return None

    async def _body_too_slow(self, request: web.Request) -> web.Response | None:
        """Read the body while its place is kept; one that does not come in time is refused."""
        if not request.can_read_body:
            return None
        try:
            async with asyncio.timeout(self._timeout_s):
                await request.read()
        except TimeoutError:
            answer = problem(408, "request timeout", f"the body took longer than {self._timeout_s:g} s")
            answer.force_close()
            return answer
        return None

    def _is_known_host(self, host: str) -> bool:
        try:
            return (urlsplit(f"//{host}").hostname or "") in self._hosts
        except ValueError:
            return False

    def _is_own_origin(self, origin: str, host: str) -> bool:
        try:
            parts = urlsplit(origin)
            return parts.netloc == host or (parts.hostname or "") in self._hosts - LOOPBACK_NAMES
        except ValueError:
            return False

    def _is_cross_site(self, request: web.Request) -> bool:
        """Return whether a page of another origin asks; browsers that do not say so are known by their referrer."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site.lower() not in SAME_SITE
        referrer = request.headers.get("Referer", "")
        return bool(referrer) and not self._is_own_origin(referrer, request.host)

    async def _report(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn every error into a problem document; the unforeseen ones are logged and tell nothing."""
        with speaking(asked_language(request)):
            return await self._answer(request, handler)

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ConnectionError:
            raise  # the reader has gone: nobody is left to be told
        except SigmaError as error:
            return problem_of(error)
        except web.HTTPException as error:
            kept = {name: value for name, value in error.headers.items() if name in ("Allow", "Location")}
            return problem(error.status, error.reason.lower(), _said(error), headers=kept)
        except Exception as error:
            log = structlog.get_logger("web")
            log.error("request failed", method=request.method, path=request.path, error=repr(error), exc_info=error)
            return problem(500, "failed", "the request could not be answered; logs/error.log says why")


async def add_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Give every answer the headers that keep foreign pages and caches out, where it has none of its own."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)


def path_of(request: web.Request) -> str:
    """Return what is asked for, whichever account is asked."""
    return FURTHER_ACCOUNT.sub("", request.path)


def asked_language(request: web.Request) -> Language:
    """Return the first language of `Accept-Language` that is spoken here; English where there is none."""
    for part in request.headers.get("Accept-Language", "").lower().split(","):
        found = next((name for name in LANGUAGES if part.strip().startswith(name)), None)
        if found is not None:
            return found
    return "en"


def _leads_to_a_page(request: web.Request) -> bool:
    """Return whether somebody followed a link to a page: what it shows stays out of the other site's reach."""
    is_navigation = request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
    is_document = request.headers.get("Sec-Fetch-Dest", "document") == "document"
    is_page = not path_of(request).startswith(DATA_PATHS)
    return request.method in SAFE_METHODS and is_navigation and is_document and is_page


def _said(error: web.HTTPException) -> str:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return f"the method is {error.method}; {allowed} is needed here"
    default = f"{error.status}: {error.reason}"
    return error.text if error.text and error.text != default else error.reason
