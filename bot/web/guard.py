"""Who may ask: host and origin are checked on every request, a bearer token where something changes, bodies are
bounded.

Foreign pages in the user's browser and other machines are the threat; the loopback alone is no protection against
either.
"""

from __future__ import annotations

import hmac
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.web.problems import problem
from strategies.errors import BadInput, BundleRefused, SigmaError, StorageFailed

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
READ_ONLY_POSTS: Final = frozenset({"/api/predict"})
OPEN_PATHS: Final = frozenset({"/healthz", "/readyz"})
LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Middlewares that know the token, the names this server answers to, and how fast one may ask."""

    def __init__(
        self, *, token: str, is_loopback: bool, allowed_hosts: tuple[str, ...], requests_per_minute: int
    ) -> None:
        self._token = token
        self._is_loopback = is_loopback
        self._hosts = LOOPBACK_NAMES | set(allowed_hosts)
        self._requests_per_minute = requests_per_minute
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
        if self._is_loopback and not self._is_known_host(request.host):
            return problem(421, "unknown host", f"this server does not answer to {request.host!r}")
        origin = request.headers.get("Origin")
        if origin and not self._is_own_origin(origin, request.host):
            return problem(403, "foreign origin", f"requests from {origin!r} are not taken")
        if self._is_too_fast(request.remote or ""):
            return problem(429, "too many requests", f"{self._requests_per_minute} a minute are taken")
        if request.path in OPEN_PATHS:
            return None
        changes = request.method not in SAFE_METHODS and request.path not in READ_ONLY_POSTS
        if (changes or not self._is_loopback) and not self._has_token(request):
            return problem(401, "token needed", "send the API token as `Authorization: Bearer …`", authenticate=True)
        return None

    def _is_known_host(self, host: str) -> bool:
        return (urlsplit(f"//{host}").hostname or "") in self._hosts

    def _is_own_origin(self, origin: str, host: str) -> bool:
        parts = urlsplit(origin)
        return parts.netloc == host or (parts.hostname or "") in self._hosts - LOOPBACK_NAMES

    def _is_too_fast(self, remote: str) -> bool:
        now = time.monotonic()
        recent = self._recent.setdefault(remote, deque(maxlen=self._requests_per_minute))
        if len(recent) == self._requests_per_minute and now - recent[0] < 60:
            return True
        recent.append(now)
        if len(self._recent) > 1_000:
            self._recent = {name: seen for name, seen in self._recent.items() if now - seen[-1] < 60}
        return False

    def _has_token(self, request: web.Request) -> bool:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(given.encode(), self._token.encode())

    async def _report(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turn the errors people can act on into problem documents."""
        try:
            return await handler(request)
        except (BadInput, BundleRefused) as error:
            return problem(400, "bad request", str(error))
        except StorageFailed as error:
            return problem(503, "not now", str(error))
        except SigmaError as error:
            return problem(500, "failed", str(error))
        except web.HTTPException as error:
            return problem(error.status, error.reason.lower(), error.text or error.reason)
