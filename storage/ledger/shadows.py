"""Shadow tests: bundles that are watched beside the one that decides, what each expected, what came, the evidence.

The e-process and the outcomes it was made of are written in one transaction: neither knows what the other does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, RowMapping, func, select

from storage.ledger.database import reading, writing
from storage.ledger.tables import shadow_expectation, shadow_test
from strategies.oversight.e_process import EProcess
from strategies.oversight.shadow_rules import Role

NOTHING: Final = "nothing"  # who expects no return of anything
FEWEST: Final = 30  # outcomes under which a correlation says nothing
ROUNDING: Final = 1e-12  # share of a sum of squares that is rounding, not spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """One bundle watched beside the champion. `ended_ms` is None while it goes on."""

    bundle_id: str
    started_ms: int
    role: Role
    champion_id: str
    evidence: EProcess
    ended_ms: int | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a watched bundle and the one that decided expected of one close; all in scaled forward returns.

    Attributes:
        open_ms: of the decision's candle.
        sigma: deviation of a candle's log return, known at its close.
        came: None until it is known, and for ever where candles are missing.
    """

    open_ms: int
    market: int
    champion_id: str
    expected: float
    champion_expected: float
    sigma: float
    came: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the settled expectations of a shadow test come to.

    Attributes:
        outcomes: how many are known; those lost in a gap are not.
        newest_ms: open of the newest settled decision's candle; None: none is settled.
        ic: correlation of what the watched bundle expected with what came; None under `FEWEST` outcomes.
        champion_ic: the same of the one that decided.
    """

    outcomes: int
    newest_ms: int | None
    ic: float | None
    champion_ic: float | None


class Shadows:
    """The shadow tests of one account."""

    def __init__(self, database: Engine, account_id: int) -> None:
        self._database = database
        self._account_id = account_id

    def begin(self, begun: Shadow) -> None:
        """Write a new shadow test."""
        with writing(self._database) as connection:
            row = self._key(begun) | {"role": begun.role, "champion_id": begun.champion_id}
            connection.execute(shadow_test.insert().values(row | {"evidence": begun.evidence.to_json()}))

    def end(self, ended: Shadow, ended_ms: int, outcome: str) -> None:
        """Write how a shadow test ended."""
        with writing(self._database) as connection:
            connection.execute(
                shadow_test.update().where(*self._where(shadow_test, ended)).values(ended_ms=ended_ms, outcome=outcome)
            )

    def all(self, *, running: bool = False) -> list[Shadow]:
        """Return all shadow tests, or those that go on, oldest first."""
        query = (
            select(shadow_test).where(shadow_test.c.account_id == self._account_id).order_by(shadow_test.c.started_ms)
        )
        if running:
            query = query.where(shadow_test.c.ended_ms.is_(None))
        with reading(self._database) as connection:
            return [_shadow(row) for row in connection.execute(query).mappings()]

    def expect(self, of: Shadow, expectations: Sequence[Expectation]) -> None:
        """Write what was expected at a close; a close that is there already stays as it is."""
        with writing(self._database) as connection:
            known = self._markets_at(connection, of, {part.open_ms for part in expectations})
            rows = [
                self._key(of)
                | {
                    "open_ms": part.open_ms,
                    "market": part.market,
                    "champion_id": part.champion_id,
                    "expected": part.expected,
                    "champion_expected": part.champion_expected,
                    "sigma": part.sigma,
                    "matured": False,
                }
                for part in expectations
                if (part.open_ms, part.market) not in known
            ]
            if rows:
                connection.execute(shadow_expectation.insert(), rows)

    def open_expectations(self, of: Shadow) -> list[Expectation]:
        """Return the expectations whose outcome is not settled yet, in order."""
        return self._expectations(of, matured=False)

    def matured(self, of: Shadow) -> list[Expectation]:
        """Return the expectations that are settled, in order; `came` is None for those lost in a gap."""
        return self._expectations(of, matured=True)

    def mature(self, of: Shadow, settled: Sequence[Expectation], evidence: EProcess) -> None:
        """Write outcomes and the evidence after them, together."""
        with writing(self._database) as connection:
            for part in settled:
                where = (
                    *self._where(shadow_expectation, of),
                    shadow_expectation.c.open_ms == part.open_ms,
                    shadow_expectation.c.market == part.market,
                )
                connection.execute(shadow_expectation.update().where(*where).values(came=part.came, matured=True))
            connection.execute(
                shadow_test.update().where(*self._where(shadow_test, of)).values(evidence=evidence.to_json())
            )

    def tally(self, of: Shadow) -> Tally:
        """Return what a shadow test's settled expectations come to, summed by the database."""
        x, y, came = shadow_expectation.c.expected, shadow_expectation.c.champion_expected, shadow_expectation.c.came
        products = (x, x * x, x * came, y, y * y, y * came, came, came * came)
        known = [func.sum(product).filter(came.is_not(None)) for product in products]
        query = select(func.count(came), func.max(shadow_expectation.c.open_ms), *known)
        with reading(self._database) as connection:
            row = connection.execute(
                query.where(*self._where(shadow_expectation, of), shadow_expectation.c.matured)
            ).one()
        count, newest_ms, *sums = row
        if count < FEWEST:
            return Tally(outcomes=count, newest_ms=newest_ms, ic=None, champion_ic=None)
        sum_x, sum_xx, sum_xc, sum_y, sum_yy, sum_yc, sum_c, sum_cc = map(float, sums)
        return Tally(
            outcomes=count,
            newest_ms=newest_ms,
            ic=_correlation(count, sum_x, sum_xx, sum_c, sum_cc, sum_xc),
            champion_ic=_correlation(count, sum_y, sum_yy, sum_c, sum_cc, sum_yc),
        )

    def _expectations(self, of: Shadow, *, matured: bool) -> list[Expectation]:
        query = select(shadow_expectation).where(
            *self._where(shadow_expectation, of), shadow_expectation.c.matured == matured
        )
        with reading(self._database) as connection:
            rows = (
                connection.execute(query.order_by(shadow_expectation.c.open_ms, shadow_expectation.c.market))
                .mappings()
                .all()
            )
        names = Expectation.__dataclass_fields__
        return [Expectation(**{name: row[name] for name in names}) for row in rows]

    def _markets_at(self, connection: Connection, of: Shadow, opens: set[int]) -> set[tuple[int, int]]:
        query = select(shadow_expectation.c.open_ms, shadow_expectation.c.market)
        rows = connection.execute(
            query.where(*self._where(shadow_expectation, of), shadow_expectation.c.open_ms.in_(opens))
        )
        return {(row.open_ms, row.market) for row in rows}

    def _key(self, of: Shadow) -> dict[str, Any]:
        return {"account_id": self._account_id, "bundle_id": of.bundle_id, "started_ms": of.started_ms}

    def _where(self, table: Any, of: Shadow) -> tuple[Any, ...]:
        return tuple(table.c[name] == value for name, value in self._key(of).items())


def _correlation(count: int, sum_x: float, sum_xx: float, sum_y: float, sum_yy: float, sum_xy: float) -> float | None:
    """Return Pearson's correlation of sums; None where one side never varied."""
    spread_x, spread_y = sum_xx - sum_x**2 / count, sum_yy - sum_y**2 / count
    if not (spread_x > ROUNDING * sum_xx and spread_y > ROUNDING * sum_yy):
        return None
    return (sum_xy - sum_x * sum_y / count) / math.sqrt(spread_x * spread_y)


def _shadow(row: RowMapping) -> Shadow:
    return Shadow(
        bundle_id=row["bundle_id"],
        started_ms=row["started_ms"],
        role=row["role"],
        champion_id=row["champion_id"],
        evidence=EProcess.from_json(row["evidence"]),
        ended_ms=row["ended_ms"],
        outcome=row["outcome"],
    )
