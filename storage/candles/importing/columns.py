"""Which column is what: by the names people, exchanges and programs give them, or by what a person said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from storage.candles.importing.sheet import Options, Sheet
from strategies.errors import BadInput

PRICES: Final = ("open", "high", "low", "close")
_WORDS: Final = {
    "time": """
        open_time open_ms time_ms timestamp timestamp_ms ts t date datetime time unix unix_timestamp unix_time epoch
        start_at start_time start open_timestamp time_open timeopen period_start snapped_at candle_begin_time opentime
        dt utc bucket time_period_start funding_time fundingtime calc_time index index_level_0 unnamed_0 begin date_time
        timestamp_s timestamp_us timestamp_ns time_utc kline_open_time startat starttime begins_at candle_date_time_utc
    """,
    "local_time": "local_time time_local date_local candle_date_time_kst",
    "close_time": """
        close_time close_ms time_close timeclose closetime end_time time_period_end end_at kline_close_time
    """,
    "open": "open o open_price price_open first opening_price 1_open openprice first_price",
    "high": "high h high_price price_high max highest 2_high highprice trade_high_price",
    "low": "low l low_price price_low min lowest 3_low lowprice trade_low_price",
    "close": "close c close_price price_close last closing_price 4_close closeprice trade_price",
    "volume": "volume v vol base_volume volume_base volume_traded quantity qty amount basevolume",
    "tick_volume": "tickvol tick_volume tickvolume",
    "quote_volume": """
        quote_volume quote_asset_volume volume_quote turnover quotevolume volume_currency vol_quote vol_ccy_quote value
        quote_vol dollar_volume volccyquote
    """,
    "rate": "funding_rate fundingrate last_funding_rate rate rate_e8 lastfundingrate",
    "symbol": "symbol ticker pair instrument market coin name instid tic product_id crypto",
    "timeframe": "timeframe interval period resolution bar",
}
_SPELLINGS: Final = {role: frozenset(words.split()) for role, words in _WORDS.items()}
_NO_COINS: Final = ("ma", "sma", "ema", "currency", "ccy", "quote", "change", "avg", "24h", "weighted")
_ROLES: Final = ("time", *PRICES, "volume", "symbol", "rate")
_UNITS: Final = re.compile(r"^(.+?)_(usdt|usdc|usd|busd|eur|btc|eth|gbp|jpy|try|utc|gmt|ms|s|us|ns|price|est|cet)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """Column names by role; what the file does not have is empty.

    Attributes:
        times: candidates for the open time, as named.
        local_times: candidates that say they are local.
        close_times: candidates for the close time.
        prices: open, high, low, close by role.
        volumes: candidates for the base volume: (column, coin it is said to count or "").
        tick_volume, quote_volume: counted in price changes, in money.
        symbol, timeframe, rate: of the market, the candle, the funding.
    """

    times: tuple[str, ...]
    local_times: tuple[str, ...] = ()
    close_times: tuple[str, ...] = ()
    prices: dict[str, str]
    volumes: tuple[tuple[str, str], ...] = ()
    tick_volume: str = ""
    quote_volume: str = ""
    symbol: str = ""
    timeframe: str = ""
    rate: str = ""


def needed(roles: Roles) -> set[str]:
    """Return the columns that any role may be read from."""
    volumes = [name for name, _ in roles.volumes]
    single = (roles.tick_volume, roles.quote_volume, roles.symbol, roles.timeframe, roles.rate)
    return {*roles.times, *roles.local_times, *roles.close_times, *roles.prices.values(), *volumes, *single} - {""}


def plain(name: str) -> str:
    """Return a name in lower_snake_case without signs: "Volume (BTC)" is volume_btc."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.strip()).lower()).strip("_")


def named_roles(sheet: Sheet, options: Options) -> Roles:
    """Return the roles that a header gives.

    Raises:
        BadInput: two columns claim one role with different values, or a column that was asked for is not there.
    """
    asked = _asked(sheet, options)
    prices: dict[str, str] = {}
    for role in PRICES:
        found = [name for name in sheet.columns if _is(name, role)]
        exact = [name for name in found if plain(name) == role]
        prices |= {role: asked.get(role) or _one(sheet, exact or found, role)} if found or role in asked else {}
    if "close" not in prices and {"open", "high", "low"} <= set(prices):  # investing.com calls the close "Price"
        named = next((name for name in sheet.columns if plain(name) == "price"), "")
        prices |= {"close": named} if named else {}
    first = next(iter(sheet.columns))
    times = [name for name in sheet.columns if _is(name, "time")] or ([first] if plain(first) in ("", "price") else [])
    return Roles(
        times=(asked["time"],) if "time" in asked else tuple(times),
        local_times=tuple(name for name in sheet.columns if plain(name) in _SPELLINGS["local_time"]),
        close_times=tuple(name for name in sheet.columns if plain(name) in _SPELLINGS["close_time"]),
        prices=prices,
        volumes=((asked["volume"], ""),) if "volume" in asked else _volumes(sheet),
        tick_volume=_first(sheet, "tick_volume"),
        quote_volume=_first(sheet, "quote_volume"),
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
    if not {"time", *PRICES} <= set(asked):
        return None
    return Roles(
        times=(asked["time"],),
        prices={role: asked[role] for role in PRICES},
        volumes=((asked["volume"], ""),) if "volume" in asked else (),
    )


def _volumes(sheet: Sheet) -> tuple[tuple[str, str], ...]:
    found = []
    for name in sheet.columns:
        word = plain(name)
        match = re.fullmatch(r"vol(?:ume)?_([a-z0-9]{2,10})", word)
        if word in _SPELLINGS["volume"]:
            found.append((name, ""))
        elif match and match[1] not in _NO_COINS:
            found.append((name, match[1].upper()))
    return tuple(found)


def _is(name: str, role: str) -> bool:
    word = plain(name)
    match = _UNITS.match(word)
    return word in _SPELLINGS[role] or (match is not None and match[1] in _SPELLINGS[role])


def _first(sheet: Sheet, role: str) -> str:
    return next((name for name in sheet.columns if plain(name) in _SPELLINGS[role]), "")


def _one(sheet: Sheet, found: list[str], role: str) -> str:
    first = found[0]
    for other in found[1:]:
        if not sheet.columns[first].equals(sheet.columns[other]):
            raise BadInput(
                f"{sheet.name}: columns {first!r} and {other!r} may both be the {role} and differ; "
                f"--columns {role}=NAME chooses"
            )
    return first
