"""The no-trade band of exposure mode: how far a position may stray from its target before it pays to trade.

A target that moves and a cost for every unit traded make a band (Davis & Norman 1990): inside it nothing is done, and
where costs are proportional a change ends at its edge. Its half width grows with the cube root of what a trade costs
over what a full position is expected to earn (Martin & Schoneborn 2011). Compiled leaves of `decisions.decide`.
"""

from __future__ import annotations

from typing import Final

from strategies.kernel.compiled import Record, compiled

WIDEST: Final = 1.0  # of a full position


@compiled
def exposure_band(rule: Record, row: Record) -> float:
    """Return the half width of the no-trade band, a share of a full position.

    Args:
        rule: the RULES record.
        row: a DECISION record: conviction, expected return and cost of a round trip. Where no return is expected, as
            of a rule, the band is the least one.
    """
    least: float = rule.exposure_band
    strength = abs(row.conviction)
    if not rule.exposure_costs > 0.0 or not strength > 0.0:
        return least
    full: float = abs(row.expected_return) * rule.enter / strength  # it is linear in the conviction
    if not full > 0.0:  # also NaN
        return WIDEST if full == 0.0 else least
    width: float = rule.exposure_costs * (row.cost / full) ** (1.0 / 3.0)
    return max(least, min(WIDEST, width))


@compiled
def exposure_goal(rule: Record, conviction: float, band: float, full: int, planned: int) -> int:
    """Return the signed lots to hold: those planned inside the band, else where the change ends.

    Args:
        rule: the RULES record; a step of 1 ends at the target, of 0 at the edge of the band.
        conviction: finite, unit deviations.
        band: half width, a share of `full`.
        full: lots of a full position, >= 0.
        planned: signed lots held, or ordered.
    """
    short_of = (1.0 - rule.exposure_step) * band
    most = 1.0 + short_of  # so that the strongest conviction ends at a full position
    target = int(min(max(conviction / rule.enter, -most), most) * full)
    if abs(target - planned) <= band * full:
        return planned
    rest = int(short_of * full)
    return target - rest if target > planned else target + rest
