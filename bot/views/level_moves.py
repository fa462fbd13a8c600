"""How stop and target of a trade moved: set at its fill, the stop drawn after the best price where it trails.

Read off the account's own minutes by the kernel's rule (`strategies/kernel/exits.py`): a bar's own high never tightens
the stop that its low is held to, so that a move holds from the next minute on.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from bot.values.view import View
from storage.ledger.trades import Trade
from strategies.kernel.arithmetic import farther, nearer
from strategies.market import HIGH, LOW, MINUTE_MS, CandleArray, Market


class LevelMove(View):
    """Where stop and target lie from a time on."""

    ms: int
    stop: float | None
    target: float | None
    reason: Literal["entry", "trail"] = Field(
        description="entry: set at the fill; trail: the price went further for it"
    )


def level_moves(
    trade: Trade, distances: np.void | None, market: Market, minutes: CandleArray, step_ms: int
) -> list[LevelMove]:
    """Return the moves of a trade's levels, ascending.

    Args:
        trade: open or closed.
        distances: the DECISION record that opened it; None: it is not in the ledger, and nothing is known.
        market: its grid.
        minutes: (n, 6) the account's minutes, ascending; those it was held in are looked at.
        step_ms: moves within one such step are told as one, where the step ended.
    """
    if distances is None:
        return []
    side, entry = (1 if trade.side == "LONG" else -1), int(market.ticks(trade.first_price))
    stop, take = (
        int(nearer(entry, int(distances["stop_e8"]), side)),
        int(farther(entry, int(distances["take_e8"]), side)),
    )
    target = float(market.price(take)) if take else None
    moves = [LevelMove(ms=trade.opened_ms, stop=_price(market, stop), target=target, reason="entry")]
    trail_e8 = int(distances["trail_e8"])
    held = minutes[(minutes[:, 0] >= trade.opened_ms) & (minutes[:, 0] < (trade.closed_ms or np.inf))]
    if not trail_e8 or not len(held) or held[0, 0] > trade.opened_ms + MINUTE_MS:
        return moves
    best = entry
    for open_ms, extreme in zip(held[:, 0], held[:, HIGH if side > 0 else LOW], strict=True):
        best = side * max(side * best, side * int(market.ticks(float(extreme))))
        trailing = int(nearer(best, trail_e8, side))
        if trailing and (not stop or side * trailing > side * stop):
            stop, ms = trailing, int(open_ms) + MINUTE_MS
            move = LevelMove(ms=ms, stop=_price(market, stop), target=target, reason="trail")
            is_same_step = moves[-1].reason == "trail" and moves[-1].ms // step_ms == ms // step_ms
            moves = [*moves[:-1], move] if is_same_step else [*moves, move]
    return moves


def _price(market: Market, ticks: int) -> float | None:
    return float(market.price(ticks)) if ticks else None
