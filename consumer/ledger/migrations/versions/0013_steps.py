"""Evaluations and claims beside the completion; until when what a completion waits for counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("completions", sa.Column("closes_on", sa.Date))
    op.create_table(
        "steps",
        sa.Column("id", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("completion_id", _NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("topic", sa.String(length=249), nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
        sa.Column("mapping", sa.String(length=120), nullable=False),
        sa.Column("mapping_version", sa.Integer, nullable=False),
        sa.Column("said", sa.LargeBinary, nullable=False),
        sa.Column("original", sa.LargeBinary, nullable=False),
        sa.Column("heard_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["completion_id"], ["completions.id"], name="fk_steps_completion_id_completions"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
    )
    op.create_index(
        "ix_steps_completion_id_digest", "steps", ["completion_id", "digest"], unique=True
    )
