"""Random paths of a generated market: hours from shocks, minutes inside an hour.

Compiled, pure functions of arrays of random numbers. Hours come first; minutes are bridged between an hour's open and
close, touch its high and its low, and share out its volume, so that 60 of them aggregate to the hour exactly.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

MEMORY_HOURS: Final = 72  # hours of log price that a walk remembers (momentum over 24 h and 72 h)
STATE: Final = MEMORY_HOURS + 1  # the last log prices, oldest first, then the own log volatility
BAR: Final = 5  # open, high, low, close in ticks, volume in lots

_OWN_PERSISTENCE: Final = 0.5 ** (1 / 48)  # own log volatility halves its distance in two days
_OWN_DEVIATION: Final = 0.20
_FAST_PERSISTENCE: Final = 0.5 ** (1 / 10)
_FAST_DEVIATION: Final = 0.30
_SLOW_PERSISTENCE: Final = 0.5 ** (1 / 480)  # 20 days
_SLOW_DEVIATION: Final = 0.30
_FREE_RANGE: Final = 1.2  # log distance from the anchor price within which nothing pulls back
_PULL: Final = 1e-3  # of the distance beyond, per hour: prices stay on a usable grid for ever


@njit(cache=True)
def walk_volatility(state: np.ndarray, shocks: np.ndarray) -> np.ndarray:
    """Return the market-wide log volatility of each hour and leave the last in `state`.

    Args:
        state: (2,) fast and slow component, changed in place.
        shocks: (n, 2) standard normal.

    Returns:
        (n,) log of the volatility multiplier; its exponential has a mean square near one.
    """
    out = np.empty(len(shocks))
    for t in range(len(shocks)):
        state[0] = _FAST_PERSISTENCE * state[0] + _FAST_DEVIATION * np.sqrt(1 - _FAST_PERSISTENCE**2) * shocks[t, 0]
        state[1] = _SLOW_PERSISTENCE * state[1] + _SLOW_DEVIATION * np.sqrt(1 - _SLOW_PERSISTENCE**2) * shocks[t, 1]
        out[t] = state[0] + state[1] - _FAST_DEVIATION**2 - _SLOW_DEVIATION**2
    return out


@njit(cache=True)
def walk_hours(
    state: np.ndarray,
    common_shock: np.ndarray,
    common_volatility: np.ndarray,
    own_shock: np.ndarray,
    own_volatility: np.ndarray,
    extremes: np.ndarray,
    volume_noise: np.ndarray,
    sigma: float,
    correlation: float,
    edge: float,
    anchor_ticks: float,
    lots_per_hour: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Walk one market through n hours and leave where it stands in `state`.

    Planted edge, per hour: edge * sigma_t * tanh(2 * momentum), momentum = 24 h log return / (sigma_t * sqrt(24)).

    Args:
        state: (STATE,) as described there, changed in place.
        common_shock, own_shock: (n,) unit variance, fat-tailed.
        common_volatility: (n,) log multiplier of `walk_volatility`; own_volatility: (n,) standard normal shocks.
        extremes: (n, 2) uniform in (0, 1); volume_noise: (n,) standard normal.
        sigma: hourly deviation; correlation: share of variance that is common, 0..1; edge: 0 for none.
        anchor_ticks: price at log price 0; lots_per_hour: usual volume.

    Returns:
        (n, BAR) int64, (n,) deviation of each hour's log return, (n,) momentum over 72 h at each hour's open.
    """
    n = len(own_shock)
    bars = np.empty((n, BAR), np.int64)
    deviations = np.empty(n)
    momenta = np.empty(n)
    logs = np.empty(MEMORY_HOURS + n)
    logs[:MEMORY_HOURS] = state[:MEMORY_HOURS]
    own = state[MEMORY_HOURS]
    for t in range(n):
        own = _OWN_PERSISTENCE * own + _OWN_DEVIATION * np.sqrt(1 - _OWN_PERSISTENCE**2) * own_volatility[t]
        deviation = sigma * np.exp(common_volatility[t] + own - _OWN_DEVIATION**2)
        here = MEMORY_HOURS + t - 1
        price = logs[here]
        momentum = (price - logs[here - 24]) / (deviation * np.sqrt(24.0))
        momenta[t] = (price - logs[here - MEMORY_HOURS + 1]) / (deviation * np.sqrt(MEMORY_HOURS - 1.0))
        drift = edge * deviation * np.tanh(2 * momentum)
        if abs(price) > _FREE_RANGE:
            drift -= _PULL * (price - np.sign(price) * _FREE_RANGE)
        shock = np.sqrt(correlation) * common_shock[t] + np.sqrt(1 - correlation) * own_shock[t]
        change = drift + deviation * shock
        change = min(max(change, -0.5), 0.5)
        logs[here + 1] = price + change
        deviations[t] = deviation
        # extremes of a Brownian bridge: Karatzas & Shreve, Problem 2.8.11
        spread = 0.8 * deviation
        up = 0.5 * (change + np.sqrt(change**2 - 2 * spread**2 * np.log(extremes[t, 0])))
        down = 0.5 * (change - np.sqrt(change**2 - 2 * spread**2 * np.log(extremes[t, 1])))
        open_ = max(1, int(np.rint(anchor_ticks * np.exp(price))))
        close = max(1, int(np.rint(anchor_ticks * np.exp(price + change))))
        bars[t, 0] = open_
        bars[t, 1] = max(open_, close, int(np.rint(anchor_ticks * np.exp(price + up))))
        bars[t, 2] = max(1, min(open_, close, int(np.rint(anchor_ticks * np.exp(price + down)))))
        bars[t, 3] = close
        busy = 0.5 * np.log(0.25 + abs(shock)) + common_volatility[t] + own + 0.25 * volume_noise[t] - price
        bars[t, 4] = max(60, int(np.rint(lots_per_hour * np.exp(busy))))
    state[:MEMORY_HOURS] = logs[n:]
    state[MEMORY_HOURS] = own
    return bars, deviations, momenta


@njit(cache=True)
def split_hours(
    hours: np.ndarray, deviations: np.ndarray, steps: np.ndarray, weights: np.ndarray, wicks: np.ndarray
) -> np.ndarray:
    """Return the minutes of n hours.

    Args:
        hours: (n, BAR) int64; deviations: (n,) of the hours' log returns.
        steps: (n, 60) standard normal; weights: (n, 60) positive, of volume and liveliness; wicks: (n, 60, 2) >= 0.

    Returns:
        (n * 60, BAR) int64 whose open, extremes, close and volume aggregate to `hours` exactly.
    """
    minutes = np.empty((len(hours) * 60, BAR), np.int64)
    path = np.empty(61)
    for h in range(len(hours)):
        open_, high, low, close, lots = hours[h]
        scale = deviations[h] * open_ / np.sqrt(60.0)
        path[0] = 0.0
        for i in range(60):
            path[i + 1] = path[i] + scale * steps[h, i] * np.sqrt(weights[h, i])
        end = path[60]
        total_weight = weights[h].sum()
        given = 0
        weight = 0.0
        before = open_
        highest = 0
        lowest = 0
        first = h * 60
        for i in range(60):
            share = (i + 1) / 60.0
            bridged = open_ + (close - open_) * share + path[i + 1] - share * end
            here = _reflected(bridged, low, high)
            if i == 59:
                here = close
            weight += weights[h, i]
            due = lots if i == 59 else int(lots * (weight / total_weight))
            top = min(high, max(before, here) + int(wicks[h, i, 0] * scale))
            bottom = max(low, min(before, here) - int(wicks[h, i, 1] * scale))
            minutes[first + i] = (before, top, bottom, here, due - given)
            if top > minutes[first + highest, 1]:
                highest = i
            if bottom < minutes[first + lowest, 2]:
                lowest = i
            before = here
            given = due
        minutes[first + highest, 1] = high
        minutes[first + lowest, 2] = low
    return minutes


@njit(cache=True)
def _reflected(price: float, low: int, high: int) -> int:
    """Return `price` as a tick, mirrored into the hour's range where it left it."""
    if price > high:
        price = 2.0 * high - price
    if price < low:
        price = 2.0 * low - price
    return int(np.rint(min(max(price, float(low)), float(high))))
