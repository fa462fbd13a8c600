"""One sheet taken as candles or funding rates: which column is what, in which unit, of which market, and one line that
says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from storage.candles.importing import cleaning, evidence, grid
from storage.candles.importing import prices as real_prices
from storage.candles.importing.columns import PRICES, Roles, asked_roles, named_roles, overridden
from storage.candles.importing.evidence import Evidence, known_timeframe
from storage.candles.importing.headerless import data_roles
from storage.candles.importing.numbers import decimal_of, numbers
from storage.candles.importing.opens import Opens, open_times
from storage.candles.importing.sheet import Options, Sheet
from storage.candles.importing.volumes import chosen_volume
from storage.candles.importing.whose import Wanted, market_of, rows_of_one_market
from strategies.errors import BadInput
from strategies.market import CLOSE, MINUTE_MS, OPEN, OPEN_MS, VOLUME, CandleArray, Timeframe

_SAMPLE: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Rows of one sheet, ready to be stored.

    Attributes:
        name: of the sheet.
        symbol: canonical, "BTCUSDT".
        kind: "futures", "spot" or "" where nothing says it.
        timeframe: of the candles; None for funding rates.
        rows: (n, 6) candles, ascending, on the grid, or (n, 2) funding: times ms, rates x 1e8.
        line: what was taken as what.
        notes: what was done to the rows.
    """

    name: str
    symbol: str
    kind: str
    timeframe: Timeframe | None
    rows: np.ndarray
    line: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The market that rows are of, and what name and columns say of it; `timeframe` is the one asked for, or ""."""

    symbol: str
    kind: str
    timeframe: str
    evidence: list[Evidence]


def take(sheet: Sheet, wanted: Wanted, options: Options, now_ms: int) -> Taken:
    """Return the rows of a sheet.

    Raises:
        BadInput: it holds something else, another market, or may be read in two ways; the message says what to add.
    """
    said = evidence.from_name(sheet.name)
    _require_trades(said, sheet.name, "name", options)
    decimal = _decimal(sheet, options)
    roles = _roles(sheet, options, decimal)
    sheet, speaking = rows_of_one_market(sheet, roles, wanted)
    if not set(PRICES) <= set(roles.prices):
        _require_trades(speaking, sheet.name, "columns", options)
    try:
        symbol, kind = market_of(sheet, roles, wanted, options, [said, speaking])
    except BadInput:
        _require_a_price(sheet, roles, decimal)  # what is wrong with the rows is said before a name is asked for
        raise
    if said.is_funding or (roles.rate and "open" not in roles.prices):
        return _funding(sheet, roles, symbol, decimal, options)
    named = Named(symbol=symbol, kind=kind, timeframe=wanted.timeframe, evidence=[said, speaking])
    return _candles(sheet, roles, named, options, decimal, now_ms)


def _require_trades(said: Evidence, name: str, where: str, options: Options) -> None:
    if said.not_trades and not options.override_evidence:
        raise BadInput(
            f"{name} holds {said.not_trades} by its {where}, not candles of trades; --override-evidence takes it"
        )


def _decimal(sheet: Sheet, options: Options) -> str:
    cells: list[str] = []
    for column in sheet.columns.values():
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            cells += [cell for cell in column.slice(0, _SAMPLE).to_pylist() if cell and cell[:1].strip("+-").isdigit()]
    cells = [cell for cell in cells if ":" not in cell and cell.count("-") == 0 and cell.count("/") == 0]
    return decimal_of([cell for cell in cells if cell.count(".") <= 1 or "," in cell], sheet.name, options.decimal)


def _roles(sheet: Sheet, options: Options, decimal: str) -> Roles:
    if sheet.has_header:
        return named_roles(sheet, options)
    return asked_roles(sheet, options) or overridden(data_roles(sheet, decimal), sheet, options)


def _require_a_price(sheet: Sheet, roles: Roles, decimal: str) -> None:
    """Refuse rows without any close; rows that are no candles are judged elsewhere."""
    name = roles.prices.get("close")
    if name and np.isnan(numbers(sheet.columns[name], decimal, f"{sheet.name}: column {name}")).all():
        raise BadInput(cleaning.no_price(sheet.name, sheet.rows))


def _candles(sheet: Sheet, roles: Roles, named: Named, options: Options, decimal: str, now_ms: int) -> Taken:
    missing = [role for role in PRICES if role not in roles.prices]
    if missing:
        raise BadInput(
            f"{sheet.name} has no {', '.join(missing)} column: found {', '.join(sheet.columns)}; "
            f"candles need open, high, low and close (--columns {missing[0]}=NAME)"
        )
    notes = list(sheet.notes)
    candles = np.empty((sheet.rows, 6), np.float64, order="F")
    for place, role in enumerate(PRICES, start=OPEN):
        name = roles.prices[role]
        candles[:, place] = numbers(sheet.columns[name], decimal, f"{sheet.name}: column {name}")
    candles = real_prices.from_fixed_point(candles, sheet, roles, notes)
    volume, volume_said = chosen_volume(sheet, roles, named.symbol, decimal, candles[:, CLOSE], options, notes)
    candles[:, VOLUME] = volume
    opens = _opens(sheet, roles, options, named.evidence)
    candles[:, OPEN_MS] = opens.ms
    candles = cleaning.without_empty(candles, sheet.name, notes)
    candles = cleaning.sound(candles, sheet.name, options, notes)
    candles = cleaning.in_order(candles, notes)
    if not options.override_evidence:
        real_prices.require_real(candles, sheet.name)
    timeframe = _timeframe(candles, named, options, sheet.name, opens.closes)
    if opens.closes:
        candles = _opens_of_closes(candles, timeframe, notes)
    elif "time" not in options.columns and opens.name not in ("open_time", "open_ms", "Open time"):
        grid.require_opens(candles[:, OPEN_MS], timeframe, opens.name, sheet.name)
    if opens.is_naive and not options.timezone:
        grid.require_utc(candles[:, OPEN_MS], timeframe, sheet.name)
    candles = cleaning.unique(candles, sheet.name, "candles", options.keep, notes)
    candles = cleaning.on_grid(candles, timeframe, sheet.name, notes)
    cleaning.require_past(candles, timeframe, now_ms, sheet.name, is_naive=opens.is_naive and not options.timezone)
    candles = cleaning.closed(candles, timeframe, now_ms, notes)
    grid.require_dense(candles[:, OPEN_MS], timeframe, options.most_missing, sheet.name)
    columns = ", ".join(f"{role} {roles.prices[role]!r}" for role in PRICES) if not sheet.has_header else ""
    zone = "" if not opens.is_naive or timeframe is Timeframe.D1 else f" (as {options.timezone or 'UTC'})"
    line = f"{sheet.layout}; time {opens.name!r} {opens.said}{zone}; {columns + '; ' if columns else ''}{volume_said}"
    return Taken(
        name=sheet.name,
        symbol=named.symbol,
        kind=named.kind,
        timeframe=timeframe,
        rows=candles,
        line=line,
        notes=tuple(notes),
    )


def _opens(sheet: Sheet, roles: Roles, options: Options, found: list[Evidence]) -> Opens:
    opens = open_times(sheet, roles, options)
    clock = next((part.clock for part in found if part.clock), "")
    if clock and opens.is_naive and not options.timezone:
        raise BadInput(
            f"{sheet.name}: by its name the times are {clock} without an offset; --timezone Etc/GMT+5 says so, "
            "--timezone UTC takes them as they are written"
        )
    cleaning.require_age(opens.ms, opens.name, sheet.name, options)
    return opens


def _timeframe(candles: CandleArray, named: Named, options: Options, name: str, closes: bool) -> Timeframe:
    """Return the timeframe that the steps show; options and evidence must agree with them."""
    times = candles[:, OPEN_MS]
    times = times[np.r_[True, np.diff(times) > 0]]
    step = grid.usual_step(times)
    places = [f"the name {name.rpartition('/')[2]}", "a column"]
    spoken = [(part.timeframe, place) for part, place in zip(named.evidence, places, strict=True)]
    if step is None:
        agreed = evidence.settle(named.timeframe, spoken, "timeframe", "--timeframe", options.override_evidence)
        if not agreed:
            raise BadInput(f"{name} has {len(times)} candle; --timeframe says how long it is")
        return known_timeframe(agreed, name)
    shown = next((frame for frame in Timeframe if frame.ms == step), None)
    if named.timeframe:
        asked = known_timeframe(named.timeframe, "--timeframe")
        if shown is not asked and not _is_sparse(times, asked):
            raise BadInput(f"{name}: candles are {grid.length_of(step)} apart, {asked.value} was asked")
        shown = asked
    if shown is None:
        raise BadInput(f"{name}: candles are {grid.length_of(step)} apart; one of {', '.join(Timeframe)} is needed")
    other = next(((said, place) for said, place in spoken if said and said != shown.value), None)
    if other and not options.override_evidence:
        raise BadInput(
            f"{name}: {other[1]} says timeframe {other[0]}, but the candles are {shown.value} apart; "
            "--override-evidence takes them as they are"
        )
    return shown


def _is_sparse(times: np.ndarray, timeframe: Timeframe) -> bool:
    """Whether times lie on a timeframe's grid with its own step among them: bars without trades were left out."""
    steps = np.diff(times)
    return bool((steps % timeframe.ms == 0).all() and (steps == timeframe.ms).mean() > 0.05)


def _opens_of_closes(candles: CandleArray, timeframe: Timeframe, notes: list[str]) -> CandleArray:
    shifted = candles.copy()
    shifted[:, OPEN_MS] = np.ceil(candles[:, OPEN_MS] / MINUTE_MS) * MINUTE_MS - timeframe.ms
    notes.append(f"times were closes; opens are {timeframe.value} earlier")
    return shifted


def _funding(sheet: Sheet, roles: Roles, symbol: str, decimal: str, options: Options) -> Taken:
    """Return funding rates; freqtrade keeps them in the open column of candles."""
    name = roles.rate or roles.prices.get("open", "")
    if not name:
        raise BadInput(f"{sheet.name} has no rate column: found {', '.join(sheet.columns)}")
    others = [roles.prices[role] for role in ("high", "low", "close") if role in roles.prices]
    if not roles.rate and any(
        np.nan_to_num(numbers(sheet.columns[other], decimal, sheet.name)).any() for other in others
    ):
        raise BadInput(
            f"{sheet.name} holds candles of funding rates, whose settled rate is in doubt; --columns rate=NAME "
            "says which column was paid"
        )
    opens = open_times(sheet, roles, options)
    rates = numbers(sheet.columns[name], decimal, f"{sheet.name}: column {name}")
    rates = rates if name.lower().endswith("_e8") else np.rint(rates * 1e8)
    wrong = ~np.isfinite(opens.ms) | ~np.isfinite(rates)
    if wrong.any():
        raise BadInput(
            f"{sheet.name}: {wrong.sum()} of {len(wrong)} rows have no time or no rate, "
            f"the first is row {wrong.argmax() + 1}"
        )
    notes = list(sheet.notes)
    on_minute = (opens.ms + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS
    rows = cleaning.in_order(np.column_stack([on_minute, rates]), notes)
    rows = cleaning.unique(rows, sheet.name, "funding rates", options.keep, notes)
    line = f"{sheet.layout}; funding; time {opens.name!r} {opens.said}; rate {name!r}"
    return Taken(
        name=sheet.name, symbol=symbol, kind="futures", timeframe=None, rows=rows, line=line, notes=tuple(notes)
    )
