"""A retraction may name nothing but the event that it takes back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "named_events",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column(
            "completion_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("completed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["completion_id"],
            ["completions.id"],
            name=op.f("fk_named_events_completion_id_completions"),
        ),
        sa.PrimaryKeyConstraint("digest", "completion_id", name=op.f("pk_named_events")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_named_events_completion_id"), "named_events", ["completion_id"])
    op.create_table(
        "retracted_events",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("site", sa.String(length=255), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "site", name=op.f("pk_retracted_events")),
        sqlite_with_rowid=False,
    )
