"""Files and folders read to the end before anything is written: which rows go to which market, in one line a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from storage.candles.funding import require_funding
from storage.candles.importing import cleaning, grid
from storage.candles.importing.folders import Found, files_of
from storage.candles.importing.pairs import canonical
from storage.candles.importing.sheet import Options, Sheet
from storage.candles.importing.tables import sheets
from storage.candles.importing.taking import Taken, take
from storage.candles.importing.whose import Wanted
from storage.candles.rows import moment
from storage.candles.store import StoredMarket
from strategies.errors import BadInput
from strategies.market import Timeframe, typed_symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What one market would get.

    Attributes:
        market: where the rows belong; for funding rates its timeframe says nothing.
        content: "candles" or "funding".
        rows: (n, 6) candles or (n, 2) funding, ascending.
        files: names of the files, in the order given.
        lines: one a file: what was taken as what.
        notes: what was done to the rows.
    """

    market: StoredMarket
    content: str
    rows: np.ndarray
    files: tuple[str, ...]
    lines: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def span(self) -> str:
        return f"{moment(self.rows[0, 0])} to {moment(self.rows[-1, 0])}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that would be stored, and the files of a folder that were left aside, each with its reason."""

    parts: tuple[Planned, ...]
    left_aside: tuple[str, ...] = ()


def plan_import(paths: Sequence[Path], exchange: str, wanted: Wanted, options: Options, now_ms: int) -> Plan:
    """Read files and folders.

    Args:
        paths: files, or folders as freqtrade, Jesse and Binance Vision lay them out.
        exchange: whose candles these are; "" is refused, once the files are found to be good.
        wanted: the market that a person named; empty parts are read off the files.
        options: how to read where a file may mean two things.
        now_ms: candles that close later are left out.

    Raises:
        BadInput: something is wrong with a file; the message names it and what to add.
    """
    taken: list[Taken] = []
    aside: list[str] = []
    places: dict[tuple[str, str, Timeframe | None], set[str]] = {}
    for path in paths:
        found = files_of(path) if path.is_dir() else [Found(path=path)]
        for file in found:
            if file.why_not:
                aside.append(f"{file.path.name}: {file.why_not}")
                continue
            if wanted.symbol and file.symbol and typed_symbol(wanted.symbol) != file.symbol:
                aside.append(f"{file.path.name}: {file.symbol}, another market")
                continue
            asked = replace(wanted, symbol=wanted.symbol or file.symbol, kind=wanted.kind or file.kind)
            for sheet in _chosen(sheets(file.path, options), asked.symbol):
                rows = take(sheet, asked, options, now_ms)
                if len(rows.rows):
                    taken.append(rows)
                    places.setdefault((rows.symbol, rows.kind, rows.timeframe), set()).update({file.place} - {""})
    _require_one_exchange(places)
    if not taken:
        names = ", ".join(map(str, paths))
        raise BadInput(f"{names}: no closed candle and no funding rate found; nothing was stored")
    if not exchange:
        raise BadInput(
            "--exchange is needed: which exchange gave these candles? exchange.name is builtin, whose are generated"
        )
    return Plan(parts=tuple(_joined(exchange, taken, options)), left_aside=tuple(aside))


def _chosen(found: list[Sheet], symbol: str) -> list[Sheet]:
    """Return the tables of the market asked for, where a file holds one a market."""
    markets = {canonical(sheet.ticker) for sheet in found if sheet.ticker}
    if len(markets) < 2 or not symbol:
        if len(markets) > 1 and len({sheet.name for sheet in found}) == 1:
            listed = ", ".join(sorted(markets)[:6])
            raise BadInput(f"{found[0].name} holds {len(markets)} markets, {listed}; --symbol chooses one")
        return found
    chosen = [sheet for sheet in found if canonical(sheet.ticker) == canonical(symbol)]
    if not chosen:
        listed = ", ".join(sorted(markets)[:6])
        raise BadInput(f"{found[0].name} holds {len(markets)} markets, {listed}; --symbol says {symbol}")
    return chosen


def _require_one_exchange(places: dict[tuple[str, str, Timeframe | None], set[str]]) -> None:
    """Refuse one market from folders of several exchanges: their candles are not one series."""
    for (symbol, _, _), found in places.items():
        if len(found) > 1:
            raise BadInput(
                f"{symbol} stands in folders of {len(found)} exchanges, {', '.join(sorted(found))}; import the "
                "folder of each with its own --exchange"
            )


def _joined(exchange: str, taken: list[Taken], options: Options) -> list[Planned]:
    groups: dict[tuple[str, str, Timeframe | None], list[Taken]] = {}
    for part in taken:
        groups.setdefault((part.symbol, part.kind or "futures", part.timeframe), []).append(part)
    planned = []
    for (symbol, kind, timeframe), parts in groups.items():
        what = "candles" if timeframe else "funding rates"
        notes = [note if len(parts) == 1 else f"{_short(part.name)}: {note}" for part in parts for note in part.notes]
        rows = parts[0].rows
        if len(parts) > 1:
            rows = np.concatenate([part.rows for part in parts])
            rows = rows[np.argsort(rows[:, 0], kind="stable")]
            rows = cleaning.unique(rows, "between the files", what, options.keep, notes)
        if timeframe and len(parts) > 1:
            grid.require_dense(rows[:, 0], timeframe, options.most_missing, f"{symbol} of {len(parts)} files")
        if timeframe is None:
            require_funding(*rows.T)
        market = StoredMarket(exchange=exchange, symbol=symbol, timeframe=timeframe or Timeframe.H1, kind=kind)
        files, lines = tuple(part.name for part in parts), tuple(f"{_short(part.name)}: {part.line}" for part in parts)
        content = "candles" if timeframe else "funding"
        planned.append(Planned(market=market, content=content, rows=rows, files=files, lines=lines, notes=tuple(notes)))
    return planned


def _short(name: str) -> str:
    return name.rpartition("/")[2]
