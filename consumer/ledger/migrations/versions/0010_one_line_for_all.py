"""Many senders: one pace and breaker for all, credits that were overtaken, claims by deadline."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lines",
        sa.Column("profile", sa.Text, nullable=False),
        sa.Column("permits", sa.Float, nullable=False),
        sa.Column("filled_at", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("open_until", sa.BigInteger),
        sa.Column("probe_until", sa.BigInteger),
        sa.Column("stopped", sa.Boolean, nullable=False),
        sa.Column("last_success_at", sa.BigInteger),
        sa.PrimaryKeyConstraint("profile", name="pk_lines"),
    )
    op.add_column("credits", sa.Column("overtaken_at", sa.BigInteger))
    op.drop_index("ix_credits_state_profile_due_at_report_by", "credits")
    for by in ("due_at", "report_by"):
        columns = ["state", "profile", by, "id"]
        op.create_index(f"ix_credits_{'_'.join(columns)}", "credits", columns)
