"""Which dead letters a person means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, or_, select

from consumer.ledger.letters import Status
from consumer.ledger.schema import completion_credits, completions, credits_, letters

UNRECOGNISED = "unrecognised"
"""Of what no mapping knew: nobody can tell which LMS sent it."""

DEADLINE = func.coalesce(credits_.c.report_by, completions.c.report_by).label("deadline")


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters to list; blank means any.

    `source` is the LMS's name, or `unrecognised`; with `or_unrecognised` what no mapping knew is
    there too: it may be of that LMS. `since` and `until` are about the last failure, `report_by`
    is a day before which it must be reported. Boards are those of credits.
    """

    status: str = Status.OPEN.value
    stage: str = ""
    reason: str = ""
    source: str = ""
    limit: int = 100
    activity: str = ""
    board: str = ""
    since: datetime | None = None
    until: datetime | None = None
    due_before: Any = None
    or_unrecognised: bool = False
    ids: tuple[str, ...] = ()


def lines(wanted: LetterFilter) -> Select[Any]:
    """Letters beside their credit and completion, newest failure first."""
    # What of these a letter has of its own is the letter's.
    k, c = credits_.c, completions.c
    beside = (k.credit_id, k.board, k.completed_on, k.report_by, k.activity, c.course, c.said)
    query = (
        select(letters, *beside, DEADLINE)
        .select_from(letters)
        .outerjoin(credits_, k.id == letters.c.credit_row)
        .outerjoin(completions, c.id == letters.c.completion_id)
        .where(*_conditions(wanted))
    )
    if wanted.due_before is not None:
        return query.order_by(DEADLINE, letters.c.id)
    return query.order_by(letters.c.last_failed_at.desc(), letters.c.id)


def _conditions(wanted: LetterFilter) -> list[ColumnElement[bool]]:
    lt = letters.c
    found = [
        column == value
        for column, value in ((lt.status, wanted.status), (lt.stage, wanted.stage))
        if value
    ]
    if wanted.ids:
        found.append(lt.id.in_(wanted.ids))
    if wanted.reason:
        found.append(lt.reasons.contains(f'"code":"{wanted.reason}"'))
    if wanted.source:
        sources = ["" if wanted.source == UNRECOGNISED else wanted.source]
        found.append(lt.source.in_([*sources, ""] if wanted.or_unrecognised else sources))
    if wanted.activity:
        named = credits_.c.activity == wanted.activity
        own = or_(named, lt.activity == wanted.activity, completions.c.course == wanted.activity)
        found.append(or_(own, _of_its_credits("activity", wanted.activity)))
    if wanted.board:
        boards = _of_its_credits("board", wanted.board)
        found.append(or_(credits_.c.board == wanted.board, boards))
    if wanted.since is not None:
        found.append(lt.last_failed_at >= wanted.since)
    if wanted.until is not None:
        found.append(lt.last_failed_at < wanted.until)
    if wanted.due_before is not None:
        found.append(wanted.due_before > DEADLINE)
    return found


def _of_its_credits(column: str, value: str) -> ColumnElement[bool]:
    """Whether it is about a completion as a whole, one of whose credits is so."""
    link, other = completion_credits.c, credits_.alias("other")
    behind = (link.completion_id == letters.c.completion_id, link.credit_id == other.c.id)
    return letters.c.credit_row.is_(None) & exists().where(*behind, other.c[column] == value)
