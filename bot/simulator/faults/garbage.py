"""Nonsense an exchange has been seen to send: HTML with status 200, nulls, NaN, negative prices, wrong symbols."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import orjson
from aiohttp import web

from bot.simulator.faults.faults import GarbageForm
from bot.simulator.protocol.hub import Frame
from bot.simulator.protocol.rest import json_response

_HTML: Final = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>maintenance</body></html>"
_PRICES: Final = ("o", "h", "l", "c")
_WRONG_SYMBOL: Final = "WRONGUSDT"
_INTERNAL_ERROR: Final = 500
_UNKNOWN: Final = (-1001, "Internal error; unable to process your request. Please try again.")
_MESSAGES: Final = {
    418: (
        -1003,
        "Way too many requests; IP banned until later. Please use the websocket for live updates to avoid bans.",
    ),
    429: (-1003, "Too many requests; current limit is 2400 requests per minute."),
    451: (0, "Service unavailable from a restricted location according to 'b. Eligibility' in the terms."),
}


def frame(original: Frame, form: GarbageForm) -> Frame:
    """Return a frame whose content is nonsense of that form."""
    if form == "html":
        return replace(original, text=orjson.dumps(_HTML).decode())
    event: dict[str, Any] = orjson.loads(original.text)
    bars: list[dict[str, Any]] = [event["k"]] if "k" in event else [event]
    for bar in bars:
        if form == "symbol":
            event["s"] = bar["s"] = _WRONG_SYMBOL
            continue
        for name in (key for key in (*_PRICES, "p") if key in bar):
            bar[name] = _nonsense(form, bar[name])
    return replace(original, text=orjson.dumps(event).decode())


def wild_frame(original: Frame, factor: float) -> Frame:
    """Return a frame whose candle jumped to `factor` times its price."""
    event: dict[str, Any] = orjson.loads(original.text)
    bar = event.get("k")
    if bar is None:
        return original
    bar["c"] = f"{float(bar['c']) * factor:.8f}"
    extreme = "h" if factor > 1 else "l"
    bar[extreme] = bar["c"]
    return replace(original, text=orjson.dumps(event).decode())


def wild_rows(response: web.StreamResponse, factor: float, is_hit: Callable[[int], bool]) -> web.StreamResponse:
    """Return an answer of candles in which those that are hit jumped to `factor` times their price."""
    if not isinstance(response, web.Response) or response.status != 200 or not isinstance(response.body, bytes):
        return response
    rows = orjson.loads(response.body)
    for row in rows:
        if is_hit(row[0]):
            row[4] = f"{float(row[4]) * factor:.8f}"
            row[2 if factor > 1 else 3] = row[4]
    return json_response(rows)


def answer(request: web.Request, response: web.StreamResponse, form: GarbageForm) -> web.StreamResponse:
    """Return nonsense instead of a REST answer; only candles can be anything but HTML."""
    body = response.body if isinstance(response, web.Response) else None
    if form == "html" or form == "symbol" or not isinstance(body, bytes) or not request.path.endswith("lines"):
        return web.Response(text=_HTML, content_type="text/html")
    rows = [[row[0], *(_nonsense(form, text) for text in row[1:5]), *row[5:]] for row in orjson.loads(body)]
    return json_response(rows)


def refusal(status: int, retry_after_s: int | None) -> web.Response:
    """Return an error answer in Binance's form; from 501 on it is a gateway's that knows nothing of Binance."""
    if status > _INTERNAL_ERROR:
        response = web.Response(text=f"<html><body><h1>{status} Service Unavailable</h1></body></html>", status=status)
        response.content_type = "text/html"
    else:
        code, message = _MESSAGES.get(status, _UNKNOWN)
        response = json_response({"code": code, "msg": message}, status)
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def rows_where(response: web.StreamResponse, is_shown: Callable[[list[Any]], bool]) -> web.StreamResponse:
    """Return an answer of rows with those only that are shown."""
    if not isinstance(response, web.Response) or response.status != 200 or not isinstance(response.body, bytes):
        return response
    return json_response([row for row in orjson.loads(response.body) if is_shown(row)])


def _nonsense(form: GarbageForm, text: str) -> str | None:
    match form:
        case "nulls":
            return None
        case "nan":
            return "NaN"
        case _:
            return f"-{text}"
