"""The latest date that a completion was said again with: what is taken back before it stands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("completions", sa.Column("noted_at", sa.BigInteger()))
