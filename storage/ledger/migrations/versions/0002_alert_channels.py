"""Where each alert channel began, and until when it is muted"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "channel",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("after_id", sa.Integer(), nullable=False),
        sa.Column("muted_until_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_channel_account_id")),
        sa.PrimaryKeyConstraint("account_id", "name", name=op.f("pk_channel")),
    )
