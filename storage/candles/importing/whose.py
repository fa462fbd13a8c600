"""Whose rows a sheet holds: one market, one timeframe, one exchange, in the money of the market."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from storage.candles.importing import evidence
from storage.candles.importing import prices as real_prices
from storage.candles.importing.columns import Roles
from storage.candles.importing.evidence import Evidence
from storage.candles.importing.numbers import texts
from storage.candles.importing.pairs import canonical
from storage.candles.importing.sheet import Options, Sheet
from storage.candles.importing.words import plain
from strategies.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which market a person asked for; empty: what the file says."""

    symbol: str = ""
    timeframe: str = ""
    kind: str = ""


def rows_of_one_market(sheet: Sheet, roles: Roles, wanted: Wanted) -> tuple[Sheet, Evidence]:
    """Return the rows of one market and timeframe, and what its columns say; several need an option that chooses."""
    places = _values(sheet, roles.exchange)
    if len(places) > 1:
        raise BadInput(
            f"{sheet.name} holds candles of {len(places)} exchanges, {', '.join(sorted(places)[:6])} (column "
            f"{roles.exchange!r}): split the file, each exchange is imported by itself"
        )
    symbols = [value for value in _values(sheet, roles.symbol) if any(sign.isalpha() for sign in value)]
    if len(symbols) > 1:
        chosen = canonical(wanted.symbol)
        sheet, symbols = _rows_of(sheet, roles.symbol, symbols, chosen, canonical, "markets", "--symbol")
    frames = _values(sheet, roles.timeframe)
    frames = frames if all(evidence.from_columns([], [value], []).timeframe for value in frames) else []
    if len(frames) > 1:
        sheet, frames = _rows_of(sheet, roles.timeframe, frames, wanted.timeframe, _frame, "timeframes", "--timeframe")
    kind = "futures" if any("futures" in place.lower() or "perpetual" in place.lower() for place in places) else ""
    said = evidence.from_columns([sheet.ticker] if sheet.ticker else symbols, frames, [plain(n) for n in sheet.columns])
    return sheet, replace(said, kind=said.kind or kind)


def _frame(text: str) -> str:
    return evidence.from_columns([], [text], []).timeframe or text


def _rows_of(
    sheet: Sheet, column: str, values: list[str], wanted: str, reading: Callable[[str], str], what: str, option: str
) -> tuple[Sheet, list[str]]:
    """Return the rows where a column holds what is wanted; BadInput when nothing or something else is."""
    spoken = sorted({reading(value) for value in values})
    if wanted not in spoken:
        raise BadInput(f"{sheet.name} holds {len(spoken)} {what}, {', '.join(spoken[:6])}; {option} chooses one")
    chosen = [value for value in values if reading(value) == wanted]
    kept = pc.is_in(texts(sheet.columns[column]), pa.array(chosen))
    columns = {name: cells.filter(kept) for name, cells in sheet.columns.items()}
    note = f"took the rows of {chosen[0]}, one of {len(values)} {what} in the file"
    return replace(sheet, columns=columns, notes=(*sheet.notes, note)), chosen


def _values(sheet: Sheet, name: str) -> list[str]:
    if not name:
        return []
    found = pc.unique(texts(sheet.columns[name])).to_pylist()
    return [str(value) for value in found if value]


def market_of(sheet: Sheet, roles: Roles, wanted: Wanted, options: Options, found: list[Evidence]) -> tuple[str, str]:
    places = [f"the name {sheet.name.rpartition('/')[2]}", f"a column of {sheet.name.rpartition('/')[2]}"]
    symbols = [(part.symbol, place) for part, place in zip(found, places, strict=True)]
    symbol = evidence.settle(canonical(wanted.symbol), symbols, "symbol", "--symbol", options.override_evidence)
    if not symbol:
        raise BadInput(f"{sheet.name} does not say which market it is of; --symbol BTCUSDT says it")
    for name, coin in roles.volumes:
        if coin and not (symbol.startswith(coin) or symbol.endswith(coin)) and not options.override_evidence:
            raise BadInput(f"{sheet.name} counts volume in {coin} (column {name!r}); {symbol} was asked")
    for part, place in zip(found, places, strict=True):
        if part.coin and not symbol.startswith(part.coin) and not options.override_evidence:
            raise BadInput(f"{place} says {part.coin}, {symbol} was asked; --override-evidence takes it anyway")
    if not options.override_evidence:
        real_prices.require_currency(sheet, roles, symbol)
    kinds = [(part.kind, place) for part, place in zip(found, places, strict=True)]
    kind = evidence.settle(wanted.kind, kinds, "market kind", "--market", options.override_evidence)
    return symbol, kind
