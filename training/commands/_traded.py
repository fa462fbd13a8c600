"""Traded markets of a batch command: those named, those of the configuration, or the universe as it was then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.candles.market_book import fitting_market, recorded_markets
from storage.candles.resampled import market_in_store, span_of_any
from storage.candles.store import CandleStore
from storage.candles.universe import read_turnovers
from storage.config.tree import Config
from storage.cron import cron_times
from strategies.errors import BadInput, DataGap, SigmaError
from strategies.market import DAY_MS, Market, Timeframe, UnsupportedMarket, typed_symbol
from strategies.universe.members import Members, members_over
from strategies.universe.settings import UniverseSettings
from training.backtest.coverage import moment
from training.runtime.progress import say

MOST_LINES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a command was asked for.

    Attributes:
        exchange: whose candles.
        symbols: comma separated; None: those of the configuration, a list or the universe.
        universe: "top", "top:40" or "list"; None: as configured.
    """

    exchange: str
    symbols: str | None = None
    universe: str | None = None

    @property
    def names(self) -> list[str]:
        """The symbols that are named."""
        return [typed_symbol(name) for name in (self.symbols or "").split(",") if name.strip()]


def universe_rules(config: Config, asked: Asked) -> UniverseSettings | None:
    """Return the rules by which markets are chosen; None: they are named.

    Raises:
        BadInput: `universe` cannot be read, or stands beside symbols.
    """
    word, _, number = (asked.universe or "").partition(":")
    if asked.names:
        if word not in ("", "list"):
            raise BadInput(f"both symbols and --universe {asked.universe} are given; one of them is needed")
        return None
    if not asked.universe:
        return config.universe if config.universe_is_top and asked.exchange == config.exchange.name else None
    if word == "list" and not number:
        return None
    if word != "top" or (number and not (number.isdigit() and 1 <= int(number) <= 500)):
        raise BadInput(f"--universe is {asked.universe!r}; list, top or top:1 to top:500 is needed")
    return config.universe.model_copy(update={"size": int(number) if number else config.universe.size})


def universe_between(
    store: CandleStore, config: Config, asked: Asked, start_ms: int | None, end_ms: int | None
) -> Members | None:
    """Return who was a member when, from stored candles as known then; None where markets are named.

    Args:
        start_ms, end_ms: of the run; None: as far as candles are stored.

    Raises:
        BadInput: no stored market ever passed the rules.
    """
    rules = universe_rules(config, asked)
    if rules is None:
        return None
    kind = config.exchange.market
    turnovers = read_turnovers(store, asked.exchange, kind)
    if not turnovers:
        raise DataGap(f"no candles of {asked.exchange} are stored; sigma data download --universe brings some")
    first_ms = min(part.first_ms for part in turnovers) + round(rules.min_age_d * DAY_MS)
    last_ms = max(part.end_ms for part in turnovers)
    begin, end = max(start_ms or first_ms, first_ms), end_ms or last_ms
    if end < begin:
        raise BadInput(
            f"none of {len(turnovers)} stored markets ever passed [universe] by {moment(end)}: the first is old enough "
            f"(min_age_d {rules.min_age_d:g}) at {moment(begin)}"
        )
    times = [begin, *cron_times(rules.refresh_cron, begin, max(end, begin + 1))]
    found = members_over(turnovers, rules, times)
    if not found.ever:
        first = found.selections[-1].verdicts[0]
        raise BadInput(
            f"none of {len(turnovers)} stored markets ever passed [universe]; {first.symbol}: {first.why}; name "
            "--symbols, or ease min_age_d and min_quote_volume"
        )
    changes = sum(verdict.step == "leaves" for _, verdict in found.changes)
    say(
        f"universe: top {rules.size} by {rules.volume_days} days of traded value, as known then: {len(found.ever)} of "
        f"{len(turnovers)} stored markets were members {moment(begin)[:10]} to {moment(end)[:10]}, {changes} left"
    )
    return found


def universe_symbols(config: Config, asked: Asked, end_ms: int | None) -> tuple[str, Members | None]:
    """Return who was ever a member, comma separated, and when; "" and None where markets are named.

    Raises:
        BadInput: as for `universe_between`.
    """
    found = universe_between(CandleStore(config.data.directory), config, asked, None, end_ms)
    return ("", None) if found is None else (",".join(found.ever), found)


def named_symbols(config: Config, asked: Asked, universe: Members | None) -> list[str]:
    """Return the symbols in the order named, or the members in the order of their coming.

    Raises:
        BadInput: a symbol is named twice.
    """
    if universe is not None:
        return list(universe.ever)
    names = asked.names or list(config.exchange.symbols)
    if len(set(names)) != len(names):
        raise BadInput(f"symbols {', '.join(names)} name a market twice; each is needed once")
    return names


def stored_markets(
    store: CandleStore, config: Config, exchange: str, symbols: str | Sequence[str], timeframe: Timeframe
) -> tuple[Market, ...]:
    """Return the markets in the order named, as recorded, or else inferred from their candles.

    One of several that cannot be traded is left out and said; a book is never refused for one market.

    Raises:
        BadInput: a symbol is named twice.
        DataGap: nothing is stored of any.
    """
    kind = config.exchange.market
    named = symbols if isinstance(symbols, str) else ",".join(symbols)
    names = named_symbols(config, Asked(exchange=exchange, symbols=named), None)
    recorded = {market.symbol: market for market in recorded_markets(store.root, exchange, kind)}
    markets, inferred, refused = [], [], []
    for name in names:
        try:
            market, is_known = (
                (recorded[name], True) if name in recorded else (market_in_store(store, exchange, name, kind))
            )
            if not span_of_any(store, market, timeframe).rows:
                raise DataGap(_nothing_of(store, exchange, name, timeframe, kind))
        except (SigmaError, UnsupportedMarket) as error:
            if len(names) == 1:
                raise error if isinstance(error, SigmaError) else BadInput(str(error)) from error
            refused.append((name, error))
            continue
        if is_known:
            market = _fitting(store, market, timeframe)
        markets.append(market)
        inferred += [] if is_known else [market]
    _say_inferred(inferred)
    _say_refused(refused, bool(markets))
    return tuple(markets)


def usable_symbols(
    store: CandleStore,
    exchange: str,
    names: Sequence[str],
    timeframe: Timeframe,
    kind: str,
    until_ms: int | None = None,
) -> tuple[str, ...]:
    """Return those of the symbols that have candles, and say which have none; all of them where none has.

    Args:
        until_ms: only candles that close by then count; None: all.
    """
    first_ms: dict[str, int] = {}
    for market in store.markets(exchange):
        if market.kind == kind and market.timeframe.ms <= timeframe.ms and market.symbol in names:
            begins_ms = store.coverage(exchange, market.symbol, market.timeframe, kind).first_ms or 0
            first_ms[market.symbol] = min(begins_ms, first_ms.get(market.symbol, begins_ms))
    missing = [name for name in names if name not in first_ms]
    later = [name for name in first_ms if until_ms is not None and first_ms[name] + timeframe.ms > until_ms]
    usable = tuple(name for name in names if name in first_ms and name not in later)
    if usable and missing:
        wanted = f"no candles of {timeframe.value} or finer are stored of them"
        say(f"left out, for {wanted}: {', '.join(missing[:MOST_LINES])}{_more(missing)}")
    if usable and later:
        say(f"left out, for they begin only later: {', '.join(later[:MOST_LINES])}{_more(later)}")
    return usable or tuple(names)


def _fitting(store: CandleStore, market: Market, timeframe: Timeframe) -> Market:
    """Return the market on a grid that its older prices lie on, too."""
    fitting = fitting_market(market, store.read(market.exchange, market.symbol, timeframe, market.kind).candles)
    if fitting is not market:
        say(f"{market.symbol}: older prices have more digits than tick {market.tick}; {fitting.tick} is used")
    return fitting


def _say_inferred(markets: Sequence[Market]) -> None:
    if len(markets) > MOST_LINES:
        say(f"{len(markets)} markets have no stored specification; ticks and lots are inferred from their candles")
        return
    for market in markets:
        say(
            f"{market.symbol}: no specification stored, tick {market.tick} and lot {market.lot} inferred from its "
            "candles"
        )


def _say_refused(refused: Sequence[tuple[str, Exception]], others: bool) -> None:
    if refused and not others:
        name, error = refused[0]
        raise DataGap(f"none of {len(refused)} markets can be traded; {name}: {error}") from error
    for name, error in refused[:MOST_LINES]:
        say(f"{name} is left out: {error}")
    if len(refused) > MOST_LINES:
        say(f"… and {len(refused) - MOST_LINES} more are left out")


def _nothing_of(store: CandleStore, exchange: str, name: str, timeframe: Timeframe, kind: str) -> str:
    frames = [part.timeframe.value for part in store.markets(exchange) if (part.symbol, part.kind) == (name, kind)]
    if not frames:
        return f"{exchange}:{name}:{kind} has neither a specification nor candles to infer it from"
    return f"{exchange}:{name}:{kind} is stored as {', '.join(frames)}; {timeframe.value} cannot be made of that"


def _more(names: Sequence[str]) -> str:
    return f" and {len(names) - MOST_LINES} more" if len(names) > MOST_LINES else ""
