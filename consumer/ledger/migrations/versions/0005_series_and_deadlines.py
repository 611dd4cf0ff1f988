"""A learner's credits of one activity together; boards that still wait; deadlines of what waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0001"
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


def downgrade() -> None:
    with op.batch_alter_table("completions") as batch_op:
        batch_op.drop_column("report_by")
        batch_op.drop_column("unfinished")
    with op.batch_alter_table("credits") as batch_op:
        batch_op.drop_index(batch_op.f("ix_credits_series"))
        batch_op.drop_column("closes_on")
        batch_op.drop_column("series")
