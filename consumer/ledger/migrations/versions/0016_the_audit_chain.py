"""The audit as a chain: what was before and after, a signature, and no row changed or deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0017"
branch_labels = None
depends_on = None

_SAYS = "the audit trail is only ever added to"
_IN_A_FILE = f"BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
# What REPLACE deletes fires no trigger of its own in SQLite.
_REPLACED = "WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)"


def upgrade() -> None:
    op.add_column("audit", sa.Column("change", sa.LargeBinary()))
    blank = sa.text("''")
    op.add_column(
        "audit", sa.Column("digest", sa.String(length=64), nullable=False, server_default=blank)
    )
    if op.get_context().dialect.name == "sqlite":
        op.execute(f"CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit {_IN_A_FILE}")
        op.execute(f"CREATE TRIGGER audit_undeleted BEFORE DELETE ON audit {_IN_A_FILE}")
        op.execute(
            f"CREATE TRIGGER audit_unreplaced BEFORE INSERT ON audit {_REPLACED} {_IN_A_FILE}"
        )
    else:
        op.execute(
            "CREATE FUNCTION audit_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" RAISE EXCEPTION '{_SAYS}' USING ERRCODE = 'restrict_violation'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
            " FOR EACH STATEMENT EXECUTE FUNCTION audit_kept()"
        )
