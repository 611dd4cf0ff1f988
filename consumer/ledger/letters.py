"""Dead letters in the ledger: written once per subject, reopened, settled, published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, select, update

from consumer.ledger.database import upsert
from consumer.ledger.schema import letters
from consumer.reason import Reason, Stage, pack_reasons


class Status(StrEnum):
    """Where a dead letter stands."""

    OPEN = "open"
    REPLAYED = "replayed"
    RESOLVED = "resolved"
    DISCARDED = "discarded"
    NOT_OURS = "not_ours"
    KEPT = "kept"


UNSETTLED = (Status.OPEN, Status.REPLAYED)
"""Not done with: open, or on its way round again."""
CLOSED_BY_HAND = (Status.DISCARDED, Status.NOT_OURS)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a letter's bytes came from, and the bytes, sealed."""

    source: str
    mapping: str
    mapping_version: int
    topic: str
    partition: int
    offset: int
    original: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """What stopped a record: the newest failure replaces the one before."""

    letter_id: str
    reasons: Sequence[Reason]
    origin: Origin
    completion_id: int | None = None
    credit_row: int | None = None
    activity: str = ""
    content: str | None = None


def open_letter(connection: Connection, failure: Failure, now: datetime) -> Row[Any]:
    """Write the letter, or open it again with the newest failure; gives the row back."""
    changing = {
        "status": Status.OPEN.value,
        "stage": failure.reasons[0].stage.value,
        "reasons": pack_reasons(failure.reasons),
        "source": failure.origin.source,
        "mapping": failure.origin.mapping,
        "mapping_version": failure.origin.mapping_version,
        "topic": failure.origin.topic,
        "partition": failure.origin.partition,
        "offset": failure.origin.offset,
        "completion_id": failure.completion_id,
        "credit_row": failure.credit_row,
        "activity": failure.activity,
        "original": failure.origin.original,
        "content": failure.content,
        "closing": None,
        "last_failed_at": now,
    }
    statement = upsert(connection, letters).values(
        id=failure.letter_id, first_failed_at=now, **changing
    )
    # Whose letter it is stays known, even when a replay could not read its bytes any more.
    subject = {
        name: func.coalesce(statement.excluded[name], letters.c[name])
        for name in ("completion_id", "credit_row")
    }
    statement = statement.on_conflict_do_update(
        index_elements=["id"], set_=changing | subject | {"failures": letters.c.failures + 1}
    )
    connection.execute(statement)
    return get_letter(connection, failure.letter_id)


def get_letter(connection: Connection, letter_id: str) -> Row[Any]:
    """The letter's row. Raises sqlalchemy.exc.NoResultFound."""
    return connection.execute(select(letters).where(letters.c.id == letter_id)).one()


def with_unsettled(connection: Connection, credit_rows: Sequence[int]) -> set[int]:
    """Those of these credits that a letter is open about, or on its way round."""
    asked = {"rows": credit_rows}
    return {*connection.scalars(_UNSETTLED, asked)} if credit_rows else set()


_UNSETTLED = select(letters.c.credit_row).where(
    letters.c.credit_row.in_(bindparam("rows", expanding=True)),
    letters.c.status.in_(UNSETTLED),
)


def settle_letters(
    connection: Connection,
    status: Status,
    *,
    completion_id: int = 0,
    credit_row: int = 0,
    keep_questions: bool = False,
) -> list[Row[Any]]:
    """Take the open letters of a completion, or of a credit, off the list; gives the rows back.

    `keep_questions` leaves what was put to a person for a decision and was not answered yet.
    """
    subject = (
        letters.c.credit_row == credit_row
        if credit_row
        else (letters.c.completion_id == completion_id) & letters.c.credit_row.is_(None)
    )
    unsettled: ColumnElement[bool] = letters.c.status.in_(UNSETTLED)
    if keep_questions:
        unsettled &= (letters.c.stage != Stage.REVIEW) | (letters.c.status != Status.OPEN)
    ids = list(connection.scalars(select(letters.c.id).where(subject, unsettled)))
    if not ids:
        return []
    connection.execute(update(letters).where(letters.c.id.in_(ids)).values(status=status.value))
    return list(connection.execute(select(letters).where(letters.c.id.in_(ids))))


def resolve(connection: Connection, letter_id: str) -> Row[Any]:
    """Take one letter off the list; gives its row back."""
    done = update(letters).where(letters.c.id == letter_id).values(status=Status.RESOLVED.value)
    connection.execute(done)
    return get_letter(connection, letter_id)


def mark_replayed(connection: Connection, letter_id: str) -> bool:
    """Count one replay of an open letter; False when somebody else has replayed it already."""
    changed = connection.execute(
        update(letters)
        .where(letters.c.id == letter_id, letters.c.status == Status.OPEN)
        .values(status=Status.REPLAYED.value, replays=letters.c.replays + 1)
    )
    return changed.rowcount == 1


def close_letter(connection: Connection, letter_id: str, status: Status, closing: bytes) -> bool:
    """Close an open letter for good; False when it is not open any more."""
    changed = connection.execute(
        update(letters)
        .where(letters.c.id == letter_id, letters.c.status == Status.OPEN)
        .values(status=status.value, closing=closing)
    )
    return changed.rowcount == 1


def reopen_letter(connection: Connection, letter_id: str) -> None:
    """A letter that was closed needs attention again."""
    values = {"status": Status.OPEN.value, "closing": None}
    connection.execute(update(letters).where(letters.c.id == letter_id).values(values))


def open_by_content(connection: Connection, contents: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """The open letters of unreadable events with these contents."""
    query = select(letters).where(letters.c.content.in_(contents), letters.c.status == Status.OPEN)
    found: dict[str, list[Row[Any]]] = {}
    for row in connection.execute(query.order_by(letters.c.id)) if contents else ():
        found.setdefault(row.content, []).append(row)
    return found


def any_unread(connection: Connection) -> bool:
    """Whether any open letter is of an event that nobody could read."""
    query = select(letters.c.id).where(letters.c.content.is_not(None))
    return connection.scalar(query.where(letters.c.status == Status.OPEN).limit(1)) is not None
