"""Faults as values, and their one-line language: `drop:p=0.01,symbols=BTCUSDT+ETHUSDT`.

| kind | what goes wrong | its own keys |
|---|---|---|
| drop | a frame never arrives | |
| stall | all frames stay away, the socket stays open | |
| close | every websocket is closed (once, unless p or count is given) | |
| delay | a frame comes `ms` of market time later | ms |
| duplicate | a frame comes twice | |
| reorder | a frame comes after those of the next minute | |
| gap | minutes that no frame tells; REST has them, after `rest_minutes` | rest_minutes |
| garbage | a frame (`where=ws`) or an answer (`where=rest`) is nonsense | where, form |
| wild | a close `factor` times the true one, in frames (`where=ws`) or all but the mark (`rest`) | where, factor |
| http, or a status like 418, 429, 451, 503, 5xx | REST refuses | status, retry_after |
| skew | the exchange's clock is wrong by `ms` | ms |

Keys of all: `p` (probability per frame, minute or request), `count` (at most so many), `at` (market time, ISO or ms),
`minutes` (how long from `at`, or from now), `symbols`. Pure: knows nothing of sockets.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final, Literal, get_args

from strategies.errors import BadInput
from strategies.market import MINUTE_MS, typed_symbol
from strategies.values import iso_ms

FaultKind = Literal["drop", "stall", "close", "delay", "duplicate", "reorder", "gap", "garbage", "wild", "http", "skew"]
GarbageForm = Literal["html", "nulls", "nan", "negative", "symbol"]
_KINDS: Final = get_args(FaultKind)
_FORMS: Final = get_args(GarbageForm)
_KEYS: Final = (
    "p",
    "count",
    "at",
    "minutes",
    "symbols",
    "ms",
    "rest_minutes",
    "where",
    "form",
    "factor",
    "status",
    "retry_after",
)
_SERVER_ERROR: Final = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong. Times are market time.

    Raises:
        BadInput: a value out of range.
    """

    kind: FaultKind
    p: float = 1.0
    count: int | None = None
    at_ms: int | None = None  # None: from when it is set
    minutes: float | None = None  # None: for ever
    symbols: tuple[str, ...] = ()  # empty: all
    ms: int = MINUTE_MS
    rest_minutes: float = 0.0
    where: Literal["ws", "rest"] = "ws"
    form: GarbageForm = "html"
    factor: float = 2.4
    status: int = _SERVER_ERROR
    retry_after_s: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            near = get_close_matches(self.kind, _KINDS, 1)
            raise BadInput(
                f"fault {self.kind!r} is unknown; "
                + (f"did you mean {near[0]!r}?" if near else f"one of {', '.join(_KINDS)}")
            )
        if not 0 < self.p <= 1:
            raise BadInput(f"fault {self.kind}: p is {self.p}; 0 < p <= 1 is needed")
        if self.count is not None and self.count < 1:
            raise BadInput(f"fault {self.kind}: count is {self.count}; at least 1 is needed")
        if self.minutes is not None and self.minutes <= 0:
            raise BadInput(f"fault {self.kind}: minutes is {self.minutes}; more than 0 is needed")
        if self.form not in _FORMS or self.where not in ("ws", "rest"):
            raise BadInput(
                f"fault {self.kind}: form {self.form!r}, where {self.where!r}; "
                f"forms are {', '.join(_FORMS)}, places ws and rest"
            )
        if not 0 < self.factor < float("inf"):
            raise BadInput(f"fault {self.kind}: factor is {self.factor}; more than 0 is needed")
        if not 400 <= self.status <= 599:
            raise BadInput(f"fault {self.kind}: status is {self.status}; 400 to 599 is needed")
        if self.rest_minutes < 0 or (self.kind == "delay" and self.ms < 0):
            raise BadInput(f"fault {self.kind}: rest_minutes {self.rest_minutes}, ms {self.ms}; neither may be below 0")

    def concerns(self, symbol: str) -> bool:
        """Whether this market suffers from it."""
        return not self.symbols or symbol in self.symbols


def fault_of(text: str) -> Fault:
    """Return the fault that `kind:key=value,...` describes.

    Raises:
        BadInput: an unknown kind or key, or a value that cannot be read.
    """
    name, _, rest = text.strip().partition(":")
    kind, values = name, dict(_pair(text, part) for part in rest.split(",") if part)
    if name == "5xx":
        kind = "http"
    elif name.isdigit():
        kind, values["status"] = "http", name
    unknown = [key for key in values if key not in _KEYS]
    if unknown:
        raise BadInput(f"fault {text!r}: key {unknown[0]!r} is unknown; keys are {', '.join(_KEYS)}")
    try:
        return Fault(kind=kind, **_fields(kind, values))  # type: ignore[arg-type]
    except ValueError as error:
        raise BadInput(f"fault {text!r}: {error}") from error


def _pair(text: str, part: str) -> tuple[str, str]:
    key, equals, value = part.partition("=")
    if not equals or not value:
        raise BadInput(f"fault {text!r}: {part!r} is no key=value")
    return key.strip(), value.strip()


def _fields(kind: str, values: dict[str, str]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for key, value in values.items():
        match key:
            case "p" | "minutes" | "rest_minutes" | "factor":
                fields[key] = float(value)
            case "count" | "ms" | "status":
                fields[key] = int(value)
            case "retry_after":
                fields["retry_after_s"] = int(value)
            case "at":
                fields["at_ms"] = int(value) if value.isdigit() else iso_ms(value)
            case "symbols":
                fields[key] = tuple(typed_symbol(name) for name in value.split("+"))
            case _:
                fields[key] = value
    if kind == "close" and not {"p", "count"} & values.keys():
        fields["count"] = 1
    return fields
