"""Bundles watched beside the one that decides: their trials and what they expected"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "trial",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("bundle_id", sa.String(length=32), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("champion_id", sa.String(length=32), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("ended_ms", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_trial_account_id")),
        sa.PrimaryKeyConstraint("account_id", "bundle_id", "started_ms", name=op.f("pk_trial")),
    )
    op.create_table(
        "shadow",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("bundle_id", sa.String(length=32), nullable=False),
        sa.Column("started_ms", sa.BigInteger(), nullable=False),
        sa.Column("open_ms", sa.BigInteger(), nullable=False),
        sa.Column("market", sa.Integer(), nullable=False),
        sa.Column("champion_id", sa.String(length=32), nullable=False),
        sa.Column("expected", sa.Float(precision=53), nullable=False),
        sa.Column("champion_expected", sa.Float(precision=53), nullable=False),
        sa.Column("sigma", sa.Float(precision=53), nullable=False),
        sa.Column("matured", sa.Boolean(), nullable=False),
        sa.Column("came", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_shadow_account_id")),
        sa.PrimaryKeyConstraint("account_id", "bundle_id", "started_ms", "open_ms", "market", name=op.f("pk_shadow")),
    )
