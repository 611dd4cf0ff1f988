"""What a round tells: invented people, what their LMSs say, what the office does, how it must end.

A thread is one physician and one course. Its acts come one after the other; what PARS's books must
show at the end does not hang on when a fault strikes between them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from consumer.bus.port import Outgoing
from consumer.demo.scenario import Physician, Scenario
from tests.end_to_end.story import (
    ANTICOAG,
    DIABETES,
    HEART,
    REVOKED,
    SEPSIS,
    canvas,
    moodle,
    openedx,
    physician,
)

FRAILTY = "202600005"
PEOPLE_A_ROUND = 40
_OPENEDX = {ANTICOAG: "course-v1:EAM+AC+2026", FRAILTY: "course-v1:EAM+FR+2026"}
_NOBODY_KNOWS = "1949-12-31"

Say = Callable[[int, datetime], Outgoing]


class Act(StrEnum):
    """What the office does about one thread."""

    MEND = "the office mends the learner's row"
    WITHDRAW = "a person withdraws the credit"


class Kind(StrEnum):
    """The kinds of threads."""

    PLAIN = "completed"
    REPEATED = "completed, emitted again"
    TWO_LMS = "completed in two LMSs"
    TWO_ACCOUNTS = "completed under two accounts"
    TAKEN_BACK = "completed, taken back by the LMS"
    BACK_AGAIN = "completed, taken back, completed again"
    MISBORN = "completed, birth date wrong in the table"
    UNNUMBERED = "completed, board ID missing in the table"
    WITHDRAWN = "completed, withdrawn by a person"
    AGAIN = "completed, withdrawn by a person, completed again"


@dataclass(slots=True)
class Thread:
    """One physician's one course; `acts` is what still comes."""

    kind: Kind
    learner: Physician
    course: str
    acts: list[list[Outgoing] | Act]
    stays: bool = True
    accounts: tuple[int, ...] = ()
    unasked: bool = field(default=True)
    """Whether no person has had anything of it taken back so far."""

    @property
    def key(self) -> tuple[str, str]:
        """Board ID and PARS activity: what the books know it by."""
        return self.learner.board_id, self.course

    @property
    def messages(self) -> int:
        """How many events it has still to tell."""
        return sum(len(act) for act in self.acts if isinstance(act, list))


def _said(course: str) -> list[Say]:
    """How each LMS that teaches a course says that it was completed."""
    ways: dict[str, list[Say]] = {
        HEART: [lambda n, at: moodle(n, "101", at), lambda n, at: canvas(n, "5101", at)],
        SEPSIS: [lambda n, at: moodle(n, "102", at)],
        DIABETES: [lambda n, at: canvas(n, "5103", at)],
    }
    return ways.get(course) or [lambda n, at: openedx(n, _OPENEDX[course], at)]


def _revoked(number: int, course: str, at: datetime) -> Outgoing:
    return openedx(number, _OPENEDX[course], at, says=REVOKED)


class Writer:
    """Writes a round's threads; everything drawn comes from the one generator it is given."""

    def __init__(self, drawn: random.Random, number: int) -> None:
        self._drawn = drawn
        self._people = PEOPLE_A_ROUND * number + 1
        self.scenario = Scenario(datetime.now(UTC))
        self._at = self.scenario.now - timedelta(days=2)
        self.others: list[Physician] = []

    def write(self, kinds: list[Kind]) -> list[Thread]:
        """One thread of each kind named."""
        return [self._thread(kind) for kind in kinds]

    def _learner(self) -> Physician:
        one = physician(self._people)
        self._people += 1
        self.scenario.physicians.append(one)
        return one

    def _thread(self, kind: Kind) -> Thread:
        one, course = self._learner(), self._course(kind)
        say, at = self._drawn.choice(_said(course)), self._at
        first, later = [say(one.number, at)], [say(one.number, at + timedelta(hours=3))]
        thread = Thread(kind, one, course, [first], accounts=(one.number,))
        match kind:
            case Kind.REPEATED:
                again = [say(one.number, at + timedelta(minutes=m)) for m in self._minutes()]
                thread.acts += [[event] for event in again]
            case Kind.TWO_LMS:
                other = [way for way in _said(course) if way is not say]
                thread.acts += [[other[0](one.number, at + timedelta(hours=1))]]
            case Kind.TWO_ACCOUNTS:
                twin = replace(self._learner(), board_id=one.board_id, birth_date=one.birth_date)
                twin = replace(twin, family_name=one.family_name)
                self.scenario.physicians[-1] = twin
                thread.accounts += (twin.number,)
                thread.acts += [[say(twin.number, at + timedelta(hours=1))]]
            case Kind.TAKEN_BACK | Kind.BACK_AGAIN:
                back = [[_revoked(one.number, course, at + timedelta(hours=1))]]
                thread.acts += back + ([later] if kind is Kind.BACK_AGAIN else [])
                thread.stays = kind is Kind.BACK_AGAIN
            case Kind.MISBORN | Kind.UNNUMBERED:
                misborn = {"birth_date_known": _NOBODY_KNOWS}
                wrong = misborn if kind is Kind.MISBORN else {"board_id_known": False}
                self.scenario.mend(str(one.number), **wrong)
                thread.acts.append(Act.MEND)
            case Kind.WITHDRAWN | Kind.AGAIN:
                thread.acts.append(Act.WITHDRAW)
                thread.acts += [later] if kind is Kind.AGAIN else []
                thread.stays = kind is Kind.AGAIN
        return thread

    def _course(self, kind: Kind) -> str:
        if kind is Kind.TWO_LMS:
            return HEART
        if kind in {Kind.TAKEN_BACK, Kind.BACK_AGAIN}:
            return self._drawn.choice([*_OPENEDX])
        return self._drawn.choice([HEART, SEPSIS, DIABETES, *_OPENEDX])

    def _minutes(self) -> Iterator[int]:
        return (self._drawn.choice([0, 0, 30]) for _ in range(self._drawn.randint(1, 2)))


def mended(scenario: Scenario, thread: Thread) -> None:
    """The learner's row as it should have been."""
    right: dict[str, object] = {"birth_date_known": "", "board_id_known": True}
    scenario.mend(str(thread.learner.number), **right)
