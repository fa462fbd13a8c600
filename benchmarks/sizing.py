"""Does an agent size the book better than the rule? PPO over the blended scores, with the kernel as its world.

    python -m benchmarks.sizing --trade SYMBOL,SYMBOL,… [--steps 40000] [--seeds 3]

Every day the agent sees the whole book (convictions, volatility, what is held, drawdown) and chooses how much of the
usual risk is taken and how wide the no-trade band is; the kernel trades the day in exposure mode. It learns on the
first group of coins in the first half of the days, and is judged beside the fixed rule on the other coins in the second
half, on the same days. Stable-Baselines3's PPO, small network, daily decisions.
"""

from __future__ import annotations

from typing import Any, Final

import gymnasium
import numpy as np
from stable_baselines3 import PPO

from benchmarks.book import EXPOSURE, Half, add_panel, half_of, walked_panel
from benchmarks.figures import parser
from strategies.kernel import loop
from strategies.kernel.account import AccountState
from strategies.kernel.books import Scores
from strategies.kernel.settings import TradingSettings
from strategies.market import DAY_MS
from training.backtest.run import Stress, begin_account, stressed
from training.ensemble.removal import removal_of

RISKS: Final = (0.5, 0.75, 1.0, 1.25, 1.5)  # of the usual risk; the third is the rule's
BANDS: Final = (0.2, 0.3, 0.45)
RULE: Final = 2 * len(BANDS) + 1  # the action that the fixed rule is
EPISODE_D: Final = 90
SEEN: Final = 10
Days = tuple[int, int]  # first and end, of the run


class BookEnv(gymnasium.Env[np.ndarray, np.int64]):
    """One account over a group of coins; a step is a day of hourly decisions in the kernel.

    Args:
        half: the coins, their scores and candles.
        settings: traded by; the agent scales the risk and chooses the band.
        days: that episodes lie in.
        seed: of where they begin.
    """

    def __init__(self, half: Half, settings: TradingSettings, days: Days, seed: int = 0) -> None:
        self.action_space = gymnasium.spaces.Discrete(len(RISKS) * len(BANDS))
        self.observation_space = gymnasium.spaces.Box(-5.0, 5.0, (SEEN,), np.float32)
        self._half, self._settings, self._days = half, settings, days
        self._rng = np.random.default_rng(seed)
        self._bars = DAY_MS // half.candles.bar.ms
        names = [market.symbol for market in half.candles.markets]
        roster, scores = half.candles.roster, half.path.scores(settings.risk)
        self._member = np.ones(half.path.ready.shape, bool) if roster is None else roster.is_member(names, half.path.ms)
        self._scores = scores._replace(not_ready=scores.not_ready | ~self._member)
        self._records = settings.market_records(half.candles.markets)
        self._unit = settings.risk.account_volatility / np.sqrt(365.0)
        self.begin(days[0])

    def begin(self, day: int) -> np.ndarray:
        """Open a new account on a day of the run; return what the agent sees."""
        self._day, self._last, self._until = day, RULE, self._days[1]
        candles = self._half.candles
        self._state = AccountState.begin(
            markets=len(candles.markets),
            deposit=int(begin_account(candles, self._settings).account["equity"][0]),
            start_ms=candles.start_ms + day * DAY_MS,
        )
        self._recent, self._gross = np.zeros(20), 0.0
        return self.observe()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode on a day drawn by chance."""
        super().reset(seed=seed, options=options)
        first, end = self._days
        day = int(self._rng.integers(first, max(first + 1, end - EPISODE_D)))
        seen = self.begin(day)
        self._until = min(day + EPISODE_D, end)
        return seen, {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Trade a day; the reward is its log return in deviations of the target, less what its variance costs."""
        gained = self.trade(int(action)) / self._unit
        reward = gained - 0.05 * gained * gained
        return self.observe(), float(np.clip(reward, -5.0, 5.0)), False, self._day >= self._until, {}

    def trade(self, action: int) -> float:
        """Trade a day by an action; return its log return."""
        rows, path = slice(self._day * self._bars, (self._day + 1) * self._bars), self._half.path
        decided = path.rows[rows]
        rules = path.rules(self._settings, self._half.candles.bar.ms)
        rules["members"] = max(1, int(self._member[decided[0]].sum()))
        rules["target_volatility"] *= RISKS[action // len(BANDS)]
        rules["exposure_band"] = BANDS[action % len(BANDS)]
        before = int(self._state.account["equity"][0])
        run = loop.run(
            self._state,
            self._records,
            rules,
            bars=self._half.candles.stretch(decided - decided[0], rows),
            scores=Scores(*(part[decided[0] : decided[-1] + 1] for part in self._scores)),
            bar_ms=self._half.candles.bar.ms,
        )
        self._state, self._day, self._last = run.state, self._day + 1, action
        self._gross = float(run.exposure[-1])
        gained = float(np.log(max(1, int(run.equity[-1])) / before))
        self._recent = np.append(self._recent[1:], gained)
        return gained

    def observe(self) -> np.ndarray:
        """Return (SEEN,) float32: the book at the newest decision that is taken."""
        row = min(max(0, self._day * self._bars - 1), len(self._half.path.ms) - 1)
        told = self._half.path.conviction[row][self._member[row]]
        told = told[np.isfinite(told)] if np.isfinite(told).any() else np.zeros(1)
        account = self._state.account[0]
        seen = (
            float(np.abs(told).mean()),
            float(told.mean()),
            float(told.std()),
            4.0 * float(self._half.path.book[row]) - 3.0,
            self._gross,
            10.0 * (1.0 - account["equity"] / account["peak_equity"]),
            self._recent[-5:].sum() / self._unit / 3.0,
            self._recent.sum() / self._unit / 6.0,
            self._recent.std() / self._unit,
            RISKS[self._last // len(BANDS)],
        )
        return np.clip(np.array(seen, np.float32), -5.0, 5.0)


def followed(env: BookEnv, days: Days, model: PPO | None) -> np.ndarray:
    """Return the daily log returns of an agent, or of the rule, from a new account on."""
    seen, returns = env.begin(days[0]), []
    for _ in range(*days):
        action = RULE if model is None else int(model.predict(seen, deterministic=True)[0])
        returns.append(env.trade(action))
        seen = env.observe()
    return np.array(returns)


def main() -> None:
    """Teach and judge."""
    arguments = parser("sizing", str(__doc__))
    add_panel(arguments)
    arguments.add_argument("--steps", type=int, default=40_000, help="days that each agent trades while it learns")
    arguments.add_argument("--seeds", type=int, default=3)
    asked = arguments.parse_args()
    walked, trading = walked_panel(asked)
    decision = trading.decision.model_copy(update=EXPOSURE | {"exposure_step": 1.0, "exposure_costs": 0.0})
    settings = trading.model_copy(update={"decision": decision})
    taught, judged = (half_of(walked, group) for group in walked.groups)
    days = len(taught.path.ms) * taught.candles.timeframe.ms // DAY_MS
    early, late = (0, days // 2), (days // 2, days)
    kinds = {"as is": settings, "costs x 2": stressed(settings, Stress(costs_factor=2.0))}
    rules = {kind: followed(BookEnv(judged, own, late), late, None) for kind, own in kinds.items()}
    for seed in range(asked.seeds):
        env = BookEnv(taught, settings, early, seed)
        model = PPO("MlpPolicy", env, n_steps=1024, batch_size=256, gamma=0.9, ent_coef=0.01, seed=seed, device="cpu")
        model.learn(asked.steps)
        for kind, own in kinds.items():
            gain = removal_of("agent", followed(BookEnv(judged, own, late), late, model), rules[kind], seed=7)
            words = f"seed {seed}, {kind}: agent {gain.sharpe_with:.2f}, rule {gain.sharpe_without:.2f}"
            print(f"{words}, difference {gain.difference:+.2f} ± {gain.error:.2f} over {gain.days} days", flush=True)


if __name__ == "__main__":
    main()
