"""Completions in the ledger: found, compared, written; they never merge (design 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from consumer.board import Deadlines
from consumer.bus.port import Message
from consumer.credit import Heard as HeardState
from consumer.credit import State
from consumer.decisions import Arrival, Aside, Move, Nothing, decide
from consumer.decisions import Row as DecisionRow
from consumer.journey import Heard
from consumer.ledger.ledger import Ledger
from consumer.ledger.originals import sealed_original
from consumer.ledger.schema import completion_credits, completions, credits_
from consumer.ledger.seal import unpack_original
from consumer.mapping.said import STEPS, Kind, Said
from consumer.reason import Reason, pack_reasons, unpack_reasons
from consumer.trace import traceparent_of

# What PARS or the board has seen weighs more than what only we have.
_WEIGHT = [
    State.READY,
    State.WITHDRAWN,
    State.ATTENTION,
    State.WITHDRAWING,
    State.SUBMITTING,
    State.REJECTED,
    State.REPORTED,
    State.SUBMITTED,
    State.ACCEPTED,
]


SET_ASIDE = frozenset({"discarded", "declared_not_ours", "corrected_to_another"})
"""Reason codes of completions that a person has closed."""

Until = tuple[date | None, date | None]
"""By when a completion is to be reported, and until when what it waits for can still count."""
NO_DEADLINES: Until = (None, None)


class CompletionBook:
    """Rows of what was heard, one per LMS account, course and occurrence."""

    def __init__(self, connection: Connection, ledger: Ledger, now: datetime) -> None:
        self._db, self._ledger, self._now = connection, ledger, now

    def find(self, said: Said) -> Row[Any] | None:
        """The completion this event is about, None when nothing was heard of it."""
        query = select(completions).where(completions.c.key == self._key(said))
        return self._db.execute(query).one_or_none()

    def meant(self, number: int | None, heard: Sequence[Heard]) -> Heard:
        """Which of the events in a message is about this completion; the first, if none is."""
        row = self._db.execute(select(completions).where(completions.c.id == number)).one_or_none()
        own = (one for one in heard if row and one.said and self._key(one.said) == row.key)
        return next(own, heard[0])

    def get(self, number: int) -> Row[Any]:
        """The completion of this number."""
        return self._db.execute(select(completions).where(completions.c.id == number)).one()

    def standing(self, row: Row[Any] | None, arrival: Arrival) -> DecisionRow:
        """What the decision table calls it: its own state, or its weightiest credit's."""
        if row is None:
            return Nothing.ABSENT
        if is_set_aside(row):
            return Aside.SET_ASIDE
        if row.state != HeardState.CREDITED:
            return HeardState(row.state)
        found = self._db.execute(
            select(credits_.c.state, credits_.c.resend)
            .join(completion_credits, completion_credits.c.credit_id == credits_.c.id)
            .where(completion_credits.c.completion_id == row.id, completion_credits.c.stands)
        )
        states = sorted((_as_good_as(*one) for one in found), key=_WEIGHT.index, reverse=True)
        if arrival is Arrival.REPLAY:
            # Of two credits one may be at PARS and the other ask for a person: that one is meant.
            open_ = [one for one in states if decide(one, arrival) is not Move.DUPLICATE]
            return (open_ or states)[0]
        return states[0]

    def arrival(self, row: Row[Any] | None, said: Said) -> Arrival:
        """How what is said compares with what was heard before."""
        if said.kind is Kind.RETRACTION:
            return Arrival.RETRACTION
        if row is None:
            return Arrival.SAME
        if row.state == HeardState.RETRACTED:
            later = row.retracted_at < happened(said)
            return Arrival.LATER if later else Arrival.SAME
        known = self._ledger.seal.open_said(row.said)
        if row.edited and self._corrected(row, known, said):
            return Arrival.SAME
        return _compare(known, said)

    def _corrected(self, row: Row[Any], known: Said, said: Said) -> bool:
        """Whether this is once more what a person has corrected since."""
        edit = unpack_original(self._ledger.seal.open(row.original)).edit
        before = edit.before(known) if edit else None
        return before is not None and _compare(before, said) is Arrival.SAME

    def said(self, row: Row[Any]) -> Said:
        """What a completion's row stands on."""
        return self._ledger.seal.open_said(row.said)

    def is_first(self, row: Row[Any] | None, said: Said) -> bool:
        """Whether this is the completion of which only other steps were heard so far."""
        if row is None or said.kind is not Kind.COMPLETION or row.state == HeardState.RETRACTED:
            return False
        return self.said(row).kind in STEPS

    def outlived(self, row: Row[Any], said: Said) -> bool:
        """Whether this is a retraction from before the completion that we know: it says nothing.

        It came late, or once more; in the right order the completion would have counted too.
        """
        if said.kind is not Kind.RETRACTION:
            return False
        known = self.said(row)
        # Credited without a completion, it is its steps that are meant.
        counts = known.kind is Kind.COMPLETION or row.state == HeardState.CREDITED
        return counts and happened(known) > happened(said)

    def stands_again(self, row: Row[Any], said: Said) -> bool:
        """Whether this takes back our completion, but none of a later date that was noted.

        In the right order that one would have counted.
        """
        if said.kind is not Kind.RETRACTION or row.noted_at is None:
            return False
        return row.state != HeardState.RETRACTED and bool(happened(said) < row.noted_at)

    def upsert(
        self, row: Row[Any] | None, said: Said, what: Heard, message: Message, move: Move
    ) -> int:
        """Write what the move lets in; gives the completion's number."""
        if row is None:
            return self.insert(said, what, message)
        values: dict[str, Any] = {"changed_at": self._now}
        if move is Move.NOTE:
            values["notes"] = completions.c.notes + 1
            values["noted_at"] = max(happened(said), row.noted_at or happened(said))
        if move is Move.WRITE or (move is Move.HOLD and row.state == HeardState.CREDITED):
            values["retracted_at"] = None
        # A retraction says nothing of the completion itself: its facts stay for a later replay.
        if move not in {Move.DUPLICATE, Move.NOTE} and said.kind is Kind.COMPLETION:
            values |= self._content(said, what, message)
        self._db.execute(update(completions).where(completions.c.id == row.id).values(values))
        return int(row.id)

    def insert(self, said: Said, what: Heard, message: Message) -> int:
        """A new row; gives its number."""
        statement = insert(completions).values(self.new(self._key(said), said, what, message))
        return int(self._db.execute(statement.returning(completions.c.id)).scalar_one())

    def new(self, key: str, said: Said, what: Heard, message: Message) -> dict[str, Any]:
        """The row of a completion that nothing was heard of before; how it stands is still open."""
        return self._content(said, what, message) | {
            "key": key,
            "source": said.source,
            "site": said.site,
            "course": said.course,
            "occurrence": said.occurrence,
            "state": HeardState.HELD.value,
            "heard_at": self._now,
            "changed_at": self._now,
        }

    def count_again(self, row: Row[Any], said: Said, what: Heard, message: Message) -> None:
        """What was taken back counts after all; a step stands in for a completion never heard."""
        values: dict[str, Any] = {"retracted_at": None}
        if said.kind is not Kind.COMPLETION:
            values |= self._content(said, what, message)
        self._db.execute(update(completions).where(completions.c.id == row.id).values(values))

    def _key(self, said: Said) -> str:
        identity = self._ledger.identity
        return identity.completion_key(said.site, said.learner, said.course, said.occurrence)

    def reread(self, number: int, what: Heard, said: Said) -> None:
        """Keep what a newer mapping reads out of the same bytes."""
        read = {"mapping": what.mapping, "mapping_version": what.version}
        values = read | {"said": self._ledger.seal.seal_json(said), "changed_at": self._now}
        self._db.execute(update(completions).where(completions.c.id == number).values(values))

    def _content(self, said: Said, what: Heard, message: Message) -> dict[str, Any]:
        return {
            "mapping": what.mapping,
            "mapping_version": what.version,
            "said": self._ledger.seal.seal_json(said),
            "report_by": Deadlines().report_by(said.instant.date()),
            "original": sealed_original(self._ledger.seal, message, what),
            "trace": what.trace or traceparent_of(message.headers) or None,
            "edited": what.edit is not None,
        }

    def stand(
        self,
        number: int,
        state: HeardState,
        reasons: Iterable[Reason],
        *,
        unfinished: bool = False,
        until: Until = NO_DEADLINES,
    ) -> None:
        """Say where a completion stands and why; for one with credit, what other boards want."""
        values = standing_of(state, reasons, unfinished=unfinished, until=until)
        self._db.execute(
            update(completions)
            .where(completions.c.id == number)
            .values(values | {"changed_at": self._now})
        )

    def mark_retracted(self, number: int, said: Said) -> None:
        """Remember the latest retraction: only a completion after it may count."""
        at, known = happened(said), completions.c.retracted_at
        newer = update(completions).where(completions.c.id == number)
        newer = newer.where(known.is_(None) | (known < at))
        self._db.execute(newer.values(retracted_at=at))


def standing_of(
    state: HeardState,
    reasons: Iterable[Reason],
    *,
    unfinished: bool = False,
    until: Until = NO_DEADLINES,
) -> dict[str, Any]:
    """What a completion's row says of where it stands."""
    packed = pack_reasons(tuple(reasons))
    report_by, closes_on = until
    values = {"state": state.value, "reasons": packed, "unfinished": unfinished}
    return values | {"closes_on": closes_on} | ({"report_by": report_by} if report_by else {})


def _as_good_as(state: str, resend: bool) -> State:
    """Withdrawn for good is as good as gone; withdrawn to be corrected, as good as sent again."""
    if state != State.WITHDRAWING:
        return State(state)
    return State.SUBMITTING if resend else State.WITHDRAWN


def _compare(old: Said, new: Said) -> Arrival:
    before, after = old.instant, new.instant
    if before == after and old.points == new.points:
        return Arrival.SAME
    return Arrival.LATER if after > before else Arrival.CHANGED


def is_set_aside(row: Row[Any]) -> bool:
    """Whether a person has closed this completion: said once more it is nothing new."""
    return row.state == HeardState.NOT_REPORTABLE and any(
        one.code in SET_ASIDE for one in unpack_reasons(row.reasons)
    )


def overtakes(row: Row[Any], said: Said) -> bool:
    """Whether this completion was made after a retraction that a person was asked about."""
    asked = row.state == HeardState.CREDITED and row.retracted_at is not None
    return asked and said.kind is Kind.COMPLETION and bool(row.retracted_at < happened(said))


def happened(said: Said) -> datetime:
    """When the event was made: what orders a retraction against a completion."""
    return said.occurred_at or said.instant
