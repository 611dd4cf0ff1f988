"""A completion keeps which trace its event belongs to, for what is sent hours later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("completions", sa.Column("trace", sa.String(55)))
