"""What was written before the rooms were cut anew still holds: its ledger replays, its bundles load and score.

`before_the_move.tar.xz` is what `sigma run` left behind at commit 9544728 (2025-11-22, schema 0004): 28 hours of the
demo market (seed 11, edge .5), BTCUSDT and ETHUSDT, the trend rule first, then two bundles of xgboost and ridge that
the daemon trained and swapped in. Alerts, shadow scores, job runs and findings were deleted to make it small; nothing
else was touched.
"""

from __future__ import annotations

import lzma
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, text

from storage.ledger import accounts
from storage.ledger.database import connect, migrate, reading
from storage.ledger.queries import Ledger
from storage.ledger.verify import verify
from storage.models.registry import Registry, bundle_by_id
from strategies.kernel.state import FactKind, Reason
from strategies.market import Timeframe

ARCHIVE = Path(__file__).parent / "before_the_move.tar.xz"
BUNDLES = ("b-0438de38708d3dec", "b-b9f0ccbf11319d71")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked installation, its database migrated as the daemon does at a start."""
    place = tmp_path_factory.mktemp("before_the_move")
    with lzma.open(ARCHIVE) as packed, tarfile.open(fileobj=packed) as archive:
        archive.extractall(place, filter="data")
    database = connect(f"sqlite:///{place / 'sigma.db'}")
    assert schema(database) == "0004"
    migrate(database)
    database.dispose()
    return place


@pytest.fixture
def ledger(folder: Path) -> Ledger:
    database = connect(f"sqlite:///{folder / 'sigma.db'}")
    account = accounts.find(database, "builtin", "main")
    assert account is not None
    return Ledger(database, account)


def schema(database: Engine) -> str:
    with reading(database) as connection:
        return str(connection.execute(text("select version_num from alembic_version")).scalar_one())


def test_a_ledger_written_before_replays_to_the_unit(folder: Path, ledger: Ledger) -> None:
    registry = Registry(folder / "models")
    found = verify(ledger.database, ledger.account, lambda name: bundle_by_id(registry, "builtin", name, Timeframe.H1))
    assert found.differences == []
    assert found.minutes == 1702


def test_its_facts_are_read_as_they_were_meant(ledger: Ledger) -> None:
    facts = ledger.facts(0, None)
    counted = Counter((FactKind(int(fact["kind"])), Reason(int(fact["reason"]))) for fact in facts)
    assert counted == {
        (FactKind.DEPOSIT, Reason.NONE): 1,
        (FactKind.FILL, Reason.SIGNAL): 6,
        (FactKind.FILL, Reason.STOP): 1,
        (FactKind.FILL, Reason.TAKE): 3,
        (FactKind.FUNDING, Reason.SETTLED): 3,
    }
    assert sum(int(fact["cash_flow"]) for fact in facts) == int(ledger.stopped().state.account["cash"][0])


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_packed_before_loads_and_gives_the_scores_that_it_recorded(folder: Path, name: str) -> None:
    bundle = Registry(folder / "models").get(name, "builtin")
    assert bundle.id == name
    assert bundle.manifest.families == ("xgboost", "ridge")
    recorded = np.load(folder / "models" / "bundles" / name / "probe_scores.npy")
    assert np.isfinite(recorded).all()


def test_the_production_pointer_of_then_names_its_champion(folder: Path) -> None:
    registry = Registry(folder / "models")
    assert registry.production("builtin") == BUNDLES[0]
    assert [move.fallback_level for move in registry.history("builtin")] == ["models", "models"]
