"""What was purged, and amendments: the one change to a row of the audit trail that is let through.

An amendment is written first, and lets its row be changed once: why, values and subject alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_SAYS = "the audit trail is only ever added to"
_STOP = f"BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
_KEPT = ("id", "at", "who", "what", "digest")
_FIXED = ("number", "at", "what", "row", "link", "cells", "digest")
_AWAITED = "EXISTS (SELECT 1 FROM amendments WHERE row = OLD.id AND NOT done)"


def upgrade() -> None:
    for table in ("completions", "credits", "letters"):
        op.add_column(table, sa.Column("purged_at", sa.BigInteger()))
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "amendments",
        sa.Column("number", number, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.String(length=60), nullable=False),
        sa.Column("row", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.String(length=64), nullable=False),
        sa.Column("cells", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.create_index("ix_amendments_row", "amendments", ["row"])
    if op.get_context().dialect.name == "sqlite":
        _in_a_file()
    else:
        _on_a_server()


def _in_a_file() -> None:
    same, fixed = _same(_KEPT, "IS"), _same(_FIXED, "IS")
    numbered = "EXISTS (SELECT 1 FROM amendments WHERE number = NEW.number)"
    op.execute("DROP TRIGGER audit_unchanged")
    for trigger in (
        f"audit_unchanged BEFORE UPDATE ON audit WHEN NOT ({same} AND {_AWAITED}) {_STOP}",
        "audit_amended AFTER UPDATE ON audit"
        " BEGIN UPDATE amendments SET done = 1 WHERE row = NEW.id AND NOT done; END",
        "amendments_unchanged BEFORE UPDATE ON amendments"
        f" WHEN NOT ({fixed} AND NOT OLD.done AND NEW.done) {_STOP}",
        f"amendments_undeleted BEFORE DELETE ON amendments {_STOP}",
        f"amendments_unreplaced BEFORE INSERT ON amendments WHEN {numbered} {_STOP}",
    ):
        op.execute(f"CREATE TRIGGER {trigger}")


def _on_a_server() -> None:
    same, fixed = (_same(names, "IS NOT DISTINCT FROM") for names in (_KEPT, _FIXED))
    refuse = f"RAISE EXCEPTION '{_SAYS}' USING ERRCODE = 'restrict_violation'"
    op.execute("DROP TRIGGER audit_kept ON audit")
    for name, allowed in (
        ("audit_changed", f"{same} AND {_AWAITED}"),
        ("amendments_changed", f"{fixed} AND NOT OLD.done AND NEW.done"),
    ):
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NOT ({allowed}) THEN {refuse}; END IF; RETURN NEW; END $$"
        )
    op.execute(
        "CREATE FUNCTION audit_amended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE amendments SET done = true WHERE row = NEW.id AND NOT done; RETURN NULL; END $$"
    )
    for trigger in (
        "audit_kept BEFORE DELETE OR TRUNCATE ON audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_kept()",
        "audit_changed BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION audit_changed()",
        "audit_amended AFTER UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION audit_amended()",
        "amendments_kept BEFORE DELETE OR TRUNCATE ON amendments"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_kept()",
        "amendments_changed BEFORE UPDATE ON amendments"
        " FOR EACH ROW EXECUTE FUNCTION amendments_changed()",
    ):
        op.execute(f"CREATE TRIGGER {trigger}")


def _same(names: tuple[str, ...], compared: str) -> str:
    return " AND ".join(f"NEW.{name} {compared} OLD.{name}" for name in names)
