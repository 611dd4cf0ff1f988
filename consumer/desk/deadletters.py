"""The desk's dead letters: list them, look at one, reveal it, send it round again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.exc import NoResultFound

from consumer.clock import Clock
from consumer.desk.closed import closed_as
from consumer.desk.letterfilter import DEADLINE, LetterFilter, lines
from consumer.desk.purged import purged_on
from consumer.desk.trail import remember
from consumer.desk.words import advice
from consumer.journey import House
from consumer.ledger.goinground import Rounds
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status, get_letter, mark_replayed
from consumer.ledger.originals import hear_again
from consumer.ledger.schema import completion_credits, completions, credits_
from consumer.ledger.seal import unpack_original
from consumer.reason import unpack_reasons

__all__ = ["LetterFilter"]

Shown = dict[str, object]
"""One row as people and pipelines see it; nothing personal in it."""

MOST_REPLAYS = 2
"""So often a letter goes round without a question: what failed twice will fail a third time."""


class NoSuchLetter(Exception):
    """No dead letter has this ID."""


class NotOpen(Exception):
    """The letter was replayed, settled or closed already."""


class AsksForDecision(NotOpen):
    """Sending it round again answers nothing: a person agrees or declines."""


class NoCreditYet(Exception):
    """The letter is about a completion that has led to no credit, or about none at all."""


class ReplayedTooOften(Exception):
    """It went round twice and came back: somebody should look at it before it goes a third time."""


class CameBackTheSame(Exception):
    """It would come back for the very reasons that it has: it stays as it is."""


DECIDED = {"no_longer_derived", "accepted_meanwhile"}
"""Questions about what PARS has, which a replay would leave beside what is to take its place."""


def list_letters(ledger: Ledger, wanted: LetterFilter) -> list[Shown]:
    """Letters, newest failure first; those at risk alone come earliest deadline first."""
    with ledger.read() as db:
        rows = db.execute(lines(wanted).limit(wanted.limit)).all()
        named = _credits_behind(db, [row.completion_id for row in rows if row.credit_row is None])
        return [_brief(ledger, row, named.get(row.completion_id)) for row in rows]


def show_letter(ledger: Ledger, letter_id: str) -> Shown:
    """All about one letter but its content. Raises NoSuchLetter."""
    wanted = LetterFilter(status="", ids=(letter_id,))
    with ledger.read() as db:
        row = db.execute(lines(wanted)).one_or_none()
        if row is None:
            raise NoSuchLetter(f"no dead letter has the ID {letter_id}")
        named = _credits_behind(db, [row.completion_id] if row.credit_row is None else [])
    return _brief(ledger, row, named.get(row.completion_id)) | {
        "reasons": [_reason(r) for r in unpack_reasons(row.reasons)],
        "mapping": row.mapping,
        "mapping_version": row.mapping_version,
        "heard_at": _heard_at(ledger, row) if row.topic else "",
        "first_failed": row.first_failed_at.isoformat(timespec="seconds"),
        "failures": row.failures,
    }


def _credits_behind(db: Connection, numbers: Collection[int | None]) -> dict[int, Row[Any]]:
    """Of completions that letters are about as a whole: the first credit of each."""
    link, k = completion_credits.c, credits_.c
    query = select(link.completion_id, credits_).join(credits_, k.id == link.credit_id)
    mine = link.completion_id.in_([one for one in numbers if one is not None])
    rows = db.execute(query.where(mine).order_by(link.stands, k.id.desc())).all()
    return {row.completion_id: row for row in rows}


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
    *,
    again: bool = True,
    if_it_helps: bool = False,
) -> str:
    """Send a letter's bytes through today's journey; gives the new fate.

    Letter, row and audit change in one transaction. Raises NoSuchLetter, NotOpen; without `again`
    ReplayedTooOften for a letter that came back twice; with `if_it_helps` CameBackTheSame, and
    nothing is changed, for one that would come back for the very reasons that it has.
    """
    with ledger.begin() as db:
        before = find_letter(db, letter_id).reasons
        remember(db, ledger, clock.now(), who, what, letter_id, why)
        fate = go_round(db, ledger, house, letter_id, clock, again=again)
        if if_it_helps and fate == "refused" and find_letter(db, letter_id).reasons == before:
            raise CameBackTheSame("it would come back for the same reason: it stays as it is")
        return fate


def go_round(
    db: Connection, ledger: Ledger, house: House, letter_id: str, clock: Clock, *, again: bool
) -> str:
    """The same within a transaction of the caller's, who remembers who did it and why."""
    row = find_letter(db, letter_id)
    if row.status == Status.OPEN and unpack_reasons(row.reasons)[0].code in DECIDED:
        raise AsksForDecision(f"{letter_id} asks for a decision: agree to it, or decline it")
    if row.status == Status.OPEN and row.replays >= MOST_REPLAYS and not again:
        raise ReplayedTooOften(f"{letter_id} went round {row.replays} times and came back")
    if not mark_replayed(db, letter_id):
        raise NotOpen(f"{letter_id} is {row.status}")
    message, heard = hear_again(ledger.seal, row, house, clock.now())
    return Rounds(db, ledger, house, clock.now()).replay(row, message, heard)


def find_letter(db: Connection, letter_id: str) -> Row[Any]:
    """The letter's row. Raises NoSuchLetter."""
    try:
        return get_letter(db, letter_id)
    except NoResultFound:
        raise NoSuchLetter(f"no dead letter has the ID {letter_id}") from None


def _brief(ledger: Ledger, row: Row[Any], behind: Row[Any] | None) -> Shown:
    reasons, cells = unpack_reasons(row.reasons), row._mapping
    told, k, c = advice(reasons[0]), credits_.c, completions.c
    own = cells if row.credit_row is not None else behind._mapping if behind else None
    number = f"c{row.completion_id}" if row.completion_id is not None else ""
    said = ledger.seal.open_said(cells[c.said]) if own is None and cells[c.said] else None
    completed = own[k.completed_on] if own else said and said.instant.date()
    return {
        "letter_id": row.id,
        "status": row.status,
        "stage": row.stage,
        "reason": reasons[0].code,
        "field": reasons[0].field,
        "what_happened": purged_on(row.purged_at) if row.purged_at else told.happened,
        "who_can_fix_it": told.who,
        "how": told.how,
        "source": row.source,
        "activity": (own[k.activity] if own else "") or row.activity or cells[c.course] or "",
        "board": own[k.board] if own else "",
        "completed_on": str(completed or ""),
        "report_by": str((own[k.report_by] if own else None) or cells[DEADLINE] or ""),
        "credit_id": (own[k.credit_id] if own else "") or number,
        "last_failed": row.last_failed_at.isoformat(timespec="seconds"),
        "replays": row.replays,
        "closed": closed_as(ledger, row),
    }


def credit_named_by(ledger: Ledger, letter_id: str) -> str:
    """What `credit` commands call the credit of a letter. Raises NoSuchLetter, NoCreditYet."""
    shown = show_letter(ledger, letter_id)
    if not (name := str(shown["credit_id"])) or not shown["board"]:
        raise NoCreditYet(f"{letter_id} is about no credit yet: discard it, and say why")
    return name


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
    with ledger.read() as db:
        return [row.id for row in db.execute(lines(wanted).limit(wanted.limit))]
