"""What a person said of an accepted credit, and which completions used to stand behind a credit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    no, yes = sa.false(), sa.true()
    op.add_column(
        "credits", sa.Column("accepted_too", sa.Boolean(), nullable=False, server_default=no)
    )
    op.add_column(
        "completion_credits", sa.Column("stands", sa.Boolean(), nullable=False, server_default=yes)
    )
