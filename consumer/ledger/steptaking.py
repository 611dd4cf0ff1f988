"""What an evaluation or a claim means for its completion, whichever of them came first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from consumer.bus.port import Message
from consumer.credit import Heard as HeardState
from consumer.decisions import Move
from consumer.fate import Held, Judgement, NotReportable
from consumer.journey import Heard, House, judge_again, set_aside
from consumer.ledger.completionbook import CompletionBook
from consumer.ledger.namebook import NameBook
from consumer.ledger.stepbook import StepBook
from consumer.mapping.said import Kind, Said
from consumer.steps import AWAITED


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was kept: its completion's number, what is to be done, and what it comes to.

    `said` is the completion, or this step where none was heard.
    """

    number: int
    move: Move
    judgement: Judgement = field(repr=False)
    said: Said = field(repr=False)


class StepTaker:
    """Keeps steps, and judges their completions by all that was heard."""

    def __init__(
        self,
        rows: CompletionBook,
        steps: StepBook,
        names: NameBook,
        house: House,
        now: datetime,
    ) -> None:
        self._rows, self._steps, self._names = rows, steps, names
        self._house, self._now = house, now

    def take(self, what: Heard, said: Said, message: Message, *, replay: bool) -> Taken:
        """Keep one; gives what it means for the completion it belongs to."""
        row = self._rows.find(said)
        number = self._rows.insert(said, what, message) if row is None else int(row.id)
        news = self._keep(number, said, what, message)
        known = None if row is None else self._rows.said(row)
        base = known if known and known.kind is Kind.COMPLETION else said
        if replay and row is not None and row.state == HeardState.RETRACTED:
            self._rows.count_again(row, base, what, message)
        move = self._move(row, said, news=news, replay=replay)
        return Taken(number, move, self.judge(number, base), base)

    def judge(self, number: int, said: Said) -> Judgement:
        """What the completion comes to with every step that was heard of it."""
        return judge_again(said, self._house, self._now, self._steps.heard(number))

    def with_steps(self, number: int, said: Said, judgement: Judgement) -> Judgement:
        """The same, where `judgement` was made of the completion alone."""
        if said.kind is not Kind.COMPLETION or set_aside(judgement):
            return judgement
        heard = self._steps.heard(number)
        return judge_again(said, self._house, self._now, heard) if heard else judgement

    def named_by(self, retraction: Said) -> Sequence[Row[Any]]:
        """The steps whose event this retraction takes back by its id."""
        return self._steps.named(self._names.retracted(retraction), retraction.site)

    def without(self, step: Row[Any]) -> Taken:
        """Forget a step; gives what its completion comes to then."""
        self._steps.remove(step.id)
        number = int(step.completion_id)
        base = self._rows.said(self._rows.get(number))
        return Taken(number, Move.WRITE, self.judge(number, base), base)

    def _keep(self, number: int, said: Said, what: Heard, message: Message) -> bool:
        """Whether anything is different now: what its mapping sets aside today is no step."""
        if set_aside(what.judgement):
            return self._steps.drop(number, said)
        name = self._names.step_name(said) if what.named else ""
        if name and self._names.is_taken_back(said):
            return False
        return self._steps.put(number, said, what, message, name)

    def _move(self, row: Row[Any] | None, said: Said, *, news: bool, replay: bool) -> Move:
        if row is None or replay:
            return Move.WRITE
        if row.state == HeardState.RETRACTED:
            # What needs no completion would be lost without a person; else that one is awaited.
            return Move.HOLD if news and not self._needs_more(row.id, said) else Move.DUPLICATE
        return Move.WRITE if news or row.state == HeardState.REFUSED else Move.DUPLICATE

    def _needs_more(self, number: int, said: Said) -> bool:
        judged = self.judge(number, said)
        if isinstance(judged, NotReportable):
            return True
        awaited = AWAITED[Kind.COMPLETION]
        return isinstance(judged, Held) and any(one.code == awaited for one in judged.reasons)


def awaits_steps(held: Held) -> bool:
    """Whether a step is among what it waits for."""
    return any(reason.code in AWAITED.values() for reason in held.reasons)
