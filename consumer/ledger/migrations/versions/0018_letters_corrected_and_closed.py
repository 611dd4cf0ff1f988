"""Letters that people correct, close for good, and that are known again by their content."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "completions", sa.Column("edited", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("letters", sa.Column("content", sa.String(length=64)))
    op.add_column("letters", sa.Column("closing", sa.LargeBinary()))
    known = sa.text("content IS NOT NULL")
    op.create_index(
        "ix_letters_content", "letters", ["content"], sqlite_where=known, postgresql_where=known
    )
    op.create_table(
        "letter_edits",
        sa.Column("letter_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=120), nullable=False),
        sa.Column("edit", sa.LargeBinary(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["letter_id"], ["letters.id"], name="fk_letter_edits_letter_id_letters"
        ),
        sa.PrimaryKeyConstraint("letter_id", "version", name="pk_letter_edits"),
    )
