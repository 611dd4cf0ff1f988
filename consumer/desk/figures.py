"""Figures of the whole ledger, for whoever watches the service; all read in one consistent view."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, func, select

from consumer.credit import Heard, State
from consumer.desk.lists import (
    asked,
    credits_at_risk,
    heard_at_risk,
    partly_at_risk,
    ready_to_go,
)
from consumer.desk.looking import Desk, Moment
from consumer.desk.overview import (
    credit_states,
    decided_since,
    due_before,
    heard_states,
    list_counts,
)
from consumer.ledger.backup import BACKED_UP
from consumer.ledger.chain import HEAD
from consumer.ledger.facts import get_fact
from consumer.ledger.noticebook import Standing
from consumer.ledger.noticetables import notices
from consumer.ledger.reconcilebook import WAITING, newest
from consumer.ledger.reconcilebook import standing as turns
from consumer.ledger.schema import completions, credits_, letters, lines, outbox, surges
from consumer.ledger.webhookbook import standing
from consumer.reason import unpack_reasons

Figure = tuple[str, tuple[str, ...], float]
"""A metric, the values of its labels, and how much it is."""

_c, _k, _l = completions.c, credits_.c, letters.c
_DAY = timedelta(days=1)
_LAST_DAY = date(9999, 1, 1)


def figures(desk: Desk) -> list[Figure]:
    """Everything that consumer/telemetry/metrics.py says of the whole. Raises LedgerUnavailable."""
    with desk.ledger.read() as db:
        moment = desk.moment(db)
        return [
            *_standing(db, moment),
            *_ages(db, moment.now),
            *_letters(db),
            *_deadlines(db, moment),
            *_sources(db),
            *_lines(db),
            *_queues(db, moment.now),
            *_lists(db, moment.now),
            *_ledger(db),
        ]


def _standing(db: Connection, moment: Moment) -> Iterator[Figure]:
    states, heard = credit_states(db), heard_states(db)
    for state in State:
        yield "moc_credits", (state.value,), states[state]
    for stand in Heard:
        yield "moc_completions", (stand.value,), heard[stand]
    for name, count in list_counts(db, moment, states, heard).items():
        yield "moc_work_items", (name,), count
    for verdict, count in decided_since(db, moment.now - 7 * _DAY).items():
        yield "moc_decided_in_7_days", (verdict,), count


def _ages(db: Connection, now: datetime) -> Iterator[Figure]:
    # Numbers are given in order: the lowest is the one that has been there longest.
    ready = select(func.min(_k.id)).where(ready_to_go(db)).scalar_subquery()
    held = select(func.min(_c.id)).where(_c.state == Heard.HELD).scalar_subquery()
    oldest = {
        "ready": select(_k.created_at).where(_k.id == ready),
        "waiting": select(_c.heard_at).where(_c.id == held),
        "attention": select(func.min(_l.first_failed_at)).where(asked()),
        "rejected": select(func.min(_k.decided_at)).where(_k.state == State.REJECTED),
    }
    for name, query in oldest.items():
        yield "moc_oldest_seconds", (name,), _age(db, query, now)


def _age(db: Connection, query: Select[Any], now: datetime) -> float:
    at = db.scalar(query)
    return max(0.0, (now - at).total_seconds()) if at else 0.0


def _letters(db: Connection) -> Iterator[Figure]:
    found: Counter[tuple[str, str]] = Counter()
    query = select(_l.reasons, func.count()).where(asked()).group_by(_l.reasons)
    for reasons, count in db.execute(query):
        first = unpack_reasons(reasons)[0]
        found[first.stage.value, first.code] += count
    for labels, count in found.items():
        yield "moc_letters_open", labels, count


def _deadlines(db: Connection, moment: Moment) -> Iterator[Figure]:
    today = moment.watch.today
    for days in (7, 30):
        yield "moc_due", (str(days),), due_before(db, today + days * _DAY)
    nearest = _nearest(db)
    if nearest is not None:
        yield "moc_nearest_deadline_days", (), (nearest - today).days


def _nearest(db: Connection) -> date | None:
    def first(day: ColumnElement[Any], which: ColumnElement[bool]) -> date | None:
        found: date | None = db.scalar(select(func.min(day)).where(which))
        return found

    dues = (
        first(_k.report_by, credits_at_risk(_LAST_DAY)),
        first(_c.report_by, heard_at_risk(_LAST_DAY)),
        first(_c.report_by, partly_at_risk(_LAST_DAY)),
    )
    return min((due for due in dues if due is not None), default=None)


def _sources(db: Connection) -> Iterator[Figure]:
    held = frozenset(db.scalars(select(surges.c.source)))
    source = ""
    # From one to the next: there are few of them, and many completions.
    while source := db.scalar(select(func.min(_c.source)).where(_c.source > source)) or "":
        newest = select(func.max(_c.id)).where(_c.source == source).scalar_subquery()
        at = db.scalar(select(_c.heard_at).where(_c.id == newest))
        yield "moc_source_held", (source,), source in held
        if at is not None:
            yield "moc_source_heard_timestamp_seconds", (source,), at.timestamp()
        held -= {source}
    for never in held:  # everything it said was refused
        yield "moc_source_held", (never,), 1


def _lines(db: Connection) -> Iterator[Figure]:
    for row in db.execute(select(lines)):
        profile = (row.profile,)
        yield "moc_line_open", profile, row.open_until is not None
        yield "moc_line_stopped", profile, row.stopped
        yield "moc_line_failures", profile, row.failures
        if row.last_success_at is not None:
            at = row.last_success_at.timestamp()
            yield "moc_line_success_timestamp_seconds", profile, at


def _queues(db: Connection, now: datetime) -> Iterator[Figure]:
    count, first = db.execute(select(func.count(), func.min(outbox.c.created_at))).one()
    yield "moc_outbox_messages", (), count
    yield "moc_outbox_oldest_seconds", (), (now - first).total_seconds() if first else 0
    for row in standing(db):
        since = row.failing_since
        yield "moc_webhook_waiting", (row.name,), row.waiting
        seconds = (now - since).total_seconds() if since else 0
        yield "moc_webhook_failing_seconds", (row.name,), seconds
    n = notices.c
    failing = func.count(case((n.cause != "", 1)))
    query = select(func.count(), failing).where(n.state == Standing.WAITING)
    waiting, in_trouble = db.execute(query).one()
    yield "moc_notices_waiting", (), waiting
    yield "moc_notices_failing", (), in_trouble


def _lists(db: Connection, now: datetime) -> Iterator[Figure]:
    for name, row in newest(db).items():
        waits = row.missing if row.standing in WAITING else 0
        yield "moc_list_compared_timestamp_seconds", (name,), row.at.timestamp()
        yield "moc_list_missing", (name,), row.missing
        yield "moc_list_waiting", (name,), waits
    for turn in turns(db):
        since = turn.failing_since
        seconds = (now - since).total_seconds() if since else 0
        yield "moc_list_failing_seconds", (turn.name,), seconds


def _ledger(db: Connection) -> Iterator[Figure]:
    yield "moc_ledger_size_bytes", (), _size(db)
    head = get_fact(db, HEAD) or ""
    yield "moc_audit_head", (), int(head.partition(":")[0] or 0)
    backed_up = get_fact(db, BACKED_UP)
    if backed_up is not None:
        yield "moc_backup_timestamp_seconds", (), int(backed_up) / 1000


def _size(db: Connection) -> int:
    if db.dialect.name == "postgresql":
        return int(db.scalar(select(func.pg_database_size(func.current_database()))) or 0)
    pages = db.exec_driver_sql("PRAGMA page_count").scalar()
    return int(pages or 0) * int(db.exec_driver_sql("PRAGMA page_size").scalar() or 0)
