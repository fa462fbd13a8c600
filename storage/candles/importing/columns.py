"""Column roles: by the names people, exchanges and programs give them, or by what a person said."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from storage.candles.importing.sheet import Options, Sheet
from storage.candles.importing.words import SPELLINGS, UNITS, plain
from strategies.errors import BadInput

PRICES: Final = ("open", "high", "low", "close")
_NO_COINS: Final = (
    "ma", "sma", "ema", "currency", "ccy", "quote", "change", "avg", "24h", "weighted", "notional", "to", "from",
)  # fmt: skip
_ROLES: Final = ("time", "close_time", *PRICES, "volume", "symbol", "rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Column names by role; what the file does not have is empty.

    Attributes:
        times: candidates for the open time, as named.
        local_times: candidates that say they are local.
        close_times: candidates for the close time.
        prices: open, high, low, close by role.
        volumes: candidates for the base volume: (column, coin it is said to count or "").
        tick_volume, quote_volume, trades: counted in price changes, in money, in trades.
        extras: other columns that may count something traded.
        symbol, timeframe, exchange, rate: of the market, the candle, where it trades, the funding.
    """

    times: tuple[str, ...]
    local_times: tuple[str, ...] = ()
    close_times: tuple[str, ...] = ()
    prices: dict[str, str]
    volumes: tuple[tuple[str, str], ...] = ()
    tick_volume: str = ""
    quote_volume: str = ""
    trades: str = ""
    extras: tuple[str, ...] = ()
    symbol: str = ""
    timeframe: str = ""
    exchange: str = ""
    rate: str = ""


def needed(roles: Roles) -> set[str]:
    """Return the columns that any role may be read from."""
    volumes = [name for name, _ in roles.volumes]
    single = (
        roles.tick_volume, roles.quote_volume, roles.trades, roles.symbol, roles.timeframe, roles.exchange, roles.rate,
    )  # fmt: skip
    times = roles.times or (*roles.local_times, *roles.close_times)
    return {*roles.extras, *roles.prices.values(), *volumes, *single} - {""} | set(times)


def named_roles(sheet: Sheet, options: Options) -> Roles:
    """Return the roles that a header gives.

    Raises:
        BadInput: two columns claim one role with different values, or a column that was asked for is not there.
    """
    asked = _asked(sheet, options)
    prices: dict[str, str] = {}
    for role in PRICES:
        found = [name for name in sheet.columns if _is(name, role) and not _is_other_case(sheet, name)]
        exact = [name for name in found if plain(name) == role]
        prices |= {role: asked.get(role) or _one(sheet, exact or found, role)} if found or role in asked else {}
    if "close" not in prices and {"open", "high", "low"} <= set(prices):  # investing.com calls the close "Price"
        named = next((name for name in sheet.columns if plain(name) == "price"), "")
        prices |= {"close": named} if named else {}
    return Roles(
        times=(asked["time"],) if "time" in asked else () if "close_time" in asked else _times(sheet),
        local_times=tuple(name for name in sheet.columns if plain(name) in SPELLINGS["local_time"]),
        close_times=(asked["close_time"],) if "close_time" in asked else _close_times(sheet),
        prices=prices,
        volumes=((asked["volume"], ""),) if "volume" in asked else _volumes(sheet),
        tick_volume=_first(sheet, "tick_volume"),
        quote_volume=_first(sheet, "quote_volume"),
        trades=_first(sheet, "trades"),
        extras=tuple(name for name in sheet.columns if plain(name) in SPELLINGS["quote_volume"]),
        exchange=_first(sheet, "exchange"),
        symbol=asked.get("symbol") or _first(sheet, "symbol"),
        timeframe=_first(sheet, "timeframe"),
        rate=asked.get("rate") or _first(sheet, "rate"),
    )


def _asked(sheet: Sheet, options: Options) -> dict[str, str]:
    """Return what `--columns` chose, as names: numbers count from 1."""
    names = list(sheet.columns)
    found: dict[str, str] = {}
    for role, name in options.columns.items():
        if role not in _ROLES:
            raise BadInput(f"--columns {role}={name}: {role!r} is no role; one of {', '.join(_ROLES)} is needed")
        if role == "volume" and name.lower() == "none":
            found[role] = ""
        elif name in sheet.columns:
            found[role] = name
        elif name.isdigit() and 1 <= int(name) <= len(names):
            found[role] = names[int(name) - 1]
        else:
            raise BadInput(f"--columns {role}={name}: {sheet.name} has the columns {', '.join(names)}")
    return found


def asked_roles(sheet: Sheet, options: Options) -> Roles | None:
    """Return the roles of a file without header that `--columns` names fully, or None."""
    asked = _asked(sheet, options)
    if not set(PRICES) <= set(asked) or not {"time", "close_time"} & set(asked):
        return None
    return overridden(Roles(times=(), prices={role: asked[role] for role in PRICES}), sheet, options)


def overridden(roles: Roles, sheet: Sheet, options: Options) -> Roles:
    """Return roles read off the values with what `--columns` says in their place."""
    asked = _asked(sheet, options)
    times: dict[str, tuple[str, ...]] = {"times": ()} if "close_time" in asked else {}
    times |= {"times": (asked["time"],)} if "time" in asked else {}
    times |= {"close_times": (asked["close_time"],)} if "close_time" in asked else {}
    named = {role: asked[role] for role in ("symbol", "rate") if role in asked}
    volumes = {"volumes": ((asked["volume"], ""),), "extras": ()} if "volume" in asked else {}
    prices = roles.prices | {role: asked[role] for role in PRICES if role in asked}
    return replace(roles, prices=prices, **times, **named, **volumes)  # type: ignore[arg-type]


def _times(sheet: Sheet) -> tuple[str, ...]:
    """Return what may tell the open times: by name, the column without a name, or an id that counts seconds."""
    found = [name for name in sheet.columns if _is(name, "time") and not _is_other_case(sheet, name)]
    first = next(iter(sheet.columns))
    found = found or ([first] if plain(first) in ("", "price") else [])
    return tuple(found or [name for name in sheet.columns if plain(name) == "id"])


def _close_times(sheet: Sheet) -> tuple[str, ...]:
    found = [name for name in sheet.columns if plain(name) in SPELLINGS["close_time"]]
    return tuple(found + (["T"] if {"t", "T"} <= set(sheet.columns) else []))


def _is_other_case(sheet: Sheet, name: str) -> bool:
    """Whether a letter is the upper-case twin of another column: in streams T is the close of t, L no low."""
    return len(name) == 1 and name.isupper() and name.lower() in sheet.columns


def _volumes(sheet: Sheet) -> tuple[tuple[str, str], ...]:
    found = []
    for name in sheet.columns:
        word = plain(name)
        match = re.fullmatch(r"vol(?:ume)?_([a-z0-9]{2,10})", word)
        if word in SPELLINGS["volume"] and not _is_other_case(sheet, name):
            found.append((name, ""))
        elif match and match[1] not in _NO_COINS:
            found.append((name, match[1].upper()))
    return tuple(found)


def _is(name: str, role: str) -> bool:
    word = plain(name)
    match = UNITS.match(word)
    return word in SPELLINGS[role] or (match is not None and match[1] in SPELLINGS[role])


def _first(sheet: Sheet, role: str) -> str:
    return next((name for name in sheet.columns if plain(name) in SPELLINGS[role]), "")


def _one(sheet: Sheet, found: list[str], role: str) -> str:
    first = found[0]
    for other in found[1:]:
        if not sheet.columns[first].equals(sheet.columns[other]):
            raise BadInput(
                f"{sheet.name}: columns {first!r} and {other!r} may both be the {role} and differ; "
                f"--columns {role}=NAME chooses"
            )
    return first
