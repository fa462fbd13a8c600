"""A shadow test with outcomes, as shadowing writes it."""

from __future__ import annotations

import numpy as np

from storage.ledger.shadows import Expectation, Shadow, Shadows
from strategies.market import HOUR_MS
from strategies.oversight.e_process import EProcess
from tests.builders import START_MS


def shadow_bundle(shadows: Shadows, count: int, skill: float = 0.3) -> Shadow:
    """Write a shadow test with `count` outcomes and one that was lost, and return it with its evidence."""
    rng = np.random.default_rng(5)
    came = rng.normal(size=count)
    expected, champion = skill * came + skill * rng.normal(size=count), 0.05 * rng.normal(size=count)
    evidence = EProcess.begin(1, 12)
    begun = Shadow(
        bundle_id="b-0123456789abcdef",
        started_ms=START_MS,
        role="challenger",
        champion_id="b-champion",
        evidence=evidence,
    )
    shadows.begin(begun)
    parts = [
        Expectation(
            open_ms=START_MS + hour * HOUR_MS,
            market=0,
            champion_id="b-champion",
            expected=float(expected[min(hour, count - 1)]),
            champion_expected=float(champion[min(hour, count - 1)]),
            sigma=0.01,
            came=float(came[hour]) if hour < count else None,
        )
        for hour in range(count + 1)
    ]
    for hour, part in enumerate(parts[:-1]):
        evidence = evidence.seen(0, hour, float(part.came or 0.0), part.expected, part.champion_expected)
    shadows.expect(begun, parts)
    shadows.mature(begun, parts, evidence)
    return next(shadow for shadow in shadows.all() if shadow.bundle_id == begun.bundle_id)
