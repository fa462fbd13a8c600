"""Two writers of one account: the one that came later writes, the other one stops at its next minute."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from storage.ledger.accounts import last_state
from storage.ledger.database import reading
from storage.ledger.journal import Journal
from storage.ledger.tables import tape
from strategies.errors import AlreadyRunning
from tests.bot.trading.world import minutes, new_database, new_engine, opened

ONE, TWO = minutes(2)


def test_a_writer_whose_account_was_taken_over_writes_nothing(tmp_path: Path) -> None:
    database, engine, other = new_database(tmp_path), new_engine(), new_engine()
    account, journal = opened(database, engine)
    kept = {"signals": {}, "alerts": [], "recorded_ms": 1}
    journal.record(ONE, engine.step(ONE), engine.state, engine.bundle.id, **kept)
    later = Journal(database, account, other.markets, other.settings)
    outcome = engine.step(TWO)
    with pytest.raises(AlreadyRunning, match="taken over by another daemon"):
        journal.record(TWO, outcome, engine.state, engine.bundle.id, **kept)
    with reading(database) as connection:
        assert connection.execute(select(func.count()).select_from(tape)).scalar_one() == 1
    later.record(TWO, outcome, engine.state, engine.bundle.id, **kept)
    assert last_state(database, account).minute_ms == TWO.open_ms
