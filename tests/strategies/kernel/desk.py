"""A small account at a decision close, for tests of deciding and sizing: say what differs, decide, look."""

from __future__ import annotations

from typing import Any

import numpy as np

from strategies.kernel.account import AccountState
from strategies.kernel.books import Scores
from strategies.kernel.decisions import decide
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import DECISION, FACT
from tests.builders import START_MS, market


class Desk:
    """M equal markets at 100.00 (tick 0.01, lot 0.001), an account of 10,000 quote that opens and closes, and otherwise
    the shipped settings, or others.
    """

    def __init__(self, *, markets: int = 1, **sections: Any) -> None:
        decision = {"mode": "discrete"} | sections.pop("decision", {})
        self.settings = TradingSettings.model_validate({**sections, "decision": decision})
        self.rules = self.settings.rules()
        self.markets = self.settings.market_records([market(f"M{index}") for index in range(markets)])
        self.state = AccountState.begin(markets=markets, deposit=10_000 * 10**8, start_ms=START_MS)
        self.state.positions["mark"] = 10_000
        self.facts = np.zeros(100, FACT)
        self.count = 0
        self.decisions = np.zeros(markets, DECISION)

    def hold(self, lots: int, index: int = 0) -> None:
        """Put a position in place, paid for in cash."""
        self.state.positions["lots"][index] = lots
        self.state.account["cash"] -= lots * 10_000 * self.markets["unit_value"][index]

    def decide(self, *conviction: float, late: bool = False, ms: int = START_MS, **inputs: Any) -> np.void:
        """Decide with these convictions (M of them); return the first market's decision."""
        n = len(conviction)
        filled = {name: np.full(n, inputs.get(name, default)) for name, default in _INPUTS.items()}
        expected = filled.pop("expected_return") * np.array(conviction)
        not_ready = np.full(n, bool(inputs.get("not_ready", False)))
        self.count = decide(
            self.state.books(self.markets, self.rules, self.facts),
            Scores(np.array(conviction), expected, **filled, not_ready=not_ready),
            late,
            ms,
            self.decisions,
            0,
        )
        return self.decisions[0]


_INPUTS = {"expected_return": 0.01, "sigma": 0.005, "volatility": 0.6, "agreement": 0.0, "strength": np.nan}
