"""Operations of signing in and out; see `session.py`."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import Field

from bot.web.app_keys import SESSIONS
from bot.web.caller import Caller
from bot.web.operations import JSON, Operations
from bot.web.problems import problem
from bot.web.requests import Asked
from bot.web.responses import Session, Share, Ticket
from bot.web.session import MOST_SHARED_D
from strategies.errors import NotFound

operations: Final = Operations("session")
routes: Final = web.RouteTableDef()


class TokenGiven(Asked):
    """The API token, as a person typed it."""

    token: str = Field(min_length=1, max_length=512)


class ShareAsked(Asked):
    """For how long a link lets look."""

    days: int = Field(7, ge=1, le=MOST_SHARED_D)


class ShareEnded(Asked):
    """Which link ends."""

    path: str = Field(min_length=1, max_length=512, description="the link, or its path")


@routes.get("/login", allow_head=False)
async def login(request: web.Request) -> web.Response:
    """Spend a ticket of the terminal and go to the dashboard, signed in."""
    sessions = request.app[SESSIONS]
    if not sessions.spend(request.query.get("ticket", "")):
        return web.Response(status=303, headers={"Location": "/?login=expired"})
    response = web.Response(status=303, headers={"Location": "/"})
    sessions.sign_in(request, response)
    return response


@routes.get("/shared", allow_head=False)
async def shared(request: web.Request) -> web.Response:
    """Follow a link that was passed on: the browser may look from here on, and change nothing."""
    response = web.Response(status=303, headers={"Location": "/"})
    if not request.app[SESSIONS].follow(request, response, request.query.get("pass", "")):
        return web.Response(status=303, headers={"Location": "/?login=expired"})
    return response


@operations.get("/api/session")
async def session(request: web.Request) -> Session:
    """Say whether this browser is signed in and may act, and the secret that has to come back with every change."""
    return _told(request.app[SESSIONS].pass_of(request))


@operations.add("POST", "/api/session", changes=False, answer=Session)
async def sign_in(request: web.Request, body: TokenGiven) -> web.Response:
    """Sign a browser in with the API token, or with the read token to look and change nothing."""
    sessions = request.app[SESSIONS]
    may_change = sessions.is_token(body.token)
    if not may_change and not sessions.is_read_token(body.token):
        return problem(401, "token needed", "this is not the API token", headers={"WWW-Authenticate": "Bearer"})
    response = web.Response(content_type=JSON)
    made = sessions.sign_in(request, response, may_change=may_change)
    response.body = _told(made).model_dump_json().encode()
    return response


@operations.add("DELETE", "/api/session", changes=False, answer=Session)
async def sign_out(request: web.Request) -> web.Response:
    """Sign this browser out and end its session: a copy of the cookie is worth nothing afterwards."""
    response = web.Response(content_type=JSON)
    request.app[SESSIONS].sign_out(request, response)
    response.body = _told(None).model_dump_json().encode()
    return response


@operations.post("/api/session/ticket")
async def ticket(request: web.Request) -> Ticket:
    """Make a link that signs one browser in, once, within ten minutes."""
    return Ticket(path=f"/login?ticket={request.app[SESSIONS].new_ticket()}")


@operations.post("/api/session/share")
async def share(request: web.Request, body: ShareAsked) -> Share:
    """Make a link that lets whoever has it look, and change nothing, for so many days."""
    given, until_ms = request.app[SESSIONS].new_share(body.days)
    return Share(path=f"/shared?pass={given}", until_ms=until_ms)


@operations.post("/api/session/share/end", problems=(404,))
async def end_share(request: web.Request, body: ShareEnded) -> Share:
    """End a link that was passed on, and what browsers hold of it."""
    given = body.path.rpartition("pass=")[2]
    if not request.app[SESSIONS].end_share(given):
        raise NotFound("this is no link that still lets anybody look")
    return Share(path=body.path, until_ms=0)


def _told(caller: Caller | None) -> Session:
    if caller is None:
        return Session(signed_in=False, may_change=False, csrf=None, until_ms=None)
    return Session(signed_in=True, may_change=caller.may_change, csrf=caller.csrf, until_ms=caller.until_ms)
