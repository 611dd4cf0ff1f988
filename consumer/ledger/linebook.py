"""How each provider profile's line to PARS stands: read and written where credits are claimed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from consumer.ledger.database import upsert
from consumer.ledger.schema import lines
from consumer.pumps.line import Line

_STATE = ("failures", "open_until", "probe_until", "stopped", "last_success_at")


def stand(db: Connection, known: Mapping[str, Line]) -> dict[str, Line]:
    """The lines as the ledger has them; one that it has not is as it was."""
    rows = {row.profile: row for row in db.execute(select(lines))}
    return {name: _as(line, rows.get(name)) for name, line in known.items()}


def write(db: Connection, changed: Iterable[Line]) -> None:
    """Have them stand so, for whoever claims next."""
    rows = [_row(line) for line in changed if line.pace.filled_at is not None]
    if not rows:
        return
    statement = upsert(db, lines)
    new = {name: statement.excluded[name] for name in ("permits", "filled_at", *_STATE)}
    db.execute(statement.on_conflict_do_update(index_elements=["profile"], set_=new), rows)


def _as(line: Line, row: Any | None) -> Line:
    if row is None:
        return line
    pace = replace(line.pace, permits=row.permits, filled_at=row.filled_at)
    breaker = replace(line.breaker, **{name: getattr(row, name) for name in _STATE})
    return replace(line, breaker=breaker, pace=pace)


def _row(line: Line) -> dict[str, Any]:
    pace = {"permits": line.pace.permits, "filled_at": line.pace.filled_at}
    state = {name: getattr(line.breaker, name) for name in _STATE}
    return {"profile": line.profile} | pace | state
