"""Evaluations and claims that their LMS may take back by the id of their event."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("steps", sa.Column("name", sa.String(length=64)))
    op.create_index("ix_steps_name", "steps", ["name"])
