"""The close of an hour is measured on the real path: every market decides, figures name the number of markets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.hour_close import close_hours, figures_of
from storage.ledger.database import connect, reading
from storage.ledger.tables import decision
from strategies.bundle.bundle import trend_bundle


async def test_every_close_decides_every_market_and_is_timed(tmp_path: Path) -> None:
    taken = await close_hours(trend_bundle(), 4, 3, tmp_path)
    assert taken.shape == (3, 2)
    assert (taken > 0).all()
    with reading(connect(f"sqlite:///{tmp_path / '4.db'}")) as connection:
        assert len(connection.execute(decision.select()).all()) == 4 * (3 + 2)  # the first two are not counted


def test_figures_name_the_number_of_markets_where_there_are_several() -> None:
    taken = np.array([[0.02, 0.01], [0.04, 0.01], [0.03, 0.01]])
    [p50, p99, each, busy] = figures_of([10], [taken])
    assert (p50.name, p50.value, each.value, busy.value) == ("p50_s", 0.03, 3.0, 1.0)
    assert p99.value is not None
    assert 0.039 < p99.value <= 0.04
    assert each.is_met
    names = [figure.name for figure in figures_of([10, 50], [taken, taken])]
    assert names[:4] == ["p50_s_10", "p99_s_10", "ms_per_market_10", "processor_ms_per_market_10"]
