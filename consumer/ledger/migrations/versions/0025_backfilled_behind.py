"""Backfilled credits are sent behind what is heard today."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0022"
branch_labels = None
depends_on = None

_BEFORE = ["state", "profile", "report_by", "id"]
_NOW = ["state", "profile", "behind", "report_by", "id"]


def upgrade() -> None:
    op.add_column(
        "credits", sa.Column("behind", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.drop_index(op.f("ix_credits_" + "_".join(_BEFORE)), "credits")
    op.create_index(op.f("ix_credits_" + "_".join(_NOW)), "credits", _NOW)
