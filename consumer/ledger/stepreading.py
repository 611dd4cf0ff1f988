"""Evaluations and claims read again: what today's mappings make of the bytes that were kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from consumer.bus.port import Message
from consumer.fate import Refused
from consumer.journey import Heard, House, judge_again, set_aside
from consumer.ledger.bookkeeper import Bookkeeper
from consumer.ledger.ledger import Ledger
from consumer.ledger.originals import hear_again
from consumer.ledger.stepbook import StepBook
from consumer.mapping.said import STEPS, Said
from consumer.reason import Reason


@dataclass(frozen=True, slots=True)
class Reading:
    """One kept step, and what it says today; `own` is what is still a step of its completion."""

    row: Row[Any]
    message: Message
    heard: Sequence[Heard] = field(repr=False)
    own: Heard | None = field(repr=False)

    @property
    def unread(self) -> tuple[Reason, ...]:
        """Why today's mapping cannot read it; nothing, if it can."""
        return tuple(
            reason
            for one in self.heard
            if one.said is None and isinstance(one.judgement, Refused)
            for reason in one.judgement.reasons
        )


class StepReader:
    """Reads the steps of completions by one house; one transaction's worth."""

    def __init__(self, connection: Connection, ledger: Ledger, house: House, now: datetime) -> None:
        self._ledger, self._house, self._now = ledger, house, now
        self._steps = StepBook(connection, ledger, now)

    def read(self, completion: Row[Any]) -> list[Reading]:
        """Every step of this completion, as they came."""
        return [self._reading(completion.key, row) for row in self._steps.rows(completion.id)]

    def _reading(self, key: str, row: Row[Any]) -> Reading:
        message, heard = hear_again(self._ledger.seal, row, self._house, self._now)
        own = (one for one in heard if one.said and not set_aside(one.judgement))
        mine = (one for one in own if one.said and self._is_step_of(key, one.said))
        return Reading(row, message, heard, next(mine, None))

    def _is_step_of(self, key: str, said: Said) -> bool:
        who = (said.site, said.learner, said.course, said.occurrence)
        return said.kind in STEPS and self._ledger.identity.completion_key(*who) == key

    def judged(self, what: Heard, readings: Sequence[Reading]) -> Heard:
        """What the completion says, judged by its steps as they are read today.

        It is refused while one of them cannot be read.
        """
        if unread := tuple(reason for one in readings for reason in one.unread):
            return replace(what, judgement=Refused(unread))
        if what.said is None or not readings or set_aside(what.judgement):
            return what
        steps = [one.own.said for one in readings if one.own and one.own.said]
        return replace(what, judgement=judge_again(what.said, self._house, self._now, steps))

    def write(self, readings: Sequence[Reading], book: Bookkeeper) -> None:
        """Keep what they say today; what is about something else now arrives there."""
        for one in readings:
            if one.unread:
                continue
            if one.own and one.own.said:
                self._steps.reread(one.row, one.own.said, one.own)
            else:
                self._steps.remove(one.row.id)
            for further in one.heard:
                if further is not one.own:
                    book.enter_further(one.message, further)
