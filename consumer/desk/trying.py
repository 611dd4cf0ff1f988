"""What a letter would lead to, all the way up to PARS's door: seen, and nothing of it written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, select

from consumer.clock import Clock
from consumer.credit import WORDS, State
from consumer.desk.deadletters import DECIDED, AsksForDecision, NotOpen, Shown, find_letter
from consumer.desk.masking import masked_date, masked_id, masked_name
from consumer.desk.words import advice
from consumer.edit import Edit
from consumer.fate import Refused
from consumer.journey import Heard, House
from consumer.ledger import links
from consumer.ledger.completionbook import CompletionBook
from consumer.ledger.goinground import Rounds
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Origin, Status, mark_replayed
from consumer.ledger.originals import hear_again
from consumer.ledger.schema import credits_
from consumer.ledger.seal import Seal, pack_original, unpack_original
from consumer.participant import Record
from consumer.reason import Reason, Stage, unpack_reasons

FATES = {
    "ready": "it goes to PARS",
    "held": "it waits, and goes by itself",
    "refused": "it needs attention",
    "duplicate": "it is credited already: nothing more is sent",
    "not_reportable": "it is not to be reported",
    "review": "a person is asked to decide",
    "retracted": "the completion is taken back",
    "withdrawing": "its withdrawal is tried again",
    "asks": "it asks for a decision: agree to it, or decline it",
}
"""What becomes of a letter, in words for people."""

_AS_REFUSED = "it goes to PARS exactly as PARS refused it"


@dataclass(frozen=True, slots=True)
class Trial:
    """What would become of one letter; nothing personal in it.

    `complaints` are what it waits for or what rules are broken; `records` is what PARS would be
    told. `same` says that it would come back for the very reasons that it has now, `unchanged` that
    it would go to PARS exactly as PARS refused it: good only where PARS itself was mended.
    """

    letter_id: str
    reason: str
    happened: str
    fate: str
    says: str
    complaints: tuple[Shown, ...] = ()
    records: tuple[Shown, ...] = ()
    same: bool = False
    unchanged: bool = False


def try_letter(
    ledger: Ledger, house: House, letter_id: str, clock: Clock, edit: Edit | None = None
) -> Trial:
    """What sending it round now would do, by the very code that would do it; nothing is kept.

    `edit` is a draft that is not saved. Raises NoSuchLetter, NotOpen, SchemasAway.
    """
    with ledger.rehearse() as db:
        row = find_letter(db, letter_id)
        asked = unpack_reasons(row.reasons)
        if row.status == Status.OPEN and asked[0].code in DECIDED:
            return Trial(letter_id, asked[0].code, advice(asked[0]).happened, "asks", FATES["asks"])
        if not mark_replayed(db, letter_id):
            raise NotOpen(f"{letter_id} is {row.status}")
        kept = row if edit is None else _edited(ledger.seal, row, edit)
        message, heard = hear_again(ledger.seal, kept, house, clock.now())
        fate = Rounds(db, ledger, house, clock.now()).replay(row, message, heard)
        own = CompletionBook(db, ledger, clock.now()).meant(row.completion_id, heard)
        return _trial(db, ledger, row, own, fate, clock)


def try_each(
    ledger: Ledger, house: House, letter_ids: Sequence[str], clock: Clock
) -> Iterator[Trial]:
    """The same for many, each by itself; those that are not open any more are left out."""
    for letter_id in letter_ids:
        try:
            yield try_letter(ledger, house, letter_id, clock)
        except AsksForDecision:
            raise
        except NotOpen:
            continue


def _edited(seal: Seal, row: Row[Any], edit: Edit) -> Origin:
    original = replace(unpack_original(seal.open(row.original)), edit=edit)
    mapped = (row.source, row.mapping, row.mapping_version)
    return Origin(*mapped, row.topic, row.partition, row.offset, seal.seal(pack_original(original)))


def _trial(
    db: Connection, ledger: Ledger, letter: Row[Any], own: Heard, fate: str, clock: Clock
) -> Trial:
    before = unpack_reasons(letter.reasons)
    told: tuple[Reason, ...] = ()
    records: list[Shown] = []
    if own.said is None and isinstance(own.judgement, Refused):
        told = own.judgement.reasons
    elif own.said is not None:
        row = CompletionBook(db, ledger, clock.now()).find(own.said)
        if row is not None:
            told = unpack_reasons(row.reasons)
            records = _records(db, ledger, row.id)
    says = FATES.get(fate, fate.replace("_", " "))
    same = fate == "refused" and told == before
    complaints = tuple(_complaint(one) for one in told)
    why = (before[0].code, advice(before[0]).happened)
    unchanged = fate == "ready" and _is_as_refused(db, ledger, letter, before[0])
    says = _AS_REFUSED if unchanged else says
    return Trial(letter.id, *why, fate, says, complaints, tuple(records), same, unchanged)


def _is_as_refused(db: Connection, ledger: Ledger, letter: Row[Any], reason: Reason) -> bool:
    """Whether PARS would be told what it has refused, word for word."""
    if reason.stage is not Stage.PARS:
        return False
    row = db.execute(select(credits_).where(credits_.c.id == letter.credit_row)).one_or_none()
    if row is None or row.state != State.READY or row.sent is None:
        return False
    return ledger.seal.open_record(row.record) == ledger.seal.open_record(row.sent)


def _complaint(reason: Reason) -> Shown:
    told = advice(reason)
    return {
        "field": reason.field,
        "reason": reason.code,
        "what_happened": told.happened,
        "how": told.how,
    }


def _records(db: Connection, ledger: Ledger, completion: int) -> list[Shown]:
    mine = credits_.c.id.in_(links.credits_of(db, completion))
    rows = db.execute(select(credits_).where(mine).order_by(credits_.c.id))
    return [masked_record(ledger.seal.open_record(row.record), row.state) for row in rows]


def masked_record(record: Record, state: str) -> Shown:
    """What PARS is told of a credit, the person in it masked."""
    return {
        "standing": WORDS[State(state)],
        "activity": record.activity,
        "pars_activity_id": record.pars_activity_id,
        "board": record.board,
        "credit_type": record.credit_type,
        "points": str(record.points),
        "completed_on": str(record.completed_on),
        "given_name": masked_name(record.given_name),
        "family_name": masked_name(record.family_name),
        "birth_date": masked_date(str(record.birth_date or "")),
        "board_id": masked_id(record.board_id),
        "npi": masked_id(record.npi or ""),
    }
