"""What PARS said: answers kept with the attempt, words that nobody knows; audit by subject."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SPOKEN = sa.text("word IS NOT NULL")


def upgrade() -> None:
    op.add_column("attempts", sa.Column("answer", sa.LargeBinary(), nullable=True))
    op.add_column("attempts", sa.Column("word", sa.String(length=64), nullable=True))
    op.create_index(
        op.f("ix_attempts_word"),
        "attempts",
        ["word"],
        sqlite_where=_SPOKEN,
        postgresql_where=_SPOKEN,
    )
    op.create_index(op.f("ix_audit_subject"), "audit", ["subject"])
