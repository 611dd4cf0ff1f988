"""What the desk looks with, at people, credits and lists: ledger, today's tables, this moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from consumer.clock import Clock
from consumer.desk.deadlines import Watch, watch
from consumer.desk.roster import Roster, roster_of
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import lines, surges
from consumer.tables import Tables


@dataclass(frozen=True, slots=True)
class Desk:
    """One installation; `by_file` are the profiles that report by file alone.

    At risk is what has fewer than `at_risk_days` days left.
    """

    ledger: Ledger
    tables: Tables
    clock: Clock
    at_risk_days: int = 7
    by_file: frozenset[str] = frozenset()

    @property
    def roster(self) -> Roster:
        """Everybody in the learners table."""
        return roster_of(self.tables)

    def moment(self, db: Connection) -> Moment:
        """How things stand now, for everybody alike."""
        now = self.clock.now()
        held = frozenset(db.scalars(select(surges.c.source)))
        return Moment(now, watch(now, self.at_risk_days), away_now(db), held, self.by_file)


@dataclass(frozen=True, slots=True)
class Away:
    """A profile's PARS that does not answer, or refuses us (`refused`); asked again at `until`."""

    refused: bool
    since: datetime | None
    until: datetime | None

    @property
    def words(self) -> str:
        """Why nothing is sent, in a coordinator's words."""
        told = "it refuses our user or password" if self.refused else "no answer"
        return f"{told} since {minute(self.since)}" if self.since else told


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, which profiles' PARS is away, and which sources a person holds."""

    now: datetime
    watch: Watch
    away: Mapping[str, Away]
    held: frozenset[str]
    by_file: frozenset[str]


def away_now(db: Connection) -> dict[str, Away]:
    """The profiles whose PARS does not answer, or refuses us."""
    standing = {row.profile: _line(row) for row in db.execute(select(lines))}
    return {name: line for name, line in standing.items() if line is not None}


def _line(row: object) -> Away | None:
    open_until: datetime | None = getattr(row, "open_until", None)
    stopped = bool(getattr(row, "stopped", False))
    # Once its time is over one request tries again: until that is answered nothing is known.
    if open_until is None and not stopped:
        return None
    return Away(stopped, getattr(row, "last_success_at", None), open_until)


def minute(at: datetime | None) -> str:
    """A moment as people read it; blank if there is none."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
