"""The desk's dead letters: list them, look at one, send it round again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, select
from sqlalchemy.exc import NoResultFound

from consumer.clock import Clock
from consumer.desk.trail import remember
from consumer.desk.words import advice
from consumer.journey import House
from consumer.ledger.goinground import Rounds
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status, get_letter, mark_replayed
from consumer.ledger.originals import hear_again
from consumer.ledger.schema import credits_, letters
from consumer.ledger.seal import unpack_original
from consumer.reason import unpack_reasons

Shown = dict[str, object]
"""One row as people and pipelines see it; nothing personal in it."""


class NoSuchLetter(Exception):
    """No dead letter has this ID."""


class NotOpen(Exception):
    """The letter was replayed or settled already."""


class AsksForDecision(NotOpen):
    """Sending it round again answers nothing: a person agrees or declines."""


DECIDED = {"no_longer_derived", "accepted_meanwhile"}
"""Questions about what PARS has, which a replay would leave beside what is to take its place."""


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters to list; blank means any."""

    status: str = Status.OPEN.value
    stage: str = ""
    reason: str = ""
    source: str = ""
    limit: int = 100


def list_letters(ledger: Ledger, wanted: LetterFilter) -> list[Shown]:
    """Letters, newest failure first."""
    query = _letters().order_by(letters.c.last_failed_at.desc(), letters.c.id)
    for column, value in (
        (letters.c.status, wanted.status),
        (letters.c.stage, wanted.stage),
        (letters.c.source, wanted.source),
    ):
        query = query.where(column == value) if value else query
    if wanted.reason:
        query = query.where(letters.c.reasons.contains(f'"code":"{wanted.reason}"'))
    with ledger.read() as db:
        return [_brief(row) for row in db.execute(query.limit(wanted.limit))]


def show_letter(ledger: Ledger, letter_id: str) -> Shown:
    """All about one letter but its content. Raises NoSuchLetter."""
    with ledger.read() as db:
        row = db.execute(_letters().where(letters.c.id == letter_id)).one_or_none()
    if row is None:
        raise NoSuchLetter(f"no dead letter has the ID {letter_id}")
    return _brief(row) | {
        "reasons": [_reason(r) for r in unpack_reasons(row.reasons)],
        "mapping": row.mapping,
        "mapping_version": row.mapping_version,
        "heard_at": _heard_at(ledger, row) if row.topic else "",
        "first_failed": row.first_failed_at.isoformat(timespec="seconds"),
        "failures": row.failures,
    }


def _heard_at(ledger: Ledger, row: Row[Any]) -> str:
    place = f"{row.topic}/{row.partition}/{row.offset}"
    part = unpack_original(ledger.seal.open(row.original)).part
    return place if part is None else f"{place}, event {part + 1} of the message"


def reveal_letter(ledger: Ledger, letter_id: str, who: str, clock: Clock) -> bytes:
    """The original bytes, personal data and all; remembered in the audit. Raises NoSuchLetter."""
    with ledger.begin() as db:
        row = find_letter(db, letter_id)
        remember(db, ledger, clock.now(), who, "letter.revealed", letter_id)
    return unpack_original(ledger.seal.open(row.original)).value or b""


def replay_letter(
    ledger: Ledger,
    house: House,
    letter_id: str,
    who: str,
    why: str,
    clock: Clock,
    what: str = "letter.replayed",
) -> str:
    """Send a letter's bytes through today's journey; gives the new fate.

    Letter, row and audit change in one transaction. Raises NoSuchLetter, NotOpen.
    """
    now = clock.now()
    with ledger.begin() as db:
        row = find_letter(db, letter_id)
        if row.status == Status.OPEN and unpack_reasons(row.reasons)[0].code in DECIDED:
            raise AsksForDecision(f"{letter_id} asks for a decision: agree to it, or decline it")
        if not mark_replayed(db, letter_id):
            raise NotOpen(f"{letter_id} is {row.status}")
        remember(db, ledger, now, who, what, letter_id, why)
        message, heard = hear_again(ledger.seal, row, house, now)
        return Rounds(db, ledger, house, now).replay(row, message, heard)


def _letters() -> Select[Any]:
    return select(letters, credits_.c.credit_id).outerjoin(
        credits_, credits_.c.id == letters.c.credit_row
    )


def find_letter(db: Connection, letter_id: str) -> Row[Any]:
    """The letter's row. Raises NoSuchLetter."""
    try:
        return get_letter(db, letter_id)
    except NoResultFound:
        raise NoSuchLetter(f"no dead letter has the ID {letter_id}") from None


def _brief(row: Row[Any]) -> Shown:
    reasons = unpack_reasons(row.reasons)
    told = advice(reasons[0])
    return {
        "letter_id": row.id,
        "status": row.status,
        "stage": row.stage,
        "reason": reasons[0].code,
        "field": reasons[0].field,
        "what_happened": told.happened,
        "who_can_fix_it": told.who,
        "how": told.how,
        "source": row.source,
        "activity": row.activity,
        "credit_id": row.credit_id or "",
        "last_failed": row.last_failed_at.isoformat(timespec="seconds"),
        "replays": row.replays,
    }


def _reason(reason: Any) -> Shown:
    told = advice(reason)
    return {
        "code": reason.code,
        "field": reason.field,
        "detail": reason.detail,
        "what_happened": told.happened,
        "how": told.how,
    }


def open_ids(ledger: Ledger, wanted: LetterFilter) -> Sequence[str]:
    """The IDs of the letters that a filter selects."""
    return [str(row["letter_id"]) for row in list_letters(ledger, wanted)]
