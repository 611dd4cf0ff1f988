"""Which credits PARS may know more of than a ledger that was put back from a backup."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_RESTORED = sa.text("restored_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("credits", sa.Column("restored_at", sa.BigInteger(), nullable=True))
    op.create_index(
        op.f("ix_credits_restored_at"),
        "credits",
        ["restored_at"],
        sqlite_where=_RESTORED,
        postgresql_where=_RESTORED,
    )
