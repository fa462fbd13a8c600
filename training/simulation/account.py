"""An account that lives through history in windows, under bundles that follow each other: one kernel run in parts.

Carried from window to window: the account, its positions and orders, and the memory of the bundle that decides. A
swap warms the new bundle's memory on the closes already seen, as the engine does between two account minutes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.kernel.account import AccountState
from strategies.kernel.loop import RunResult
from strategies.kernel.settings import TradingSettings
from training.backtest.decision_path import DecisionPath, decision_path
from training.backtest.run import BacktestResult, begin_account, run_path
from training.backtest.run_candles import RunCandles
from training.monitors.spliced_path import padded
from training.walk_forward.paths import joined, part


@dataclass(slots=True, kw_only=True)
class SimulatedAccount:
    """Trades `candles` window by window.

    Attributes:
        candles: of the whole simulation.
        settings: of the account.
        bundle: active.
    """

    candles: RunCandles
    settings: TradingSettings
    bundle: Bundle
    _state: AccountState | None = None
    _memory: np.ndarray | None = None
    _begun_units: int = 0
    _paths: list[DecisionPath] = field(default_factory=list)
    _runs: list[RunResult] = field(default_factory=list)

    def swap(self, bundle: Bundle) -> None:
        """Let another bundle decide from the next window on."""
        if bundle is not self.bundle:
            self.bundle, self._memory = bundle, None

    def decide(self, window: RunCandles) -> DecisionPath:
        """Return what the bundle makes of a window that follows the last one traded; nothing is traded yet."""
        return decision_path(self.bundle, window, self.settings, self._memory)

    def trade(self, path: DecisionPath, window: RunCandles) -> RunResult:
        """Trade a window, on the decision grid and adjacent to the one before, by the decisions of `decide`."""
        if self._state is None:
            self._state = begin_account(window, self.settings)
            self._begun_units = int(self._state.account["equity"][0])
        self._memory = path.memory
        run = run_path(path, window, self.settings, self._state)
        run.state.memory[:] = path.memory
        self._state = run.state
        run.decisions["voters"], run.decisions["votes"] = path.votes.shape[2], np.nan
        run.decisions["votes"][:, :, : path.votes.shape[2]] = path.votes
        self._paths.append(path)
        self._runs.append(run)
        return run

    def result(self, name: str) -> BacktestResult:
        """Return all windows as one finished run."""
        voters = max(path.votes.shape[2] for path in self._paths)
        first_ms, last_ms = int(self._paths[0].ms[0]), int(self._paths[-1].ms[-1])
        candles = part(self.candles, first_ms - self.candles.timeframe.ms, last_ms)
        return BacktestResult(
            bundle_id=name,
            settings=self.settings,
            candles=candles,
            path=joined([padded(path, voters) for path in self._paths], candles),
            run=RunResult(
                facts=np.concatenate([run.facts for run in self._runs]),
                decisions=np.concatenate([run.decisions for run in self._runs]),
                equity=np.concatenate([run.equity for run in self._runs]),
                exposure=np.concatenate([run.exposure for run in self._runs]),
                state=self._runs[-1].state,
            ),
            initial_units=self._begun_units,
        )
