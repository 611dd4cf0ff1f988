"""What people and other systems are told, and who was told what already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# SQLite counts only in its INTEGER, PostgreSQL needs the room of a BIGINT.
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _notices()
    _matters()
    _outcomes()
    _webhooks()


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("way", sa.String(10), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("occasion", sa.String(300), nullable=False),
        sa.Column("message_id", sa.String(64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("sent_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_notices"),
    )
    names = ["role", "way", "kind", "occasion"]
    op.create_index("ix_notices_role_way_kind_occasion", "notices", names, unique=True)
    op.create_index("ix_notices_state_due_at", "notices", ["state", "due_at"])


def _matters() -> None:
    op.create_table(
        "notice_matters",
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("way", sa.String(10), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("role", "way", "kind", "subject", name="pk_notice_matters"),
        sqlite_with_rowid=False,
    )


def _outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("credit_row", _NUMBER, nullable=False),
        sa.Column("credit_id", sa.String(300), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("board", sa.String(20), nullable=False),
        sa.Column("credit_type", sa.String(120), nullable=False),
        sa.Column("activity", sa.String(1000), nullable=False),
        sa.Column("pars_activity_id", sa.String(9), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outcomes"),
    )
    op.create_index("ix_outcomes_at", "outcomes", ["at"])
    op.create_index("ix_outcomes_credit_row", "outcomes", ["credit_row"])


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("told_until", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("lease_until", sa.BigInteger()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("gone_at", sa.BigInteger()),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("given_up", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_webhooks"),
    )
