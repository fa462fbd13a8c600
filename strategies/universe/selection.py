"""Universe selection: who belongs now, and why, one pure decision over what is known of every market at one time.

The largest by traded value come in; a member stays until it falls well below the border, so that two markets of equal
size do not take turns. Whoever is held leaves with its exit, never before. Every market gets a sentence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from strategies.universe.products import product_of, split_symbol
from strategies.universe.settings import UniverseSettings

Step = Literal["stays", "joins", "leaves", "outside"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What is known of a market at one time.

    Attributes:
        quote_volume: median traded value of a day, quote currency; 0: nothing was traded.
        age_d: days since its first candle.
        spread: ask less bid over their middle; None: not known.
        is_trading: the exchange trades it now.
        stated: what the exchange says the product is, "" where it says nothing.
    """

    symbol: str
    quote_volume: float
    age_d: float
    spread: float | None = None
    is_trading: bool = True
    stated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One market's place in a selection.

    Attributes:
        rank: by traded value among those that may be members, from 1; 0: it may not.
        why: a sentence with the numbers that decided.
    """

    symbol: str
    step: Step
    rank: int
    quote_volume: float
    why: str

    @property
    def is_member(self) -> bool:
        return self.step in ("stays", "joins")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The universe at one time.

    Attributes:
        members: largest first; those on the keep-list before all others.
        leaving: no members any more, but held: they stay until their exit.
        verdicts: of every candidate and former member, members first.
    """

    members: tuple[str, ...]
    leaving: tuple[str, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def changes(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.step in ("joins", "leaves"))

    def why(self, symbol: str) -> str:
        """Return the sentence about a market; it is among the candidates or is not known."""
        found = next((verdict.why for verdict in self.verdicts if verdict.symbol == symbol), "")
        return found or f"{symbol} is not known: the exchange does not list it and no candle of it is stored"


def select(
    candidates: Sequence[Candidate],
    settings: UniverseSettings,
    members: Collection[str] = (),
    held: Collection[str] = (),
) -> Selection:
    """Return the universe.

    Args:
        candidates: every market that is known, in any order, each once.
        settings: the rules.
        members: the universe until now; they stay within `hysteresis` x size.
        held: markets with a position or an order that opens one.
    """
    barred = {candidate.symbol: why for candidate in candidates if (why := _barred(candidate, settings, candidates))}
    weak = {
        candidate.symbol: why
        for candidate in candidates
        if candidate.symbol not in barred
        and candidate.symbol not in settings.keep
        and (why := _weak(candidate, settings, candidate.symbol in members))
    }
    able = [candidate for candidate in candidates if candidate.symbol not in barred and candidate.symbol not in weak]
    ranked = sorted(able, key=lambda part: (part.symbol not in settings.keep, -part.quote_volume, part.symbol))
    ranks = {candidate.symbol: place for place, candidate in enumerate(ranked, start=1)}
    chosen = _chosen(ranked, ranks, settings, members)
    verdicts = [
        _verdict(candidate, ranks.get(candidate.symbol, 0), chosen, members, held, settings)
        if candidate.symbol in ranks
        else _refused(candidate, barred.get(candidate.symbol) or weak[candidate.symbol], members, held)
        for candidate in candidates
    ]
    known = {candidate.symbol for candidate in candidates}
    verdicts += [_vanished(symbol, held) for symbol in members if symbol not in known]
    return Selection(
        members=tuple(sorted(chosen, key=ranks.__getitem__)),
        leaving=tuple(sorted(part.symbol for part in verdicts if part.step == "leaves" and part.symbol in held)),
        verdicts=tuple(sorted(verdicts, key=lambda part: (not part.is_member, part.rank or 10**6, part.symbol))),
    )


def _chosen(
    ranked: Sequence[Candidate], ranks: dict[str, int], settings: UniverseSettings, members: Collection[str]
) -> set[str]:
    """Return the kept, then the members within the hysteresis, then the best others, up to the size."""
    border = settings.hysteresis * settings.size
    kept = [part.symbol for part in ranked if part.symbol in settings.keep]
    stay = [part.symbol for part in ranked if part.symbol in members and ranks[part.symbol] <= border]
    chosen = dict.fromkeys([*kept, *stay])
    chosen = dict.fromkeys(list(chosen)[: max(settings.size, len(kept))])
    for symbol in ranks:
        if len(chosen) >= settings.size:
            break
        chosen.setdefault(symbol)
    return set(chosen)


def _barred(candidate: Candidate, settings: UniverseSettings, candidates: Sequence[Candidate]) -> str:
    """Return why a market may never be a member as things are; "" where it may."""
    base, quote = split_symbol(candidate.symbol)
    if candidate.symbol in settings.block:
        return "it is on the block-list"
    if not candidate.is_trading:
        return "the exchange does not trade it now"
    if candidate.symbol in settings.keep:
        return ""
    if quote != settings.quote:
        return f"it is quoted in {quote or 'another currency'}, the account in {settings.quote}"
    bases = {split_symbol(part.symbol)[0] for part in candidates}
    product = product_of(base, bases, candidate.stated)
    if product in settings.exclude:
        named = {"stable": "a stablecoin or pegged", "leveraged": "a leveraged token", "index": "an index"}
        return f"{base} is {named[product]}, which is excluded"
    return ""


def _weak(candidate: Candidate, settings: UniverseSettings, is_member: bool) -> str:
    """Return which threshold a market misses; a member is given the hysteresis there, too."""
    slack = settings.hysteresis if is_member else 1.0
    if candidate.age_d < settings.min_age_d and not is_member:
        return f"it is {candidate.age_d:.0f} days old, {settings.min_age_d:g} are needed"
    least = settings.min_quote_volume / slack
    if candidate.quote_volume < least:
        return (
            f"{_money(candidate.quote_volume)} {settings.quote} a day (median of {settings.volume_days} days), "
            f"{_money(least)} are needed"
        )
    widest = settings.max_spread * slack
    if candidate.spread is not None and candidate.spread > widest:
        return f"its spread is {candidate.spread:.3%}, at most {widest:.3%} is wanted"
    return ""


def _verdict(
    candidate: Candidate,
    rank: int,
    chosen: Collection[str],
    members: Collection[str],
    held: Collection[str],
    settings: UniverseSettings,
) -> Verdict:
    is_member, was = candidate.symbol in chosen, candidate.symbol in members
    step: Step = ("stays" if was else "joins") if is_member else ("leaves" if was else "outside")
    size = settings.size
    worth = f"{_money(candidate.quote_volume)} {settings.quote} a day"
    if candidate.symbol in settings.keep and is_member:
        why = f"it is on the keep-list ({worth})"
    elif is_member and rank > size:
        why = f"rank {rank} of top {size}, {worth}: a member stays until rank {int(settings.hysteresis * size)}"
    elif is_member:
        why = f"rank {rank} of top {size}, {worth}"
    elif step == "leaves":
        why = f"rank {rank}, {worth}: below {settings.hysteresis:g} x {size}, or pushed out{_until(candidate, held)}"
    else:
        why = f"rank {rank}, {worth}: not among the top {size}"
    return Verdict(symbol=candidate.symbol, step=step, rank=rank, quote_volume=candidate.quote_volume, why=why)


def _refused(candidate: Candidate, why: str, members: Collection[str], held: Collection[str]) -> Verdict:
    step: Step = "leaves" if candidate.symbol in members else "outside"
    ending = _until(candidate, held) if step == "leaves" else ""
    return Verdict(
        symbol=candidate.symbol, step=step, rank=0, quote_volume=candidate.quote_volume, why=f"{why}{ending}"
    )


def _vanished(symbol: str, held: Collection[str]) -> Verdict:
    ending = "; it is held and settled at the last price" if symbol in held else ""
    why = f"the exchange does not list it any more{ending}"
    return Verdict(symbol=symbol, step="leaves", rank=0, quote_volume=0.0, why=why)


def _until(candidate: Candidate, held: Collection[str]) -> str:
    return "; it is held, so it leaves with its exit" if candidate.symbol in held else ""


def _money(value: float) -> str:
    for size, unit in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if value >= size:
            return f"{value / size:,.1f} {unit}"
    return f"{value:,.0f}"
