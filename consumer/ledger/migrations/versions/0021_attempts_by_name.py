"""A credit is found by each CreditID it ever had, however much PARS was asked."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_attempts_credit_id", "attempts", ["credit_id"])
