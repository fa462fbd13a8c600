"""The levels an agent may choose from: how large the book is, how wide its no-trade band, from where a view counts.

A choice is the fixed rule with one to three of its numbers changed; the choice `DEFAULT` changes none, to the last bit.
Knows nothing of networks, rewards or days.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np

from strategies.kernel.books import Scores
from strategies.kernel.settings import TradingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How the scores are followed until the next choice.

    Attributes:
        gross: the book's volatility target times this; 0: everything is closed.
        band: the no-trade band, a share of a full position; None: as the fixed rule has it.
        least: |conviction| below which a market is not wanted, so that what is held there goes when the band lets it;
            0: every conviction counts.
    """

    gross: float = 1.0
    band: float | None = None
    least: float = 0.0

    @property
    def name(self) -> str:
        """What it changes, as people read it."""
        parts = [f"gross {self.gross:g}"] if self.gross != 1.0 else []
        parts += [f"band {self.band:g}"] if self.band is not None and self.gross else []
        parts += [f"exit {self.least:g}"] if self.least and self.gross else []
        return ", ".join(parts) or "fixed rule"

    def settings(self, fixed: TradingSettings) -> TradingSettings:
        """Return the account's settings under this choice; costs stay what they are."""
        band = fixed.decision.exposure_band if self.band is None else self.band
        decision = fixed.decision.model_copy(update={"exposure_band": band if self.gross else 0.0})
        target = fixed.risk.target_volatility * (self.gross or 1.0)
        risk = fixed.risk.model_copy(update={"target_volatility": target})
        return fixed.model_copy(update={"decision": decision, "risk": risk})

    def scores(self, said: Scores) -> Scores:
        """Return what the kernel is told in the place of (d, M) scores. Markets without a score stay without one."""
        if self.gross and not self.least:
            return said
        weak = np.abs(said.conviction) < self.least if self.gross else np.isfinite(said.conviction)
        return said._replace(conviction=np.where(weak, 0.0, said.conviction))


GROSS: Final = (0.0, 0.5, 1.0, 1.5)
BANDS: Final = (0.2, None, 0.5)
LEAST: Final = (0.0, 0.35, 0.7)
SHAPE: Final = (len(GROSS), len(BANDS), len(LEAST))
DEFAULT: Final = (2, 1, 0)


def choice_of(action: np.ndarray | tuple[int, int, int]) -> Choice:
    """Return the choice of an action: the numbers of its three levels."""
    gross, band, least = (int(number) for number in action)
    return Choice(gross=GROSS[gross], band=BANDS[band], least=LEAST[least])


def actions() -> list[tuple[int, int, int]]:
    """Return every action that differs from the others, the default first: a closed book has no band and no exit."""
    every = [(gross, band, least) for gross, band, least in product(*map(range, SHAPE))]
    kept = [action for action in every if GROSS[action[0]] or action[1:] == DEFAULT[1:]]
    return [DEFAULT, *(action for action in kept if action != DEFAULT)]
