"""Environment step: one decision bar of every agent's account, compiled, order, settle, reward, begin anew, observe.

Agents live in one structured array beside the kernel's records; every step is independent of all others, so threads
share the agents out and the bits do not depend on how many there are. Money moves in `strategies.kernel.exposure` only.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import prange

from strategies.kernel.books import Books
from strategies.kernel.compiled import compiled, compiled_parallel, inlined
from strategies.kernel.exposure import EXPOSURES, begin, hold, observe, settle
from strategies.market import DAY_MS
from training.families.ppo.environment_tracks import CLOSE, FUNDING, OPEN_MS

AGENT: Final = np.dtype(
    [
        ("row", "i8"),  # of the last bar it has seen
        ("last_row", "i8"),  # its episode ends with this one
        ("mirror", "i8"),  # -1: it sees the market upside down, and what it buys is sold
        ("exposure", "f8"),  # held or ordered, as it sees it
        ("bars_held", "i8"),
        ("steps", "i8"),  # of the episode
        ("day", "i8"),
        ("day_trades", "i8"),  # changes of exposure on `day`
        ("start_equity", "i8"),
        ("returns", "f8"),  # sum of log returns of the episode
        ("squares", "f8"),
        ("reward", "f8"),  # sum of the episode
        ("random", "u8"),  # state of its own generator
    ],
    align=True,
)
REWARD: Final = np.dtype(
    [
        ("scale", "f8"),  # log return of one target deviation a bar
        ("volatility_return", "f8"),
        ("profit", "f8"),
        ("drawdown_penalty", "f8"),
        ("drawdown_limit", "f8"),
        ("overtrading_penalty", "f8"),
        ("overtrading_limit", "i8"),
        ("sharpe_bonus", "f8"),
        ("sharpe_threshold", "f8"),
        ("bars_per_year", "f8"),
    ],
    align=True,
)
RUNNING, TRUNCATED, RUINED = 0, 1, 2
SHARPE_STEPS: Final = 30  # a Sharpe ratio of fewer is noise
RUIN: Final = 10  # an account that has lost all but 1 / RUIN of its equity is over


Arrays = tuple[np.ndarray, ...]


@compiled_parallel
def step_all(
    shares: int,
    actions: np.ndarray,
    agents: np.ndarray,
    ledgers: Arrays,
    terms: Arrays,
    tracks: Arrays,
    signs: np.ndarray,
    starts: np.ndarray,
    episode_bars: int,
    mirrors: bool,
    facts: np.ndarray,
    seen: Arrays,
) -> None:
    """Move every agent one bar on, shared out over threads.

    Args:
        shares: parts the agents are cut into.
        actions: (N,) int64 indices into `EXPOSURES`.
        agents: (N,) AGENT.
        ledgers: accounts, positions, orders: (N,) records.
        terms: markets (1,) MARKET, rules (1,) RULES, reward (1,) REWARD.
        tracks: `Tracks.packed`: lines (R, 8), deviations (R, 2), features (R, F).
        signs: (F,) float32, -1 where a column changes sign in the mirrored market.
        starts: rows an episode may begin at.
        facts: (shares, FACT_ROWS) FACT, the kernel's scratch.
        seen: written: observations (N, F + ACCOUNT_COLUMNS) float32; rewards (N,) float32; ended (N,) int64: RUNNING,
            TRUNCATED or RUINED; last observations (N, F + ACCOUNT_COLUMNS) and records (N,) AGENT of those that ended.
    """
    count = len(agents)
    for share in prange(shares):
        first, last = count * share // shares, count * (share + 1) // shares
        step_share(
            first,
            last,
            actions,
            agents,
            ledgers,
            terms,
            tracks,
            signs,
            starts,
            episode_bars,
            mirrors,
            facts[share],
            seen,
        )


@compiled
def step_share(
    first: int,
    last: int,
    actions: np.ndarray,
    agents: np.ndarray,
    ledgers: Arrays,
    terms: Arrays,
    tracks: Arrays,
    signs: np.ndarray,
    starts: np.ndarray,
    episode_bars: int,
    mirrors: bool,
    facts: np.ndarray,
    seen: Arrays,
) -> None:
    """Move agents `first`..last-1 one bar on, on the calling thread; arguments as in `step_all`."""
    accounts, positions, orders = ledgers
    markets, rules, reward = terms
    lines, deviations, features = tracks
    observations, rewards, ended, finals, ended_agents = seen
    for i in range(first, last):
        agent = agents[i]
        books = Books(accounts[i : i + 1], positions[i : i + 1], orders[i : i + 1], markets, rules, facts)
        account, position = books.account[0], books.positions[0]
        chosen, row = EXPOSURES[actions[i]], agent.row + 1
        changed = chosen != agent.exposure
        if changed:
            side, sigma, volatility = agent.mirror * chosen, deviations[row - 1, 0], deviations[row - 1, 1]
            hold(books, side, sigma, volatility, lines[row, OPEN_MS])
        before = account.equity
        bar = lines[row]  # whose first five columns the kernel reads
        settle(books, bar[OPEN_MS], bar, bar[FUNDING])
        grown = math.log(max(account.equity, 1) / before)
        _remember(agents, i, row, chosen, changed, position.lots, grown, bar[OPEN_MS])
        paid = _reward(reward, agents, i, grown, account.equity, account.peak_equity)
        rewards[i] = paid
        agent.reward += paid
        _look(agents, i, books, deviations, features, signs, observations)
        ended[i] = RUNNING
        if account.equity * RUIN <= agent.start_equity:
            ended[i] = RUINED
        elif row >= agent.last_row:
            ended[i] = TRUNCATED
        if ended[i] != RUNNING:
            for column in range(observations.shape[1]):
                finals[i, column] = observations[i, column]
            ended_agents[i] = agent
            start(agents, i, books, starts, episode_bars, episode_bars, mirrors, lines)
            _look(agents, i, books, deviations, features, signs, observations)


@compiled
def start_all(
    agents: np.ndarray,
    ledgers: Arrays,
    terms: Arrays,
    tracks: Arrays,
    signs: np.ndarray,
    starts: np.ndarray,
    episode_bars: int,
    shortest_bars: int,
    mirrors: bool,
    facts: np.ndarray,
    observations: np.ndarray,
) -> None:
    """Begin an episode for every agent; it lasts `shortest_bars`..`episode_bars`, so that not all end at once."""
    accounts, positions, orders = ledgers
    markets, rules, _ = terms
    lines, deviations, features = tracks
    for i in range(len(agents)):
        books = Books(accounts[i : i + 1], positions[i : i + 1], orders[i : i + 1], markets, rules, facts)
        start(agents, i, books, starts, episode_bars, shortest_bars, mirrors, lines)
        _look(agents, i, books, deviations, features, signs, observations)


@compiled
def start(
    agents: np.ndarray,
    i: int,
    books: Books,
    starts: np.ndarray,
    episode_bars: int,
    shortest_bars: int,
    mirrors: bool,
    lines: np.ndarray,
) -> None:
    """Give agent `i` a random place to start at, a flat account and, in half of the cases, the mirrored market."""
    agent = agents[i]
    row = starts[_random(agents, i, len(starts))]
    agent.row = row
    agent.last_row = row + shortest_bars + _random(agents, i, episode_bars - shortest_bars + 1)
    agent.mirror = 1 - 2 * _random(agents, i, 2) if mirrors else 1
    agent.exposure = agent.returns = agent.squares = agent.reward = 0.0
    agent.bars_held = agent.steps = agent.day_trades = 0
    agent.day = lines[row, OPEN_MS] // DAY_MS
    begin(books, lines[row, OPEN_MS], lines[row, CLOSE])
    agent.start_equity = books.account[0].equity


@compiled
def _random(agents: np.ndarray, i: int, below: int) -> int:
    """Return a number in [0, below) from the agent's own splitmix64 generator (Steele, Lea & Flood 2014)."""
    agent = agents[i]
    agent.random += np.uint64(0x9E3779B97F4A7C15)
    z = agent.random
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return int((z >> np.uint64(1)) % np.uint64(below))


@inlined
def _remember(
    agents: np.ndarray,
    i: int,
    row: int,
    chosen: float,
    changed: bool,
    lots: int,
    grown: float,
    open_ms: int,
) -> None:
    """Note the bar: what is held now, trades of the day, returns of the episode."""
    agent = agents[i]
    agent.row = row
    agent.steps += 1
    agent.bars_held = 0 if changed else agent.bars_held + 1
    agent.exposure = chosen if lots != 0 else 0.0
    day = open_ms // DAY_MS
    if day != agent.day:
        agent.day, agent.day_trades = day, 0
    if changed:
        agent.day_trades += 1
    agent.returns += grown
    agent.squares += grown * grown


@inlined
def _reward(reward: np.ndarray, agents: np.ndarray, i: int, grown: float, equity: int, peak: int) -> float:
    """Return what the bar is worth: the configured terms, each off at weight 0."""
    terms, agent = reward[0], agents[i]
    paid = 0.0
    if terms.volatility_return != 0.0:
        paid += terms.volatility_return * grown / terms.scale
    if terms.profit != 0.0:
        paid += terms.profit * 100.0 * math.expm1(grown)
    if terms.drawdown_penalty != 0.0 and peak - equity > terms.drawdown_limit * peak:
        paid -= terms.drawdown_penalty
    if terms.overtrading_penalty != 0.0 and agent.day_trades > terms.overtrading_limit:
        paid -= terms.overtrading_penalty
    if terms.sharpe_bonus != 0.0 and agent.steps >= SHARPE_STEPS:
        mean = agent.returns / agent.steps
        variance = agent.squares / agent.steps - mean * mean
        if variance > 0.0 and mean * math.sqrt(terms.bars_per_year / variance) > terms.sharpe_threshold:
            paid += terms.sharpe_bonus
    return paid


@inlined
def _look(
    agents: np.ndarray,
    i: int,
    books: Books,
    deviations: np.ndarray,
    features: np.ndarray,
    signs: np.ndarray,
    observations: np.ndarray,
) -> None:
    """Write what agent `i` sees: the bar's features, mirrored for mirrored agents, then its account."""
    agent, columns, width = agents[i], observations[i], features.shape[1]
    seen = features[agent.row]
    if agent.mirror > 0:
        for column in range(width):
            columns[column] = seen[column]
    else:
        for column in range(width):
            columns[column] = seen[column] * signs[column]
    sigma = deviations[agent.row, 0]
    observe(books, agent.exposure, agent.bars_held, sigma, columns, width)
