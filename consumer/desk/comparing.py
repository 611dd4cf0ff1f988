"""An LMS's list of completions beside the ledger: what never arrived, and what it has no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from consumer.bus.port import Message, Outgoing
from consumer.credit import Heard
from consumer.event import decode
from consumer.fate import Ignored, NotReportable
from consumer.journey import House
from consumer.ledger.ledger import Ledger
from consumer.ledger.reconcilebook import known, standing_of
from consumer.lms.listed import CompletionList, Listed, event_of
from consumer.lms.listing import ListRefused
from consumer.mapping.said import Kind, Said
from consumer.reason import Stopped
from consumer.rules import completion_date
from consumer.steps import AWAITED
from consumer.tables.activities import Activity

RECONCILED = "moc-reconciled"
"""Header of an event that never arrived by itself: the name of the list that has it."""
_AWAITED = f'"code":"{AWAITED[Kind.COMPLETION]}"'


@dataclass(frozen=True, slots=True)
class Found:
    """A completion of the list that the ledger lacks, or has heard taken back."""

    said: Said = field(repr=False)
    row: Listed = field(repr=False)
    activity: str


@dataclass(frozen=True, slots=True)
class Gone:
    """A completion that the ledger has and the list has not."""

    said: Said = field(repr=False)
    activity: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a list says beside what the ledger has; `compared` are those of the time that counts.

    `counts` are the rows that were not compared, by why.
    """

    since: datetime
    compared: int
    missing: tuple[Found, ...]
    taken_back: tuple[Found, ...]
    not_listed: tuple[Gone, ...]
    counts: Counter[str]

    @property
    def courses(self) -> list[dict[str, Any]]:
        """Figures by course, without anybody in them."""
        told: dict[tuple[str, str], Counter[str]] = {}
        for what in ("missing", "taken_back", "not_listed"):
            for one in getattr(self, what):
                told.setdefault((one.activity, one.said.course), Counter())[what] += 1
        return [
            {"activity": activity, "course": course, **counts}
            for (activity, course), counts in sorted(told.items())
        ]


@dataclass(frozen=True, slots=True)
class Comparing:
    """One list against one ledger, by today's mappings and tables."""

    ledger: Ledger
    house: House
    name: str
    topic: str
    since: datetime
    until: datetime

    def compare(self, listed: CompletionList) -> Comparison:
        """What is there and what is not. Raises ListRefused, LedgerUnavailable."""
        counts: Counter[str] = Counter()
        rows = self._first_of_each(listed, counts)
        with self.ledger.read() as db:
            have = known(db, rows)
            gone = tuple(self._not_listed(db, listed, rows))
        missing = [one for key, one in rows.items() if never_heard(have.get(key))]
        again = [one for key, one in rows.items() if _taken_back(have.get(key))]
        later = [one for one in again if self._completed_anew(one, have)]
        return Comparison(
            self.since,
            len(rows),
            (*missing, *later),
            tuple(one for one in again if one not in later),
            gone,
            +(counts + Counter({"not_completed": listed.not_completed})),
        )

    def _first_of_each(self, listed: CompletionList, counts: Counter[str]) -> dict[str, Found]:
        """The rows that count by their keys; of a completion listed twice the first counts."""
        rows: dict[str, Found] = {}
        for row in listed.rows:
            found = self._counting(row, counts)
            if found is None:
                continue
            before = rows.get(key := self._key(found.said))
            if before is not None:
                counts["listed_twice"] += 1
            if before is None or found.said.instant < before.said.instant:
                rows[key] = found
        return rows

    def _counting(self, row: Listed, counts: Counter[str]) -> Found | None:
        if row.instant < self.since:  # most of a list that goes back for years
            counts["older"] += 1
            return None
        said = self._said(row)
        if said is None:
            counts["not_reportable"] += 1
            return None
        activity = self._activity(said)
        why = (
            "other_courses" if activity is None
            else "too_recent" if said.instant > self.until
            else ""
        )  # fmt: skip
        if why or activity is None:
            counts[why] += 1
            return None
        return Found(said, row, activity)

    def event(self, row: Listed) -> Outgoing:
        """The event of a row that never arrived by itself."""
        return event_of(row, self.name, self.topic, (RECONCILED, self.name.encode()))

    def _said(self, row: Listed) -> Said | None:
        """What intake will make of the row, so that both come to the same completion."""
        event = self.event(row)
        message = Message(event.topic, 0, 0, event.key, event.value, event.headers)
        try:
            envelope = decode(message, self.house.payload_limit_bytes, self.house.reading)
            found = self.house.catalogue.recognise(envelope)
            said = found.read(envelope)
        except Stopped as stopped:
            why = stopped.reasons[0].code
            raise ListRefused(
                f"line {row.line}: the mapping list/completed cannot read it ({why});"
                " is it among your mappings?"
            ) from None
        return None if isinstance(said, NotReportable | Ignored) else said

    def _activity(self, said: Said) -> str | None:
        """The office's activity on the day of the completion; None if it is not the office's."""
        rows = self.house.tables.activities.find(said.site, said.course, said.occurrence)
        ours = [one for one in rows if one.ours and _within(one, said.completed)]
        return ours[0].activity if ours else None

    def _key(self, said: Said) -> str:
        identity = self.ledger.identity
        return identity.completion_key(said.site, said.learner, said.course, said.occurrence)

    def _completed_anew(self, one: Found, have: dict[str, Row[Any]]) -> bool:
        """Whether it was completed after it was taken back: that one was never heard."""
        at = have[self._key(one.said)].retracted_at
        return at is not None and one.said.instant > at

    def _not_listed(
        self, db: Connection, listed: CompletionList, rows: dict[str, Found]
    ) -> Iterator[Gone]:
        """What the list ought to have. Only of courses that it is about: it may be of a part."""
        every = {(one.site, one.learner, one.course) for one in listed.rows} | listed.passed
        sites = {site for site, _, _ in every}
        courses = {course for _, _, course in every} | listed.courses
        for row in standing_of(db, courses, self.since):
            if row.site not in sites or row.key in rows:
                continue
            said = self.ledger.seal.open_said(row.said)
            if self._key(said) != row.key or not self.since <= said.instant <= self.until:
                continue  # purged, or of another time
            if (said.site, said.learner, said.course) in every:
                continue
            activity = self._activity(said)
            if activity is not None:
                yield Gone(said, activity)


def done_for_long(
    ledger: Ledger, site: str, course: str, learners: Iterable[str], since: datetime
) -> set[str]:
    """Those of these learners whose completion of the course was heard before, and stands."""
    keys = {ledger.identity.completion_key(site, one, course, ""): one for one in learners}
    with ledger.read() as db:
        found = known(db, keys)
    return {
        keys[row.key]
        for row in found.values()
        if row.heard_at < since and not _taken_back(row) and not never_heard(row)
    }


def never_heard(row: Row[Any] | None) -> bool:
    """Nothing at all, or other steps of the course alone."""
    return row is None or (row.state == Heard.HELD and _AWAITED in row.reasons)


def _taken_back(row: Row[Any] | None) -> bool:
    return row is not None and row.state == Heard.RETRACTED


def _within(row: Activity, completed: datetime | date) -> bool:
    return row.starts <= completion_date(completed, row.zone) <= row.ends


def window(now: datetime, days: int, grace_seconds: float) -> tuple[datetime, datetime]:
    """From when to when completions are compared."""
    return now - timedelta(days=days), now - timedelta(seconds=grace_seconds)
