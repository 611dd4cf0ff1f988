"""Ledgers on PostgreSQL: what LMSs and tables call things may be of any length there too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ANY_LENGTH = {
    "audit": ["who", "subject"],
    "completions": ["mapping", "source", "site", "course", "occurrence"],
    "credits": ["profile", "board", "credit_type", "activity", "credit_id"],
    "letters": ["mapping", "source", "activity"],
    "reports": ["profile", "activity", "who"],
    "inquiries": ["subject"],
    "attempts": ["credit_id"],
    "tallies": ["source", "mapping"],
    "surges": ["source", "mapping"],
}


def upgrade() -> None:
    op.drop_column("credits", "answer")
    if op.get_context().dialect.name == "sqlite":
        return  # it never counted characters
    for table, columns in _ANY_LENGTH.items():
        for column in columns:
            op.alter_column(table, column, type_=sa.Text())
