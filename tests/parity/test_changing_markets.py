"""Three days in which recorded markets come, change and go, traded by a daemon that is killed: the backtest's cash.

The sixty days are `python -m benchmarks.changing_markets`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.changing_markets import measure
from benchmarks.changing_story import START, Story, ms_of
from tests.builders import SHARED_DATA


@pytest.mark.skipif(not os.environ.get("SIGMA_SOAK"), reason="takes minutes; SIGMA_SOAK=1 runs it")
@pytest.mark.timeout(900)
@pytest.mark.skipif(not (SHARED_DATA / "universe" / "h1").is_dir(), reason="shared/data/universe is not here")
def test_an_account_whose_markets_change_is_its_backtest_to_the_last_unit_and_no_start_is_refused(
    tmp_path: Path,
) -> None:
    found = measure(tmp_path, Story(start_ms=ms_of(START), days=3), kills=1)
    assert "markets drawn inside their hours" in found["market"]
    assert (found["verify"], found["cash_units"], found["fills_differing"], found["refused"]) == (0, 0, 0, 0)
    assert (found["joined"], found["changed"] >= 6) == (3, True)
    assert found["fills"] > 0
