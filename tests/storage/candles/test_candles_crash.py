"""The candle store under death, rivals and a full disk: old or new, never between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.candles.store import CandleStore
from storage.durable import LOCK_NAME, STAGED_SUFFIX, folder_lock
from strategies.errors import StorageFailed
from strategies.market import Timeframe
from tests.storage.candles.candle_builders import hours, walk

BTC = ("builtin", "BTCUSDT", Timeframe.H1, "futures")
ROOT = Path(__file__).parents[3]


def start_child(code: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


DIE_IN_APPEND = """
    import os, sys
    from pathlib import Path
    from storage import durable
    from storage.candles.store import CandleStore
    from strategies.market import Timeframe
    from tests.storage.candles.candle_builders import walk

    renames, replace = 0, os.replace

    def die_at(source, target):
        global renames
        if renames == int(sys.argv[2]):
            os._exit(9)
        renames += 1
        replace(source, target)

    durable.os.replace = die_at
    CandleStore(sys.argv[1]).append("builtin", "BTCUSDT", Timeframe.H1, "futures", walk(24 * 90))
"""


@pytest.mark.parametrize("renamed", [0, 1, 2])
def test_a_writer_that_dies_leaves_whole_months_and_the_next_append_finishes(tmp_path: Path, renamed: int) -> None:
    store, candles = CandleStore(tmp_path), walk(24 * 90)
    store.append(*BTC, candles[:100])
    assert start_child(DIE_IN_APPEND, str(tmp_path), str(renamed)).wait(60) == 9

    left = store.read(*BTC).candles
    assert len(left) == {0: 100, 1: 30 * 24, 2: 61 * 24}[renamed]
    assert left.tobytes() == candles[: len(left)].tobytes()

    store.append(*BTC, candles)
    assert store.read(*BTC).candles.tobytes() == candles.tobytes()
    assert not list(tmp_path.rglob(f"*{STAGED_SUFFIX}"))


APPEND_FOREVER = """
    import sys
    from storage.candles.store import CandleStore
    from strategies.market import Timeframe
    from tests.storage.candles.candle_builders import walk

    candles, store = walk(24 * 365), CandleStore(sys.argv[1])
    print("started", flush=True)
    for start in range(0, len(candles), 5):
        store.append("builtin", "BTCUSDT", Timeframe.H1, "futures", candles[start : start + 5])
        print(start, flush=True)
"""


@pytest.mark.parametrize("lines", [2, 9, 31])
def test_sigkill_at_any_instant_loses_nothing_that_was_reported(tmp_path: Path, lines: int) -> None:
    child = start_child(APPEND_FOREVER, str(tmp_path))
    assert child.stdout is not None
    last = [child.stdout.readline() for _ in range(lines)][-1]
    os.kill(child.pid, signal.SIGKILL)
    child.wait(60)
    child.stdout.close()
    stored = CandleStore(tmp_path).read(*BTC).candles
    assert len(stored) >= int(last) + 5
    assert stored.tobytes() == walk(24 * 365)[: len(stored)].tobytes()


APPEND_EVERY_SECOND = """
    import sys
    from storage.candles.store import CandleStore
    from strategies.market import Timeframe
    from tests.storage.candles.candle_builders import walk

    candles = walk(300)[int(sys.argv[2]) :: 2]
    for start in range(0, len(candles), 10):
        CandleStore(sys.argv[1]).append("builtin", "BTCUSDT", Timeframe.H1, "futures", candles[start : start + 10])
"""


def test_two_writers_do_not_lose_each_others_candles(tmp_path: Path) -> None:
    children = [start_child(APPEND_EVERY_SECOND, str(tmp_path), remainder) for remainder in ("0", "1")]
    assert [child.wait(60) for child in children] == [0, 0]
    assert CandleStore(tmp_path).read(*BTC).candles.tobytes() == walk(300).tobytes()


def test_a_folder_held_by_another_is_named(tmp_path: Path) -> None:
    with (
        folder_lock(tmp_path),
        pytest.raises(StorageFailed, match="written by another process"),
        folder_lock(tmp_path, 0.1),
    ):
        pytest.fail("the lock was given twice")


def test_a_reader_needs_no_lock(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    store.append(*BTC, hours(0, 1))
    with folder_lock(tmp_path / "builtin" / "BTCUSDT_1h_futures"):
        assert len(store.read(*BTC)) == 2
    assert (tmp_path / "builtin" / "BTCUSDT_1h_futures" / LOCK_NAME).exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small tmpfs cannot be mounted here: root with mount rights is needed")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_changes_nothing(small_disk: Path) -> None:
    store = CandleStore(small_disk)
    store.append(*BTC, walk(100))
    with pytest.raises(StorageFailed, match=r"No space left.*nothing was changed"):
        store.append(*BTC, walk(24 * 730)[200:])
    assert store.read(*BTC).candles.tobytes() == walk(100).tobytes()
    assert not list(small_disk.rglob(f"*{STAGED_SUFFIX}"))
    assert store.append(*BTC, walk(100)).identical == 100
