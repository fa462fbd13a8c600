"""Alembic's entry: runs the revisions on the connection that `storage.ledger.database.migrate` hands over."""

from __future__ import annotations

from alembic import context

from storage.ledger.tables import metadata


def run() -> None:
    """Upgrade in one transaction; batch mode lets SQLite alter tables."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_as_batch=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
