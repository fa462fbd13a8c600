"""What a feed process and a daemon say to each other over a Unix socket: lines of JSON, one message a line.

    daemon   hello, ask, join, leave
    feed     welcome or refused; answer; frame, row, lost; beat (each second: open streams, sockets, counters); time

Only public questions pass: whoever can open the socket can ask for candles, and for nothing else.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from bot.feed.clients import Frame
from bot.feed.failures import GeoBlocked, NoSuchMarket, Throttled
from strategies.errors import BadInput, ExchangeFailed, SigmaError

PROTOCOL: Final = 1
LONGEST_LINE: Final = 128 * 2**20  # bytes; the description of a thousand markets takes ten million
BEAT_S: Final = 1.0  # wall seconds between two signs of life
BUILTIN: Final = "builtin"  # a question to the built-in exchange's own extension
QUESTIONS: Final = frozenset(
    {
        "fetch_funding_interval",
        "fetch_funding_intervals",
        "fetch_funding_rate",
        "fetch_funding_rate_history",
        "fetch_mark_ohlcv",
        "fetch_markets",
        "fetch_ohlcv",
        "fetch_tickers",
        "fetch_time",
        "fetch_trades",
        "load_markets",
        BUILTIN,
    }
)
_OPTIONS: Final = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
Message = dict[str, Any]


def encoded(message: Message) -> bytes:
    """Return a message as a line."""
    return orjson.dumps(message, default=str, option=_OPTIONS)


def decoded(line: bytes) -> Message:
    """Return the message of a line.

    Raises:
        BadInput: it is none.
    """
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{line[:80]!r} came over the feed's socket; a line of JSON was needed") from error
    if not isinstance(message, dict):
        raise BadInput(f"{line[:80]!r} came over the feed's socket; a JSON object was needed")
    return message


def frame_message(frame: Frame) -> Message:
    """Return the message of a frame."""
    return {"frame": [frame.socket, frame.market_id, frame.interval, frame.row, frame.is_closed, frame.event_ms]}


def frame_of(fields: list[Any]) -> Frame:
    """Return the frame of a message."""
    socket, market_id, interval, row, is_closed, event_ms = fields
    return Frame(socket=socket, market_id=market_id, interval=interval, row=row, is_closed=is_closed, event_ms=event_ms)


def failure_message(error: SigmaError) -> Message:
    """Return the message of a failure, so that the other side can raise its like."""
    kind = type(error).__name__ if isinstance(error, GeoBlocked | Throttled | NoSuchMarket) else ""
    return {"kind": kind, "text": str(error), "retry_after_s": getattr(error, "retry_after_s", 0.0)}


def failure_of(fields: Message) -> SigmaError:
    """Return the failure of a message."""
    text = str(fields["text"])
    match fields["kind"]:
        case "GeoBlocked":
            return GeoBlocked(text)
        case "NoSuchMarket":
            return NoSuchMarket(text)
        case "Throttled":
            return Throttled(text, float(fields["retry_after_s"]))
    return ExchangeFailed(text)


def socket_path(address: str) -> str:
    """Return the path of `unix:PATH`.

    Raises:
        BadInput: it is longer than a socket's may be.
    """
    path = address.removeprefix("unix:")
    if len(path.encode()) > 100:
        raise BadInput(f"[feed] source is {address}, {len(path)} characters; a socket's path has at most 100")
    return path
