"""Errors as problem documents (RFC 9457): which of our errors is which status."""

from __future__ import annotations

from typing import Literal

from aiohttp import web
from pydantic import BaseModel

from storage.language import translated
from strategies.errors import (
    AlreadyRunning,
    BadInput,
    BundleRefused,
    Conflict,
    Expired,
    NotFound,
    SigmaError,
    StorageFailed,
)

PROBLEM_JSON = "application/problem+json"


class Problem(BaseModel):
    """Why a request was refused; `detail` says what was found and what is needed."""

    type: Literal["about:blank"] = "about:blank"
    status: int
    title: str
    detail: str


class Unhealthy(SigmaError):
    """The daemon runs but does not do its work."""


class UnsupportedMedia(BadInput):
    """The body is not of a kind that is read."""


STATUSES: dict[type[SigmaError], tuple[int, str]] = {
    NotFound: (404, "not found"),
    UnsupportedMedia: (415, "unsupported media type"),
    BadInput: (400, "bad request"),
    Conflict: (409, "conflict"),
    Expired: (503, "expired"),
    AlreadyRunning: (409, "conflict"),
    BundleRefused: (409, "bundle refused"),
    StorageFailed: (503, "not now"),
    Unhealthy: (503, "not now"),
}


def problem(status: int, title: str, detail: str, *, headers: dict[str, str] | None = None) -> web.Response:
    """Return an `application/problem+json` answer."""
    content = Problem(status=status, title=title, detail=detail).model_dump_json()
    return web.Response(status=status, body=content.encode(), content_type=PROBLEM_JSON, headers=headers)


def problem_of(error: SigmaError) -> web.Response:
    """Return one of our errors as a problem."""
    status, title = next((value for kind, value in STATUSES.items() if isinstance(error, kind)), (500, "failed"))
    return problem(status, title, translated(str(error)))
