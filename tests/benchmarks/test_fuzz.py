"""Every surface, spoilt a few hundred times, the same way on every day: a sentence for each, and nothing uncaught."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from benchmarks.children import Child
from benchmarks.fuzz.cases import attack
from benchmarks.fuzz.mutations import spoilt_bytes, spoilt_text, spoilt_value
from benchmarks.fuzz.surfaces import SURFACES
from benchmarks.fuzz.watched import watched

SEED = 7
CASES = {"frames": 400, "rest": 120, "config": 150, "cron": 400, "backup": 25, "bundle": 60, "api": 150, "telegram": 60}
USUAL = 120


@pytest.mark.parametrize("name", SURFACES)
async def test_nothing_spoilt_is_uncaught(tmp_path: Path, name: str) -> None:
    found = await attack(name, SURFACES[name], tmp_path, seed=SEED, cases=CASES.get(name, USUAL))
    assert [str(fault) for fault in found.faults] == []
    assert found.cases == CASES.get(name, USUAL)


def test_a_case_is_the_same_again_and_most_of_it_is_as_it_was() -> None:
    document = {"a": [1, 2.5, "three"], "b": {"c": None}}
    for make in (
        lambda rng: spoilt_bytes(rng, b"one two three" * 20),
        lambda rng: spoilt_text(rng, "one two\nthree four\n"),
        lambda rng: repr(spoilt_value(rng, document)),
    ):
        made = [make(random.Random(number)) for number in range(50)]
        assert made == [make(random.Random(number)) for number in range(50)]
        assert len(set(made)) > 25
    assert document == {"a": [1, 2.5, "three"], "b": {"c": None}}


def test_a_surface_that_says_much_while_it_plays_is_not_taken_for_one_that_hangs(tmp_path: Path) -> None:
    progress = tmp_path / "progress"
    progress.write_bytes(b"")
    much = "import sys; sys.stderr.write('x' * 500_000); sys.stdout.write('y' * 500_000); print('done')"
    child = Child([sys.executable, "-c", much], tmp_path)
    assert watched(child.process, progress) is None
    assert child.process.wait() == 0
    assert child.out.endswith("done\n")
    assert len(child.err) == 500_000
