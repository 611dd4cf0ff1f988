"""The nightly comparison with the LMSs' own lists: each list's turn, and what was found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# SQLite counts only in its INTEGER, PostgreSQL needs the room of a BIGINT.
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "lists",
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("night", sa.Date()),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger()),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lists"),
    )
    figures = ("compared", "missing", "published", "taken_back", "not_listed")
    op.create_table(
        "comparisons",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(120), nullable=False),
        sa.Column("standing", sa.String(12), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in figures),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("courses", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_comparisons"),
    )
    op.create_index("ix_comparisons_name_id", "comparisons", ["name", "id"])
