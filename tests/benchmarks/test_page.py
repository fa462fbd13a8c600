"""The page of measurements: what was printed, where, when; a failure is a line, not a gap."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as benches

FIGURE = {
    "name": "wall_s",
    "value": 0.5,
    "unit": "s",
    "goal": "<= 2",
    "rival": None,
    "rival_value": None,
    "ratio": None,
}


def test_a_section_says_what_was_measured_where_and_when(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benches, "KEPT", tmp_path)
    document = benches.kept({"benchmark": "backtest", "machine": "EPYC, 2 cores", "figures": [FIGURE]})
    assert json.loads((tmp_path / "backtest.json").read_text()) == document
    page = benches.page([document], {})
    assert f"`python -m benchmarks.backtest` on EPYC, 2 cores, {document['day']}, commit {document['commit']}" in page
    assert "wall_s" in page
    assert "<= 2" in page


def test_a_benchmark_that_failed_says_so() -> None:
    failed = {"benchmark": "feed", "error": "TimeoutExpired: 3 h", "figures": [], "day": "2026-01-31", "commit": "abc"}
    assert "failed: TimeoutExpired: 3 h" in benches.page([failed], {})


def test_what_was_not_run_here_goes_on_saying_what_it_said() -> None:
    said = benches.PAGE.read_text(encoding="utf-8")
    kept = benches.sections(said)
    assert benches.page([], kept) == said
    failed = {"benchmark": "feed", "error": "no network", "figures": [], "day": "2026-01-31", "commit": "abc"}
    page = benches.sections(benches.page([failed], kept))
    assert page.pop("feed").endswith("failed: no network")
    assert page == {name: text for name, text in kept.items() if name != "feed"}


def test_every_benchmark_is_known_by_name() -> None:
    assert {"parity", "kernel", "hour_close", "startup", "retrain_lag"} <= set(benches.benchmark_names())
    assert "worlds" not in benches.benchmark_names()
