"""The gymnasium environment of a whole book: one step is one day of the account in the kernel that trades.

An episode takes the fixed rule's account over at a random midnight and lives some weeks. The reward is what the agent's
day was worth less what the fixed rule's was on the same day: that difference orders choices as the worth alone does,
and the markets' moves, which no choice changes, are taken out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import gymnasium
import numpy as np
from gymnasium import spaces

from training.sizing.account import Book, BookAccount, fixed_standings
from training.sizing.levels import DEFAULT, SHAPE, choice_of
from training.sizing.observation import BOUND, OBSERVED, daily_target, market_facts, observe

SCALE: Final = 2.0  # of a reward: two choices differ by about half a target deviation a day


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a day is worth, by its log return x in deviations of the target: x less `caution` / 2 times its square.

    Where caution is the mean of x over its variance, no other size of the whole book is worth more than the one it has.
    """

    caution: float

    def __call__(self, returns: np.ndarray | float) -> Any:
        return returns - 0.5 * self.caution * np.square(returns)


class Past:
    """The days an agent may learn from: a book, the fixed rule's account on each of them, what a midnight shows.

    Args:
        book: whose days.
        until: first day that is not among them.
        first: first one that is.
    """

    def __init__(self, book: Book, until: int | None = None, first: int = 1) -> None:
        self.book, self.first = book, first
        self.until = book.days if until is None else until
        self.standings, returns = fixed_standings(book)
        self.fixed = returns / daily_target(book)
        self.market = market_facts(book)

    def before(self, until: int) -> Past:
        """Return the same past, ending earlier."""
        found = object.__new__(Past)
        found.__dict__.update(self.__dict__ | {"until": until})
        return found


class BookEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """One account that is sized once a day.

    Args:
        past: days to live in.
        worth: of a day.
        episode_days: after which an episode is cut off.

    Actions are the numbers of three levels (`training.sizing.levels`), observations `OBSERVED`, float32.
    """

    def __init__(self, past: Past, worth: Worth, *, episode_days: int = 56) -> None:
        if past.until - past.first < episode_days:
            raise ValueError(f"{past.until - past.first} days to live in; an episode has {episode_days}")
        self.metadata = {"render_modes": []}
        self.observation_space = spaces.Box(-BOUND, BOUND, (len(OBSERVED),), np.float32)
        self.action_space = spaces.MultiDiscrete(list(SHAPE))
        self._past, self._worth, self._episode_days = past, worth, episode_days
        self._account, self._lived, self._last = BookAccount(past.book), 0, np.array(DEFAULT)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Take the fixed rule's account over at a random midnight; the same seed takes the same one."""
        super().reset(seed=seed)
        past = self._past
        day = int(self.np_random.integers(past.first, past.until - self._episode_days + 1))
        self._account, self._lived, self._last = BookAccount(past.book, past.standings[day]), 0, np.array(DEFAULT)
        return self._seen(), {"day": day}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Live through a day under a choice."""
        account, past = self._account, self._past
        day = account.day
        account.live(choice_of(action))
        self._lived, self._last = self._lived + 1, np.array(action)
        own = account.returns[day] / daily_target(past.book)
        reward = SCALE * float(self._worth(own) - self._worth(past.fixed[day]))
        ruined = int(account.state.account["equity"][0]) <= 0
        return self._seen(), reward, ruined, self._lived >= self._episode_days, {"day": day}

    def _seen(self) -> np.ndarray:
        return observe(self._account, self._past.market, self._last, self._lived)
