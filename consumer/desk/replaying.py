"""Sending letters round again: one or hundreds, seen beforehand, each in a transaction of its own.

Whenever it stops, each letter has gone round or has not; the same wish once more goes on with what
is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from consumer.clock import Clock
from consumer.desk.closed import WORDS as CLOSED
from consumer.desk.deadletters import (
    MOST_REPLAYS,
    AsksForDecision,
    CameBackTheSame,
    NoSuchLetter,
    NotOpen,
    ReplayedTooOften,
    find_letter,
    replay_letter,
)
from consumer.desk.trying import FATES, Trial, try_letter
from consumer.journey import House
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status

TOO_OFTEN = "too_often"


@dataclass(frozen=True, slots=True)
class Gone:
    """What became of one letter; `failed` where it was not sent round although it was named."""

    letter_id: str
    fate: str
    says: str
    failed: bool = False


@dataclass(slots=True)
class Plan:
    """What a replay would come to: how many by reason and fate, and which letters would go.

    `happened` says of each reason what it means.

    `as_they_are` would come back for the very reasons they have; `unanswered` ask for a decision;
    `too_often` came back twice. These stay, unless each is named, or it is said that they go again.
    `unchanged` of those that go would be sent exactly as PARS refused them.
    """

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    happened: dict[str, str] = field(default_factory=dict)
    going: list[str] = field(default_factory=list)
    as_they_are: int = 0
    unanswered: int = 0
    too_often: int = 0
    unchanged: int = 0


@dataclass(frozen=True, slots=True)
class Replaying:
    """One person's wish; `again` sends letters that came back twice, too.

    `each`: the letters were named one by one. Of a whole list those stay as they are that would
    come back for the very same reason, ask for a decision, or came back twice.
    """

    ledger: Ledger
    house: House
    clock: Clock
    who: str
    why: str = ""
    again: bool = False
    each: bool = True

    def preview(self, letter_ids: Sequence[str], tell: Callable[[], None] = lambda: None) -> Plan:
        """What `go` would do, letter by letter. Raises SchemasAway."""
        plan = Plan()
        for letter_id in letter_ids:
            self._plan(plan, letter_id)
            tell()
        return plan

    def _plan(self, plan: Plan, letter_id: str) -> None:
        try:
            trial = try_letter(self.ledger, self.house, letter_id, self.clock)
        except (NoSuchLetter, NotOpen):
            return
        plan.counts[trial.reason, trial.fate] += 1
        plan.happened[trial.reason] = trial.happened
        if trial.fate == "asks":
            plan.unanswered += 1
        elif trial.same and not self.each:
            plan.as_they_are += 1
        elif self._is_worn(trial):
            plan.too_often += 1
        else:
            plan.going.append(letter_id)
            plan.unchanged += trial.unchanged

    def _is_worn(self, trial: Trial) -> bool:
        if self.again:
            return False
        with self.ledger.read() as db:
            return bool(find_letter(db, trial.letter_id).replays >= MOST_REPLAYS)

    def go(self, letter_ids: Sequence[str]) -> Iterator[Gone]:
        """Send them round; each comes once it is written. Raises SchemasAway, LedgerUnavailable."""
        for letter_id in letter_ids:
            yield self.replay(letter_id)

    def replay(self, letter_id: str) -> Gone:
        """Send one round. What stands in the way is said, and is no exception."""
        args = (self.ledger, self.house, letter_id, self.who, self.why, self.clock)
        try:
            fate = replay_letter(*args, again=self.again, if_it_helps=not self.each)
        except CameBackTheSame as error:
            return Gone(letter_id, "refused", str(error))
        except ReplayedTooOften as error:
            says = f"{error}; --again sends it once more"
            return Gone(letter_id, TOO_OFTEN, says, failed=self.each)
        except AsksForDecision as error:
            return Gone(letter_id, "asks", str(error), failed=self.each)
        except NotOpen as error:
            return self._not_open(letter_id, str(error))
        except NoSuchLetter as error:
            return Gone(letter_id, "unknown", str(error), failed=True)
        return Gone(letter_id, fate, FATES.get(fate, fate))

    def _not_open(self, letter_id: str, told: str) -> Gone:
        """Went round before, perhaps by this very wish; or was closed for good."""
        with self.ledger.read() as db:
            status = Status(find_letter(db, letter_id).status)
        return Gone(letter_id, status, told, failed=status in CLOSED)
