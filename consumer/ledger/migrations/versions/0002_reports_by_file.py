"""Reports by file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "reports",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("form", sa.String(length=10), nullable=False),
        sa.Column("profile", sa.String(length=60), nullable=False),
        sa.Column("activity", sa.String(length=1000), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("files", sa.Text(), nullable=False),
        sa.Column("who", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    with op.batch_alter_table("credits", schema=None) as batch_op:
        batch_op.add_column(sa.Column("report_id", _NUMBER, nullable=True))
        batch_op.add_column(sa.Column("report_action", sa.String(length=6), nullable=True))
        batch_op.add_column(sa.Column("four_fields", sa.String(length=64), nullable=True))
        batch_op.create_index(batch_op.f("ix_credits_report_id"), ["report_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_credits_four_fields"), ["four_fields"], unique=False)
