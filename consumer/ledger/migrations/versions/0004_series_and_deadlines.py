"""A learner's credits of one activity together; boards that still wait; deadlines of what waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("credits") as batch_op:
        batch_op.add_column(sa.Column("series", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("closes_on", sa.Date(), nullable=True))
        batch_op.create_index(batch_op.f("ix_credits_series"), ["series"])
    with op.batch_alter_table("completions") as batch_op:
        batch_op.add_column(
            sa.Column("unfinished", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("report_by", sa.Date(), nullable=True))
