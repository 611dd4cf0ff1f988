"""What becomes of completions whose event is taken back by its id, before or after it came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row

from consumer.bus.port import Message
from consumer.credit import Heard as HeardState
from consumer.decisions import Arrival, Move, decide
from consumer.fate import Judgement, NotReportable
from consumer.journey import Heard
from consumer.ledger.completionbook import CompletionBook
from consumer.ledger.letters import Origin
from consumer.ledger.namebook import NameBook, Others
from consumer.ledger.steptaking import StepTaker
from consumer.mapping.said import Said
from consumer.reason import Reason, Stage

Apply = Callable[[Move, int, Judgement, Said, Origin, Arrival], str]
Retract = Callable[[int, Said], str]
Sent = Callable[[int], Sequence[int]]
Ask = Callable[[int, str, Origin], str]

_RETRACTED = NotReportable(Reason(Stage.REVIEW, "retracted"))


class TakingBack:
    """Finds what an id stands for; `apply`, `retract` and `ask` are the bookkeeper's own.

    `sent` gives the credits of a completion that PARS may have.
    """

    def __init__(
        self,
        names: NameBook,
        rows: CompletionBook,
        steps: StepTaker,
        sent: Sent,
        apply: Apply,
        retract: Retract,
        ask: Ask,
    ) -> None:
        self._names, self._rows, self._steps, self._sent = names, rows, steps, sent
        self._apply, self._retract, self._ask_person = apply, retract, ask

    def enter(self, what: Heard, said: Said, number: int) -> None:
        """Keep which completion an event said, if it may be taken back by its id."""
        if what.named:
            self._names.enter(said, number)

    def is_taken_back(self, what: Heard, said: Said) -> bool:
        """Whether this very event was taken back before."""
        return what.named and self._names.is_taken_back(said)

    def arrive(
        self, row: Row[Any] | None, what: Heard, said: Said, message: Message
    ) -> tuple[int, str]:
        """Of an event that was taken back nothing counts; what others said of `row` does.

        Gives the completion's number, and the event's fate.
        """
        number = row.id if row else self._rows.upsert(None, said, what, message, Move.RETRACT)
        self._names.enter(said, number)
        return number, "duplicate" if row else self._retract(number, said)

    def take_back(self, what: Heard, said: Said, origin: Origin) -> tuple[str, int | None]:
        """Take back what the event of this id said: of a group, every member's completion.

        An id that nobody knows is remembered, as its event may come late. Gives the fate that most
        needs to be seen, and the completion's number if there is just one.
        """
        numbers = self._names.take_back(said)
        fates = {self._take_back_one(number, said, origin) for number in numbers}
        steps = self._steps.named_by(said)
        fates |= {self._take_step_back(step, origin) for step in steps}
        numbers = [*numbers, *(int(step.completion_id) for step in steps)]
        fates |= set() if numbers else {"not_reportable"}
        worst = next(fate for fate in ("review", "retracted", *fates) if fate in fates)
        return worst, numbers[0] if len(numbers) == 1 else None

    def _take_step_back(self, step: Row[Any], origin: Origin) -> str:
        """Without this evaluation or claim; of what PARS may have already a person is asked."""
        if self._sent(step.completion_id):
            return self._ask_person(step.completion_id, "retracted_after_sending", origin)
        left = self._steps.without(step)
        row = self._rows.get(left.number)
        if row.state == HeardState.RETRACTED:
            return "duplicate"
        changed = Arrival.CHANGED
        return self._apply(left.move, left.number, left.judgement, left.said, origin, changed)

    def _take_back_one(self, number: int, said: Said, origin: Origin) -> str:
        row, others = self._rows.get(number), self._names.others(number, said)
        if others is Others.THE_SAME:
            # One of two that said the same: the completion stands by the other.
            return "duplicate"
        if others is Others.ANOTHER_TIME and row.state != HeardState.RETRACTED:
            return self._ask_person(number, "retracted_in_part", origin)
        standing = self._rows.standing(row, Arrival.RETRACTION)
        move = decide(standing, Arrival.RETRACTION)
        return self._apply(move, number, _RETRACTED, said, origin, Arrival.RETRACTION)
