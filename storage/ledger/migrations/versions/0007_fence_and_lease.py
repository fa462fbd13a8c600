"""A number for every writer of an account, and leases as rows for poolers"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("state", sa.Column("fence", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "lease",
        sa.Column("exchange", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("holder", sa.String(length=400), nullable=False),
        sa.Column("until_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("exchange", "name", name=op.f("pk_lease")),
    )
