"""Writes what was heard into the ledger, as the decision table says; one transaction's worth.

What goes round again is `Rounds`' (goinground.py), which builds on this.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from consumer.bus.port import Message
from consumer.credit import Heard as HeardState
from consumer.decisions import Arrival, Move, decide
from consumer.fate import Held, Ignored, Judgement, NotReportable, Ready, Refused, waiting_for
from consumer.journey import Heard, House, set_aside
from consumer.ledger.bulk import insert_rows
from consumer.ledger.completionbook import NO_DEADLINES, CompletionBook, Until, happened, overtakes
from consumer.ledger.creditbook import Agreed, CreditBook
from consumer.ledger.digests import Digests
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Origin, Status
from consumer.ledger.links import RETRACTED_IN_PART
from consumer.ledger.namebook import NameBook
from consumer.ledger.newcomers import EventKey, Keys, Newcomers, known_events
from consumer.ledger.originals import origin_from
from consumer.ledger.schema import completions, events
from consumer.ledger.searching import SearchBook
from consumer.ledger.stepbook import StepBook
from consumer.ledger.steptaking import StepTaker, awaits_steps
from consumer.ledger.surges import Settled
from consumer.ledger.takingback import TakingBack
from consumer.mapping.said import STEPS, Kind, Said
from consumer.reason import Reason, Stage, pack_reasons


class Bookkeeper:
    """Turns judged messages into rows, dead letters and outbox entries."""

    def __init__(self, connection: Connection, ledger: Ledger, house: House, now: datetime) -> None:
        self._db, self._ledger, self._now = connection, ledger, now
        self._rows = CompletionBook(connection, ledger, now)
        self._credits = CreditBook(connection, ledger, now)
        names = NameBook(connection, ledger.identity)
        self._newcomers = Newcomers(connection, ledger.identity, self._rows, self._credits, names)
        steps = StepBook(connection, ledger, now)
        self._steps = StepTaker(self._rows, steps, names, house, now)
        moves = (self._credits.sent_of, self._apply, self._retract, self._ask_person)
        self._by_id = TakingBack(names, self._rows, self._steps, *moves)
        self._known: set[EventKey] = set()
        self._events: list[dict[str, Any]] = []
        self._search = SearchBook(connection, ledger)
        self._refused: tuple[Reason, ...] = ()
        self._digests = Digests(ledger.identity)
        self.fates: Counter[str] = Counter()
        self.settled: list[Settled] = []

    # ------------------------------------------------------------ from the bus

    def take_all(self, heard: Sequence[tuple[Message, Heard]]) -> None:
        """Write a batch, each event once for its message's place and content, and its part."""
        self._known = known_events(self._db, [message for message, _ in heard])
        keys = self._newcomers.expect(what for _, what in heard)
        for (message, what), meets in zip(heard, keys, strict=True):
            self._take(message, what, meets)
        self._write_newcomers()
        self.write_gathered()

    def _take(self, message: Message, what: Heard, keys: Keys | None) -> None:
        digest = self._digests.of(message, what.part)
        event = (message.topic, message.partition, message.offset, digest)
        if event in self._known:
            self.fates["repeat"] += 1
            return
        if isinstance(what.judgement, Ignored):
            self.fates["ignored"] += 1
            return
        self._known.add(event)
        if self._newcomers.take(event, message, what, keys):
            return
        # What is known may be one of them: first things first.
        self._write_newcomers()
        self._refused = ()
        fate, completion_id = self._settle(message, what, digest)
        place, more = event[:3], (self._refused, completion_id, what.trace)
        self.settled.append(Settled(*place, what.mapping, fate, *more))
        self._remember(event, fate, completion_id)

    def _write_newcomers(self) -> None:
        for one, number in self._newcomers.write():
            self._search.enter(number, one.said, one.judgement)
            place, more = one.event[:3], ((), number, one.row["trace"] or "")
            self.settled.append(Settled(*place, one.row["mapping"], one.fate, *more))
            self._remember(one.event, one.fate, number)

    def _settle(self, message: Message, what: Heard, digest: str) -> tuple[str, int | None]:
        if what.said is not None and not isinstance(what.judgement, Ignored):
            if set_aside(what.judgement) and self._rows.find(what.said) is not None:
                # What its mapping does not report says nothing against a completion we know of.
                return "not_reportable", None
            if what.said.retracts:
                self._newcomers.taken_back(what.said)
                return self._by_id.take_back(what, what.said, self._origin(message, what))
            if what.only_if_heard and self._rows.find(what.said) is None:
                return "not_reportable", None
            return self.enter(what, what.said, what.judgement, message)
        if isinstance(what.judgement, Refused):
            self._refused = what.judgement.reasons
            self._refuse_event(message, what, what.judgement.reasons, digest)
            return "refused", None
        return "not_reportable", None

    def _refuse_event(
        self, message: Message, what: Heard, reasons: tuple[Reason, ...], digest: str
    ) -> None:
        """A letter of an event that cannot be read."""
        letter = self._credits.letter_of_event(message, digest)
        self._credits.refuse(letter, reasons, self._origin(message, what))

    def _remember(self, event: EventKey, fate: str, completion: int | None) -> None:
        self.fates[fate] += 1
        topic, partition, offset, digest = event
        self._events.append(
            {
                "topic": topic,
                "partition": partition,
                "offset": offset,
                "digest": digest,
                "fate": fate,
                "completion_id": completion,
                "heard_at": self._now,
            }
        )

    def write_gathered(self) -> None:
        """Rows that nothing in this transaction reads again are written together."""
        insert_rows(self._db, events, self._events)
        self._search.write()
        self._events = []

    def enter_further(self, message: Message, what: Heard) -> None:
        """An event that nobody saw before in what is read again: it arrives now."""
        if not isinstance(what.judgement, Ignored):
            self._settle(message, what, self._digests.of(message, what.part))
            self.write_gathered()

    # ------------------------------------------------------------ one completion

    def enter(
        self,
        what: Heard,
        said: Said,
        judgement: Judgement,
        message: Message,
        *,
        replay: bool = False,
    ) -> tuple[str, int]:
        """Decide about one readable event; gives its fate and the completion's number."""
        row = self._rows.find(said)
        if row is not None and row.purged_at is not None:
            return "duplicate", int(row.id)  # nothing of anybody is kept again
        if not replay and self._by_id.is_taken_back(what, said):
            number, fate = self._by_id.arrive(row, what, said, message)
            self._search.enter(number, said, judgement)
            return fate, number
        if said.kind in STEPS and (row is not None or not set_aside(judgement)):
            return self._enter_step(what, said, message, replay=replay)
        if row is not None and not replay and self._rows.outlived(row, said):
            return "duplicate", int(row.id)
        if row is not None and not replay and self._rows.stands_again(row, said):
            origin = self._origin(message, what)
            return self._ask_person(row.id, RETRACTED_IN_PART, origin), int(row.id)
        arrival = Arrival.REPLAY if replay else self._rows.arrival(row, said)
        overtaken = row is not None and not replay and overtakes(row, said)
        first = Move.WRITE if self._rows.is_first(row, said) else None
        move = first or decide(self._rows.standing(row, arrival), arrival)
        move = Move.HOLD if overtaken else move
        number = self._rows.upsert(row, said, what, message, move)
        if row is None:  # a retraction whose completion never came is found too
            self._search.enter(number, said, judgement)
        self._by_id.enter(what, said, number)
        if said.kind is Kind.RETRACTION and replay:
            return self._withdraw(number, said), number
        if row is not None:
            judgement = self._steps.with_steps(number, said, judgement)
        origin = self._origin(message, what)
        return self._apply(move, number, judgement, said, origin, arrival), number

    def _enter_step(
        self, what: Heard, said: Said, message: Message, *, replay: bool
    ) -> tuple[str, int]:
        """An evaluation or a claim: its completion is judged again, in the same transaction."""
        taken = self._steps.take(what, said, message, replay=replay)
        arrival = Arrival.REPLAY if replay else Arrival.CHANGED
        origin = self._origin(message, what)
        fate = self._apply(taken.move, taken.number, taken.judgement, taken.said, origin, arrival)
        return fate, taken.number

    def rejudge(self, row: Row[Any], said: Said, judgement: Judgement) -> str:
        """A table changed: what was held, or ready and unsent, is written as it now stands."""
        waiting = waiting_for(judgement)
        if isinstance(judgement, Ready):
            settled = row.state == HeardState.CREDITED and not self._credits.unsent(row.id)
            settled = settled and row.unfinished == judgement.unfinished
        else:
            settled = bool(waiting)
        if settled and row.reasons == pack_reasons(waiting):
            return str(row.state)
        self._search.enter(row.id, said, judgement)
        self.write_gathered()
        origin = self._credits.origin_of(row)
        return self._write(row.id, judgement, said, origin, Arrival.CHANGED)

    def reread(self, number: int, what: Heard, said: Said, judgement: Judgement) -> None:
        """Remember what today's mapping reads out of a completion, and find it by today's names."""
        self._rows.reread(number, what, said)
        self._by_id.enter(what, said, number)
        self._search.enter(number, said, judgement)
        self.write_gathered()

    def _apply(
        self,
        move: Move,
        number: int,
        judgement: Judgement,
        said: Said,
        origin: Origin,
        arrival: Arrival,
    ) -> str:
        match move:
            case Move.WRITE | Move.RESEND | Move.CORRECT:
                self._search.enter(number, said, judgement)
                return self._write(number, judgement, said, origin, arrival)
            case Move.RETRACT:
                return self._retract(number, said)
            case Move.HOLD:
                # Whether the retraction before it counts is no question any more.
                self._credits.settle(Status.RESOLVED, completion_id=number)
                return self._ask_person(number, "completed_after_withdrawal", origin)
            case Move.REVIEW if said.kind is Kind.RETRACTION:
                self._rows.mark_retracted(number, said)
                return self._ask_person(number, "retracted_after_sending", origin)
            case Move.REVIEW:
                return self._ask_person(number, "changed_after_sending", origin)
            case Move.DUPLICATE if said.kind is Kind.RETRACTION:
                return self._retract_again(number, said)
            case Move.DUPLICATE | Move.NOTE | Move.ADOPT:
                return "duplicate"

    def _write(
        self, number: int, judgement: Judgement, said: Said, origin: Origin, arrival: Arrival
    ) -> str:
        if isinstance(judgement, Ready):
            judgement = self._credits.allowed(number, judgement, arrival)
        match judgement:
            case Ready(records, waiting, unfinished):
                links = self._credits.put(number, records, arrival, origin)
                self._credits.relink(number, links)
                self._rows.stand(number, HeardState.CREDITED, waiting, unfinished=unfinished)
                self._credits.settle(Status.RESOLVED, completion_id=number, keep_questions=True)
                return "ready" if any(fresh for _, fresh in links) else "duplicate"
            case Held():
                return self._wait(number, judgement)
            case NotReportable(reason):
                self._no_credit(number, HeardState.NOT_REPORTABLE, (reason,))
                return "not_reportable"
            case Refused(reasons):
                self._refused = reasons
                self._credits.relink(number, ())
                self._rows.stand(number, HeardState.REFUSED, reasons)
                self._credits.refuse(self._credits.letter_of(number), reasons, origin, number)
                return "refused"

    def _wait(self, number: int, held: Held) -> str:
        until = (held.report_by, held.closes_on)
        sent = self._credits.sent_of(number) if awaits_steps(held) else []
        if sent:
            # What is at PARS is not taken back because a row asks for more today.
            self._credits.relink(number, [(one, False) for one in sent])
            standing = HeardState.CREDITED
            self._rows.stand(number, standing, held.reasons, unfinished=True, until=until)
        else:
            self._no_credit(number, HeardState.HELD, held.reasons, until)
        return "held"

    def _no_credit(
        self,
        number: int,
        state: HeardState,
        reasons: Iterable[Reason],
        until: Until = NO_DEADLINES,
    ) -> None:
        self._credits.relink(number, ())
        self._rows.stand(number, state, reasons, until=until)
        self._credits.settle(Status.RESOLVED, completion_id=number, keep_questions=True)

    def _retract(self, number: int, said: Said) -> str:
        retracted = Reason(Stage.REVIEW, "retracted")
        self._no_credit(number, HeardState.RETRACTED, (retracted,))
        self._credits.settle(Status.RESOLVED, completion_id=number)
        self._rows.mark_retracted(number, said)
        return "retracted"

    def _retract_again(self, number: int, said: Said) -> str:
        """Taken back once more: a question about a completion before that needs no answer."""
        sealed = self._db.scalar(select(completions.c.said).where(completions.c.id == number))
        self._rows.mark_retracted(number, said)
        if happened(self._ledger.seal.open_said(sealed or b"")) <= happened(said):
            self._credits.settle(Status.RESOLVED, completion_id=number)
        return "duplicate"

    def _withdraw(self, number: int, said: Said) -> str:
        """A person agreed to a retraction; of what another account stands behind nothing goes."""
        agreed = CreditBook(self._db, self._ledger, self._now, Agreed.ACCEPTED_TOO)
        if not agreed.withdraw_all(number):
            return self._retract(number, said)
        self._credits.settle(Status.RESOLVED, completion_id=number)
        return "retracted"

    def _ask_person(self, number: int, code: str, origin: Origin) -> str:
        self._credits.ask_about(number, code, origin)
        return "review"

    def _origin(self, message: Message, what: Heard) -> Origin:
        return origin_from(self._ledger.seal, message, what)
