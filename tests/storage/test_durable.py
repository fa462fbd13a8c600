"""Files that survive a crash: each old or new, a prefix at worst, one writer at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.durable import STAGED_SUFFIX, folder_lock, remove_staged, replace_files
from strategies.errors import StorageFailed


def writing(text: str) -> Callable[[Path], None]:
    return lambda stage: stage.write_text(text) and None


def failing(_stage: Path) -> None:
    raise OSError(28, "No space left on device")


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if not path.name.startswith(".")}


@given(count=st.integers(1, 6), fails=st.integers(0, 6))
def test_no_file_changes_unless_all_could_be_written(
    tmp_path_factory: pytest.TempPathFactory, count: int, fails: int
) -> None:
    folder = tmp_path_factory.mktemp("several")
    names = [f"file{number}" for number in range(count)]
    for name in names:
        (folder / name).write_text("old")
    writers = [failing if number == fails else writing("new") for number in range(count)]
    asked = [(folder / name, write) for name, write in zip(names, writers, strict=True)]
    if fails < count:
        with pytest.raises(
            StorageFailed, match=f"file{fails} could not be written: No space left.*nothing was changed"
        ):
            replace_files(asked)
    else:
        replace_files(asked)
    assert contents(folder) == dict.fromkeys(names, "old" if fails < count else "new")
    assert not list(folder.glob(f".*{STAGED_SUFFIX}"))


@given(count=st.integers(1, 5), killed=st.integers(0, 5))
def test_a_crash_while_renaming_leaves_a_prefix_of_the_new_files(
    tmp_path_factory: pytest.TempPathFactory, count: int, killed: int
) -> None:
    folder = tmp_path_factory.mktemp("crashed")
    names = [f"file{number}" for number in range(count)]
    for name in names:
        (folder / name).write_text("old")
    done: list[Path] = []

    def rename(stage: Path, target: Path) -> None:
        if len(done) == killed:
            raise KeyboardInterrupt
        stage.rename(target)
        done.append(target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("storage.durable.os.replace", rename)
        if killed < count:
            with pytest.raises(KeyboardInterrupt):
                replace_files([(folder / name, writing("new")) for name in names])
        else:
            replace_files([(folder / name, writing("new")) for name in names])
    kept = min(killed, count)
    assert contents(folder) == {name: "new" if number < kept else "old" for number, name in enumerate(names)}
    remove_staged(folder)
    assert not list(folder.glob(f".*{STAGED_SUFFIX}"))


def test_a_reader_never_meets_a_file_that_is_being_written(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    seen: list[str] = []

    def slowly(stage: Path) -> None:
        for part in ("ne", "w"):
            with stage.open("a") as file:
                file.write(part)
            seen.append(target.read_text())

    replace_files([(target, slowly)])
    assert (seen, target.read_text()) == (["old", "old"], "new")
    replace_files([])


def test_a_folder_has_one_writer_and_is_free_again_afterwards(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "on the way"
    with folder_lock(folder), pytest.raises(StorageFailed, match="is being written by another process"):
        folder_lock(folder, 0.01).__enter__()
    with folder_lock(folder, 0.01):
        assert folder.is_dir()


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(StorageFailed, match="cannot be written: Not a directory"),
        folder_lock(tmp_path / "file" / "in"),
    ):
        pass
