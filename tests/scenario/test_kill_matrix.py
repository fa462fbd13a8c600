"""Killed before or after any write, sync, rename or commit, whoever goes on comes to the same ledger."""

from __future__ import annotations

from pathlib import Path

from benchmarks.kill_matrix import chosen, run_matrix, table

KILLS, SEED = 24, 7


def test_nothing_is_lost_whatever_is_killed(tmp_path: Path) -> None:
    counts, outcomes = run_matrix(tmp_path, KILLS, SEED)
    assert {stage for stage, _ in counts} >= {"migration", "opening", "minutes", "swap", "archive", "backup", "restore"}
    assert [part for part in outcomes if part.differing or not part.was_killed] == []
    assert "restore" in table(counts, outcomes)
    assert chosen(counts, KILLS, SEED) == chosen(counts, KILLS, SEED)
