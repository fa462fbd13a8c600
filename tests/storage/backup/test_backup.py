"""A backup holds everything that cannot be fetched again; a restore puts all of it in place, or nothing."""

from __future__ import annotations

import shutil
import threading
import zipfile
from pathlib import Path

import pytest

from storage.backup.container import packed, unpacked
from storage.backup.manifest import FORMAT, Manifest, Member
from storage.backup.switch import finish_restore
from storage.backup.unfinished import is_unfinished
from storage.ledger.database import connect, writing
from storage.ledger.lease import account_lease
from storage.ledger.queries import Ledger
from storage.ledger.tables import account as account_table
from strategies.errors import AlreadyRunning, BadInput, SigmaError, StorageFailed
from tests.bot.trading.world import minutes, new_engine, opened, trade
from tests.storage.backup.installations import ACCOUNT, MINUTES, Installation, empty, filled
from tests.storage.backup.killed_restore import killed_at

KILLED = -9


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation that is only read."""
    return filled(tmp_path_factory.mktemp("traded"))


@pytest.fixture(scope="module")
def backup(traded: Installation) -> Path:
    """Its backup."""
    target = traded.folder / "sigma.backup"
    traded.back_up(target)
    return target


def relative_files(of: Installation) -> dict[str, bytes]:
    """Return what lies beside the database, locks left out."""
    kept = {path: content for path, content in of.files().items() if not path.endswith(".lock")}
    return {path.removeprefix(str(of.folder)): content for path, content in kept.items()}


def changed(backup: Path, target: Path, at: int, flip: int = 1) -> Path:
    """Return a copy of a backup with one byte changed."""
    content = bytearray(backup.read_bytes())
    content[at] ^= flip
    target.write_bytes(content)
    return target


def sealed(target: Path, names: list[str], *, written: list[str] | None = None, **changes: object) -> Path:
    """Write a backup with whole seal and checksums that says what it likes."""
    with packed(target) as packing:
        member = target.with_suffix(".member")
        member.write_bytes(b"x")
        for name in names if written is None else written:
            packing._zipped.write(member, name)
        digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
        given = {
            "format": FORMAT,
            "created_ms": 0,
            "version": "test",
            "dialect": "sqlite",
            "revision": "0001",
            "accounts": (),
            "tables": {},
            "has_candles": False,
            "members": tuple(Member(name=name, bytes=1, sha256=digest) for name in names),
        }
        packing.close(Manifest.model_construct(**(given | changes)))
    return target


def test_what_comes_back_is_what_was_there_to_the_last_unit(traded: Installation, backup: Path, tmp_path: Path) -> None:
    restored = empty(tmp_path / "new")
    done = restored.restore(backup)
    assert restored.differences() == []
    assert restored.export() == traded.export()
    assert restored.export().count(b"\n") > 10
    old, new = Ledger(traded.database, traded.account()), Ledger(restored.database, restored.account())
    assert new.stopped().state.to_bytes() == old.stopped().state.to_bytes()
    assert (new.equity(), new.decisions()[0].ms) == (old.equity(), old.decisions()[0].ms)
    assert relative_files(restored) == relative_files(traded)
    assert done.config == restored.places.config
    assert done.aside == ()
    assert not list(restored.folder.rglob(".restore-*"))


def test_a_restored_ledger_goes_on(backup: Path, tmp_path: Path) -> None:
    from bot.trading.open_account import _read_back
    from storage.ledger.journal import Journal
    from tests.bot.trading.world import MARKETS, SETTINGS, body_bundle

    restored = empty(tmp_path)
    restored.restore(backup)
    account = restored.account()
    engine = _read_back(restored.database, account, MARKETS, SETTINGS, body_bundle())
    trade(engine, Journal(restored.database, account, MARKETS, SETTINGS), minutes(len(MINUTES) + 60)[len(MINUTES) :])
    assert restored.differences() == []


def test_the_archive_is_for_its_owner_and_holds_no_secret(traded: Installation, backup: Path) -> None:
    assert backup.stat().st_mode & 0o077 == 0
    assert b"very-secret-token" not in backup.read_bytes()
    with unpacked(backup) as inside:
        names = {member.name for member in inside.manifest.members}
    assert {"config.toml", "models/production/builtin.json", "runs/trials.jsonl", "tables/fact.parquet"} <= names
    assert {name.split("/")[0] for name in names} == {"config.toml", "tables", "tape", "models", "exchange", "runs"}


def test_candles_come_along_when_they_are_asked_for(traded: Installation, tmp_path: Path) -> None:
    traded.back_up(tmp_path / "all.backup", with_candles=True)
    restored = empty(tmp_path / "new")
    restored.restore(tmp_path / "all.backup")
    series = restored.places.candles / "builtin" / "BTCUSDT_1h_futures" / "2024-06.parquet"
    assert series.read_bytes() == b"candles"


def test_a_backup_is_of_one_moment_while_a_daemon_writes(tmp_path: Path) -> None:
    live = empty(tmp_path / "live")
    from storage.ledger.database import migrate

    migrate(live.database)
    engine = new_engine()
    _, journal = opened(live.database, engine)
    trade(engine, journal, MINUTES[:50])
    written, stop = [50], threading.Event()

    def write() -> None:
        while not stop.is_set() and written[0] < len(MINUTES):
            trade(engine, journal, MINUTES[written[0] : written[0] + 1])
            written[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backups = [tmp_path / f"{number}.backup" for number in range(4)]
        for target in backups:
            live.back_up(target)
    finally:
        stop.set()
        writer.join()
    assert written[0] > 60, "the writer must have gone on during the backups"
    lengths = []
    for number, target in enumerate(backups):
        restored = empty(tmp_path / str(number))
        restored.restore(target)
        assert restored.differences() == []
        lengths.append(restored.export())
    assert all(live.export().startswith(export) for export in lengths)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.8, 0.97, 0.999, 1.0])
def test_a_flipped_bit_is_found_before_anything_is_touched(backup: Path, tmp_path: Path, share: float) -> None:
    size = backup.stat().st_size
    damaged = changed(backup, tmp_path / "damaged.backup", min(int(share * size), size - 1))
    target = empty(tmp_path / "new")
    with pytest.raises(StorageFailed, match="damaged or was cut short"):
        target.restore(damaged)
    assert [path for path in target.folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("kept", [0, 10, 64, 65, 5_000, -1, -64, -65, -5_000])
def test_a_backup_that_was_cut_short_is_refused(backup: Path, tmp_path: Path, kept: int) -> None:
    cut = tmp_path / "cut.backup"
    cut.write_bytes(backup.read_bytes()[:kept])
    with pytest.raises(StorageFailed, match="cut short"):
        empty(tmp_path / "new").restore(cut)


@pytest.mark.parametrize(
    "name",
    ["../../outside", "/tmp/outside", "models/../../outside", "models/.hidden", "state/api.token", "models\\..\\x",
     "tables/", "models//x", "", "."],
)  # fmt: skip
def test_an_archive_that_points_outside_is_refused(tmp_path: Path, name: str) -> None:
    hostile = sealed(tmp_path / "hostile.backup", [name])
    with pytest.raises(BadInput, match="may not be in a backup"):
        empty(tmp_path / "new").restore(hostile)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "written"),
    [(["runs/a"], []), ([], ["../outside"]), (["runs/a"], ["runs/a", "runs/a"]), (["runs/a", "runs/a"], ["runs/a"])],
)
def test_an_archive_that_lies_about_its_members_is_refused(
    tmp_path: Path, names: list[str], written: list[str]
) -> None:
    hostile = sealed(tmp_path / "hostile.backup", names, written=written)
    with pytest.raises(BadInput, match=r"does not hold what its manifest says|names a member twice"):
        empty(tmp_path / "new").restore(hostile)
    assert not (tmp_path / "outside").exists()


def test_a_newer_schema_a_newer_format_and_other_files_are_refused(tmp_path: Path) -> None:
    target = empty(tmp_path / "new")
    with pytest.raises(BadInput, match="schema 9999; this program knows schemas up to"):
        target.restore(sealed(tmp_path / "schema.backup", [], revision="9999"))
    with pytest.raises(BadInput, match="has format 2"):
        target.restore(sealed(tmp_path / "format.backup", [], format=2))
    with pytest.raises(BadInput, match="does not exist"):
        target.restore(tmp_path / "nowhere.backup")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("hello.txt", "x" * 200)
    with pytest.raises(SigmaError, match="damaged"):
        target.restore(tmp_path / "other.zip")


def test_rows_that_the_manifest_does_not_count_are_refused(backup: Path, tmp_path: Path) -> None:
    hostile = sealed(tmp_path / "rows.backup", [], tables={"fact": 7})
    target = empty(tmp_path / "new")
    with pytest.raises(StorageFailed, match="table fact has 0 rows in the backup, its manifest says 7"):
        target.restore(hostile)
    assert not target.places.database.exists()


def test_what_is_here_is_only_replaced_with_force_and_goes_aside(backup: Path, tmp_path: Path) -> None:
    here = filled(tmp_path / "here", count=100)
    before = here.export()
    with pytest.raises(BadInput, match="holds a ledger already"):
        here.restore(backup)
    assert here.export() == before
    done = here.restore(backup, force=True)
    assert here.differences() == []
    asides = [Path(folder) for folder in done.aside]
    assert {folder.parent.name for folder in asides} == {"state", "models", "runs"}
    old = next(folder for folder in asides if folder.parent.name == "state") / "sigma.db"
    assert Installation(folder=tmp_path, database=connect(f"sqlite:///{old}")).export() == before
    assert done.config == here.folder / "config.restored.toml"


def test_a_damaged_database_can_be_replaced(backup: Path, tmp_path: Path) -> None:
    here = empty(tmp_path)
    assert here.places.database is not None
    here.places.database.write_bytes(b"this is not a database " * 100)
    with pytest.raises(BadInput, match="cannot be read; --force"):
        here.restore(backup)
    here.restore(backup, force=True)
    assert here.differences() == []


def test_models_that_are_here_are_no_less_a_reason_to_refuse(backup: Path, tmp_path: Path) -> None:
    here = empty(tmp_path)
    (here.places.models / "bundles" / "b-1").mkdir(parents=True)
    (here.places.models / "bundles" / "b-1" / "manifest.json").write_text("{}")
    with pytest.raises(BadInput, match=r"manifest\.json is there already"):
        here.restore(backup)


def test_nothing_is_restored_under_a_running_daemon(backup: Path, tmp_path: Path) -> None:
    here = empty(tmp_path)
    with (
        account_lease(here.database, *ACCOUNT, here.places.state),
        pytest.raises(AlreadyRunning, match="already traded by process"),
    ):
        here.restore(backup, force=True)


def test_a_torn_or_missing_day_of_the_tape_is_named_and_blocks_no_backup(tmp_path: Path) -> None:
    here = filled(tmp_path / "here")
    day = next((here.places.tape / "tape").rglob("*.parquet"))
    for damage in (lambda: day.write_bytes(b"torn"), day.unlink):
        damage()
        made = here.back_up(tmp_path / "a.backup")
        assert [day.name in line for line in made.lost] == [True]
    there = empty(tmp_path / "there")
    there.restore(tmp_path / "a.backup")
    assert there.export() == here.export()
    assert "1440 minutes" in there.differences()[0]


def test_an_older_schema_is_brought_to_the_newest(tmp_path: Path) -> None:
    from storage.ledger.database import revision_of, upgrade

    here = empty(tmp_path / "old")
    with writing(here.database) as connection:
        upgrade(connection, "0001")
        connection.execute(
            account_table.insert().values(
                id=7, name="main", exchange="builtin", timeframe="1h", layout=1, deposit=5, start_ms=0, created_ms=0
            )
        )
    made = here.back_up(tmp_path / "old.backup")
    assert made.revision == "0001"
    assert "archive" not in made.tables
    restored = empty(tmp_path / "new")
    restored.restore(tmp_path / "old.backup")
    with restored.database.connect() as connection:
        assert revision_of(connection) != "0001"
        assert connection.execute(account_table.select()).one().id == 7


@pytest.mark.timeout(240)
def test_killed_at_any_rename_it_is_the_old_or_the_new(traded: Installation, backup: Path, tmp_path: Path) -> None:
    template = filled(tmp_path / "template", count=20)
    template.database.dispose()
    seen = set()
    for renames in range(40):
        shutil.copytree(template.folder, tmp_path / str(renames))
        here = empty(tmp_path / str(renames))
        before, files = here.export(), here.files()
        here.database.dispose()
        code = killed_at(here.folder, here.database.url.render_as_string(), backup, renames)
        if code == 0:
            break
        assert code == KILLED
        was_unfinished = is_unfinished(here.places.state)
        finish_restore(here.places.state, here.database)
        assert not is_unfinished(here.places.state)
        is_new = here.export() == traded.export()
        assert is_new == was_unfinished
        if not is_new:
            assert (here.export(), here.files()) == (before, files)
        seen.add((is_new, relative_files(here) == relative_files(traded)))
    assert code == 0
    assert seen == {(False, False), (True, True)}


def test_the_same_restore_again_after_a_kill_is_finished_without_force(
    traded: Installation, backup: Path, tmp_path: Path
) -> None:
    here = filled(tmp_path / "here", count=20)
    here.database.dispose()
    assert killed_at(here.folder, here.database.url.render_as_string(), backup, 4) == KILLED
    assert is_unfinished(here.places.state)
    done = here.restore(backup)
    assert len(done.aside) == 3
    assert here.export() == traded.export()
