"""Archived days of the tape, checkpoints at the end of each day, and what monitors found"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "archive",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_archive_account_id")),
        sa.PrimaryKeyConstraint("account_id", "first_ms", name=op.f("pk_archive")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("minute_ms", sa.BigInteger(), nullable=False),
        sa.Column("kernel", sa.LargeBinary(), nullable=False),
        sa.Column("bundle_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_checkpoint_account_id")),
        sa.PrimaryKeyConstraint("account_id", "minute_ms", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "monitor",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("ms", sa.BigInteger(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_monitor_account_id")),
        sa.PrimaryKeyConstraint("account_id", "kind", "ms", name=op.f("pk_monitor")),
    )
