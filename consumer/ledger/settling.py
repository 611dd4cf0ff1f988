"""What came of claims, written together: the rows, the attempts, and what people are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Update, bindparam, select, update

from consumer.credit import State
from consumer.ledger.attempt import Asked, NewWord, log_attempts
from consumer.ledger.claim import Settled, Settlement
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status, with_unsettled
from consumer.ledger.outcomebook import Heard, Outcome, tell
from consumer.ledger.schema import credits_
from consumer.ledger.stale import Posted, ask_about
from consumer.reason import pack_reasons

_ON_ITS_WAY = {State.SUBMITTED, State.REPORTED, State.ACCEPTED, State.WITHDRAWN}
_THESE = credits_.c.id.in_(bindparam("rows", expanding=True))
_FENCES = select(credits_.c.id, credits_.c.fence).where(_THESE)
_NAMES = ("id", "key", "reasons", "board", "credit_type", "activity", "pars_activity_id")
_TOLD = select(*(credits_.c[name] for name in _NAMES)).where(_THESE)


class Settling:
    """One transaction's worth of settlements."""

    def __init__(self, connection: Connection, ledger: Ledger, now: datetime) -> None:
        self._db, self._ledger, self._now = connection, ledger, now

    def write(self, done: Sequence[Settlement]) -> Settled:
        """Write what is still ours to write; of the rest PARS is asked."""
        words = self._log(done)
        fences = self._fences(done)
        ours = [one for one in done if fences.get(one.claim.row) == one.claim.fence]
        self._change(ours)
        heard = self._tell(ours)
        for one in done:
            if fences.get(one.claim.row) != one.claim.fence:
                self._ask_about(one)
        return Settled(len(ours), words, heard)

    def _log(self, done: Sequence[Settlement]) -> tuple[NewWord, ...]:
        tried = [
            (Asked(one.row, one.credit_id, one.fence, one.profile), settlement.attempts)
            for settlement in done
            for one in (settlement.claim,)
        ]
        return log_attempts(self._db, self._ledger, tried, self._now)

    def _fences(self, done: Sequence[Settlement]) -> dict[int, int]:
        """Whose claim is not stale: nobody else writes until this transaction ends."""
        rows = self._db.execute(_FENCES, {"rows": [one.claim.row for one in done]})
        return {row.id: row.fence for row in rows.all()}

    # ------------------------------------------------------------ ours

    def _change(self, ours: Sequence[Settlement]) -> None:
        shapes: dict[tuple[bool, tuple[str, ...]], list[dict[str, Any]]] = {}
        for one in ours:
            values = self._values(one)
            shape = one.posted, tuple(sorted(values))
            shapes.setdefault(shape, []).append(_bound(values) | {"number": one.claim.row})
        for (posted, names), rows in shapes.items():
            self._db.execute(_changing(names, posted=posted), rows)

    def _values(self, settlement: Settlement) -> dict[str, Any]:
        values = {
            **settlement.values,
            "state": settlement.state.value,
            "lease_until": None,
            "changed_at": self._now,
        }
        if settlement.refused:
            values["reasons"] = pack_reasons(settlement.refused)
        return values

    def _tell(self, ours: Sequence[Settlement]) -> dict[int, list[Heard]]:
        rows = self._rows(one for one in ours if one.refused or _news(one))
        open_ = with_unsettled(self._db, [one.claim.row for one in ours if _settles(one)])
        book = CreditBook(self._db, self._ledger, self._now)
        for one in ours:
            if one.refused:
                book.refuse_credit(rows[one.claim.row], one.refused)
            elif one.claim.row in open_:
                book.settle(Status.RESOLVED, credit_row=one.claim.row, keep_questions=True)
        told = [
            Outcome.of(row, one.claim.credit_id, news, row.reasons)
            for one in ours
            if (news := _news(one))
            for row in (rows[one.claim.row],)
        ]
        return tell(self._db, self._ledger, told, self._now)

    def _rows(self, wanted: Iterable[Settlement]) -> dict[int, Row[Any]]:
        numbers = [one.claim.row for one in wanted]
        if not numbers:
            return {}
        return {row.id: row for row in self._db.execute(_TOLD, {"rows": numbers}).all()}

    # ------------------------------------------------------------ stale

    def _ask_about(self, settlement: Settlement) -> None:
        claim, mine = settlement.claim, credits_.c.id == settlement.claim.row
        if any(attempt.action == "add" for attempt in settlement.attempts):
            posted = Posted(claim.row, claim.credit_id, claim.revision, claim.record)
            ask_about(self._db, self._ledger, posted, self._now)
        stale = {"ask": True, "due_at": self._now}
        unsure = update(credits_).where(mine, credits_.c.state == State.SUBMITTING)
        self._db.execute(unsure.values(stale))


def _news(settlement: Settlement) -> str:
    """The state that whoever listens is told; blank when nothing is new to them."""
    before, state = settlement.claim.state, settlement.state
    if before is State.WITHDRAWING and state is State.READY:
        return State.WITHDRAWN.value  # this revision is gone; the next has no CreditID yet
    return "" if state in {before, State.READY, State.SUBMITTING} else state.value


def _settles(settlement: Settlement) -> bool:
    """Whether what was asked of a person about it is answered by this."""
    return settlement.state in _ON_ITS_WAY and not settlement.refused


def _bound(values: dict[str, Any]) -> dict[str, Any]:
    # A bound name must not be a column's own, or SQLAlchemy takes it for a value of its making.
    return {f"new_{name}": value for name, value in values.items()}


@cache
def _changing(names: tuple[str, ...], *, posted: bool) -> Update:
    values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    if posted:
        values |= {"sent": credits_.c.record, "four_fields": None}
    return update(credits_).where(credits_.c.id == bindparam("number")).values(values)
