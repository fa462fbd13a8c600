"""Who may ask: host and origin are checked on every request, a token or a signed-in page where something changes,
bodies are bounded.

Foreign pages in the user's browser and other machines are the threat; the loopback alone is no protection against
either.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.web.dashboard.pages import is_page
from bot.web.problems import problem, problem_of
from bot.web.session import CSRF_HEADER, Sessions, is_forged
from strategies.errors import SigmaError

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
READ_ONLY_POSTS: Final = frozenset({"/api/predict"})
OPEN_PATHS: Final = frozenset({"/", "/healthz", "/readyz", "/login", "/api/session"})  # they tell no secret
OPEN_FOLDER: Final = "/static/"
LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})
SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Middlewares that know the token, the names this server answers to, and how fast one may ask."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        is_loopback: bool,
        allowed_hosts: tuple[str, ...],
        requests_per_minute: int,
        max_body_bytes: int,
    ) -> None:
        self._sessions = sessions
        self._is_loopback = is_loopback
        self._checks_hosts = is_loopback or bool(allowed_hosts)
        self._hosts = LOOPBACK_NAMES | set(allowed_hosts)
        self._requests_per_minute = requests_per_minute
        self._max_body_bytes = max_body_bytes
        self._recent: dict[str, deque[float]] = {}

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
        refusal = self._refusal(request)
        return refusal if refusal is not None else await handler(request)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self._checks_hosts and not self._is_known_host(request.host):
            return problem(421, "unknown host", f"this server does not answer to {request.host[:80]!r}")
        origin = request.headers.get("Origin")
        if origin and not self._is_own_origin(origin, request.host):
            return problem(403, "foreign origin", f"requests from {origin[:80]!r} are not taken")
        if self._is_too_fast(request.remote or ""):
            detail = f"{self._requests_per_minute} a minute are taken"
            return problem(429, "too many requests", detail, headers={"Retry-After": "5"})
        if (request.content_length or 0) > self._max_body_bytes:
            detail = f"the body has {request.content_length:,} bytes; {self._max_body_bytes:,} at most are taken"
            return problem(413, "content too large", detail)
        return self._unauthorised(request)

    def _unauthorised(self, request: web.Request) -> web.Response | None:
        if request.path in OPEN_PATHS or request.path.startswith(OPEN_FOLDER) or is_page(request.path):
            return None
        changes = request.method not in SAFE_METHODS and request.path not in READ_ONLY_POSTS
        if not changes and self._is_loopback:
            return None
        if self._sessions.has_token(request):
            return None
        found = self._sessions.pass_of(request)
        if found is None:
            detail = "send the API token as `Authorization: Bearer …`, or sign in"
            return problem(401, "token needed", detail, headers={"WWW-Authenticate": "Bearer"})
        if changes and is_forged(request, found):
            return problem(403, "forged request", f"a signed-in page has to send {CSRF_HEADER} from /api/session")
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

    def _is_too_fast(self, remote: str) -> bool:
        now = time.monotonic()
        recent = self._recent.setdefault(remote, deque(maxlen=self._requests_per_minute))
        if len(recent) == self._requests_per_minute and now - recent[0] < 60:
            return True
        recent.append(now)
        if len(self._recent) > 1_000:
            self._recent = {name: seen for name, seen in self._recent.items() if now - seen[-1] < 60}
        return False

    async def _report(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn every error into a problem document; the unforeseen ones are logged and tell nothing."""
        try:
            return await handler(request)
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


def _said(error: web.HTTPException) -> str:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return f"the method is {error.method}; {allowed} is needed here"
    default = f"{error.status}: {error.reason}"
    return error.text if error.text and error.text != default else error.reason
