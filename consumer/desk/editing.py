"""Correcting what the event of a dead letter says, field by field; its bytes stay as they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from consumer.clock import Clock
from consumer.desk.changed import ChangedMeanwhile
from consumer.desk.deadletters import AsksForDecision, NotOpen, find_letter
from consumer.desk.masking import masked_id
from consumer.desk.trail import remember
from consumer.desk.trying import Trial, try_letter
from consumer.edit import READERS, REQUIRED, Edit, as_text, faults
from consumer.journey import Heard, House
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Origin, Status
from consumer.ledger.originals import hear_again
from consumer.ledger.schema import letter_edits, letters
from consumer.ledger.seal import Original, pack_original, unpack_original
from consumer.mapping.said import Kind, Said
from consumer.reason import Stage


class EditRefused(Exception):
    """What this letter is about cannot be corrected field by field; the text says what to do."""


class EditProblems(Exception):
    """What was typed is wrong, by field, in words for people; nothing was written."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("; ".join(f"{name} {why}" for name, why in problems.items()))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person typed: fields of the event, or other bytes for one that nobody can decode."""

    fields: Mapping[str, str]
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter as a person edits it.

    `version` is 0 before the first edit; it is to be named when saving. `fields` are what the event
    says, corrected ones as corrected; the learner is masked unless it was asked to be shown.
    `corrected` are the names of the fields that people corrected.
    """

    letter_id: str
    version: int
    fields: Mapping[str, str]
    corrected: tuple[str, ...]
    history: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class _State:
    """A letter, its bytes, how often it was edited, and what it says without and with that."""

    row: Row[Any]
    original: Original
    version: int
    bare: Said | None
    said: Said | None
    mapping: str


@dataclass(frozen=True, slots=True)
class Editing:
    """One person's corrections, and why."""

    ledger: Ledger
    house: House
    clock: Clock
    who: str
    why: str = ""

    def open(self, letter_id: str, *, reveal: bool = False) -> Draft:
        """The letter's fields; with `reveal` unmasked, which is remembered.

        Raises NoSuchLetter, NotOpen, AsksForDecision, EditRefused.
        """
        with self.ledger.begin() as db:
            now = self._state(db, letter_id)
            if reveal:
                remember(db, self.ledger, self.clock.now(), self.who, "letter.revealed", letter_id)
            history = tuple(_history(db, letter_id))
        told = {n: as_text(getattr(now.said, n)) if now.said else "" for n in READERS}
        if not reveal:
            told["learner"] = masked_id(told["learner"])
        edit = now.original.edit
        corrected = tuple(edit.fields) if edit else ()
        return Draft(letter_id, now.version, told, corrected, history)

    def try_out(self, letter_id: str, wanted: Wanted) -> Trial:
        """What would become of the letter if this were saved and sent round; nothing is written.

        Raises as `save` does, but ChangedMeanwhile.
        """
        with self.ledger.read() as db:
            edit = self._edit(self._state(db, letter_id), wanted)
        return try_letter(self.ledger, self.house, letter_id, self.clock, edit)

    def save(self, letter_id: str, seen: int, wanted: Wanted) -> int:
        """Keep it as the letter's next version, whose number comes back; a replay goes by it.

        Raises NoSuchLetter, NotOpen, AsksForDecision, EditRefused, EditProblems; ChangedMeanwhile
        when the version that was `seen` is not the latest any more.
        """
        with self.ledger.begin() as db:
            now = self._state(db, letter_id, seen)
            edit = self._edit(now, wanted)
            self._write(db, now, edit)
        return now.version + 1

    def take_back(self, letter_id: str, seen: int) -> int:
        """The event says what it said when it came; a version too. Raises as `save` does."""
        with self.ledger.begin() as db:
            now = self._state(db, letter_id, seen)
            self._write(db, now, None)
        return now.version + 1

    # ------------------------------------------------------------ inside

    def _state(self, db: Connection, letter_id: str, seen: int | None = None) -> _State:
        row = find_letter(db, letter_id)
        version, who, at = _latest(db, letter_id)
        if seen is not None and seen != version:
            raise ChangedMeanwhile(f"letter {letter_id}", who, at)
        if row.status != Status.OPEN:
            raise NotOpen(f"{letter_id} is {row.status}")
        if row.stage == Stage.REVIEW:
            raise AsksForDecision(f"{letter_id} asks for a decision: agree to it, or decline it")
        original = unpack_original(self.ledger.seal.open(row.original))
        bare = self._heard(row, replace(original, edit=None))
        now = self._heard(row, original) if original.edit else bare
        return _State(row, original, version, bare.said, now.said, bare.mapping)

    def _heard(self, row: Row[Any], original: Original) -> Heard:
        mapped = (row.source, row.mapping, row.mapping_version)
        sealed = self.ledger.seal.seal(pack_original(original))
        origin = Origin(*mapped, row.topic, row.partition, row.offset, sealed)
        _, heard = hear_again(self.ledger.seal, origin, self.house, self.clock.now())
        if len(heard) != 1:
            raise EditRefused("the message holds several events: replay it, then edit theirs")
        (one,) = heard
        if one.said is not None and (one.said.kind is Kind.RETRACTION or one.said.retracts):
            raise EditRefused("it takes something back: there is nothing in it to correct")
        return one

    def _edit(self, now: _State, wanted: Wanted) -> Edit:
        """What was corrected before, and this over it. Raises EditProblems, EditRefused."""
        before = now.original.edit
        if wanted.value is not None and now.row.stage != Stage.DECODE:
            raise EditRefused("its bytes can be read: correct its fields")
        fields = {**(before.fields if before else {}), **wanted.fields}
        value = wanted.value if wanted.value is not None else before.value if before else None
        was = {} if now.bare is None else _was(now.bare)
        edit = Edit(fields, value, was)
        wrong = faults(wanted.fields)
        if now.said is not None and now.mapping:
            wrong |= {n: "is what its mapping says" for n in wanted.fields if n == "source"}
        if value is None and now.bare is None:
            known = {"source"} if now.mapping else set()
            needed = {*REQUIRED} - known - {n for n, text in fields.items() if text.strip()}
            wrong |= dict.fromkeys(sorted(needed), "is needed: nobody can read it in the event")
        if wrong:
            raise EditProblems(wrong)
        return edit

    def _write(self, db: Connection, now: _State, edit: Edit | None) -> None:
        seal, at, letter_id = self.ledger.seal, self.clock.now(), now.row.id
        kept = seal.seal(pack_original(replace(now.original, edit=edit)))
        db.execute(update(letters).where(letters.c.id == letter_id).values(original=kept))
        values = {"letter_id": letter_id, "version": now.version + 1, "at": at, "who": self.who}
        sealed = seal.seal_json(edit if edit else {"fields": {}, "value": None, "was": {}})
        values |= {"edit": sealed, "why": seal.seal_text(self.why) if self.why else ""}
        db.execute(insert(letter_edits).values(values))
        after = dict(edit.fields) if edit else {}
        names = {*after, *(now.original.edit.fields if now.original.edit else {})}
        before = {n: as_text(getattr(now.said, n)) for n in names} if now.said else {}
        told = (self.who, "letter.edited", letter_id, self.why)
        remember(db, self.ledger, at, *told, before=before, after=after)


def _latest(db: Connection, letter_id: str) -> tuple[int, str, datetime | None]:
    query = select(letter_edits).where(letter_edits.c.letter_id == letter_id)
    row = db.execute(query.order_by(letter_edits.c.version.desc()).limit(1)).one_or_none()
    return (row.version, row.who, row.at) if row else (0, "", None)


def _history(db: Connection, letter_id: str) -> list[Mapping[str, str]]:
    query = select(letter_edits).where(letter_edits.c.letter_id == letter_id)
    return [
        {"version": str(row.version), "who": row.who, "at": row.at.isoformat(timespec="seconds")}
        for row in db.execute(query.order_by(letter_edits.c.version))
    ]


def _was(said: Said) -> dict[str, str]:
    return {"completed": as_text(said.completed), "points": as_text(said.points)}
