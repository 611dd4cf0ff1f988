"""What the desk looks for among a hundred thousand: by course, source, deadline, day and reason."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_WAITING = sa.text("state IN ('held', 'refused')")
_REASONED = sa.text("reasons != '[]'")
_DECIDED = sa.text("decided_at IS NOT NULL")
_UNFINISHED = sa.text("unfinished = 1"), sa.text("unfinished")


def upgrade() -> None:
    op.create_index("ix_events_heard_at_fate", "events", ["heard_at", "fate"])
    op.create_index("ix_completions_source_id", "completions", ["source", "id"])
    op.create_index("ix_completions_course", "completions", ["course"])
    _partial("ix_completions_unfinished", "completions", ["id"], *_UNFINISHED)
    waiting = ["state", "report_by", "reasons", "heard_at", "id"]
    _partial("ix_completions_waiting", "completions", waiting, _WAITING)
    op.create_index("ix_credits_activity", "credits", ["activity"])
    _partial("ix_credits_reasoned", "credits", ["state", "id"], _REASONED)
    _partial("ix_credits_decided_at_state", "credits", ["decided_at", "state"], _DECIDED)


def _partial(
    name: str,
    table: str,
    columns: list[str],
    where: sa.TextClause,
    on_server: sa.TextClause | None = None,
) -> None:
    server = where if on_server is None else on_server
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=server)
