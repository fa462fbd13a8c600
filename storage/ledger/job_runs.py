"""Job runs: when scheduled work last ran, in market time; a restart asks before it makes up for anything."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, delete, select

from storage.ledger.database import reading, writing
from storage.ledger.tables import job_run


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One run. `finished_ms` is None while it goes on, and for ever when the daemon died in it."""

    name: str
    started_ms: int
    finished_ms: int | None
    outcome: str | None


class JobRuns:
    """The runs of one account's jobs."""

    def __init__(self, database: Engine, account_id: int) -> None:
        self._database = database
        self._account_id = account_id

    def begin(self, name: str, started_ms: int) -> None:
        """Write that a run begins; one that began in the same millisecond is replaced."""
        mine = (job_run.c.account_id == self._account_id, job_run.c.name == name, job_run.c.started_ms == started_ms)
        with writing(self._database) as connection:
            connection.execute(delete(job_run).where(*mine))
            connection.execute(job_run.insert().values(account_id=self._account_id, name=name, started_ms=started_ms))

    def end(self, name: str, started_ms: int, finished_ms: int, outcome: str) -> None:
        """Write how a run ended."""
        mine = (job_run.c.account_id == self._account_id, job_run.c.name == name, job_run.c.started_ms == started_ms)
        with writing(self._database) as connection:
            connection.execute(job_run.update().where(*mine).values(finished_ms=finished_ms, outcome=outcome))

    def latest(self, name: str) -> JobRun | None:
        """Return the run of a job that began last; None: it never ran."""
        runs = self.recent(name, 1)
        return runs[0] if runs else None

    def recent(self, name: str, count: int = 20) -> list[JobRun]:
        """Return the newest runs of a job, newest first."""
        query = select(job_run).where(job_run.c.account_id == self._account_id, job_run.c.name == name)
        with reading(self._database) as connection:
            rows = connection.execute(query.order_by(job_run.c.started_ms.desc()).limit(count)).mappings().all()
        return [
            JobRun(
                name=row["name"],
                started_ms=row["started_ms"],
                finished_ms=row["finished_ms"],
                outcome=row["outcome"],
            )
            for row in rows
        ]
