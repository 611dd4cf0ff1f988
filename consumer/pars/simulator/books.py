"""What the simulated PARS has stored: the truth about what was credited, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from consumer.pars.document import Report, UniqueID
from consumer.pars.simulator.decision import Decision

# Provider, activity, board, board ID, credit type, date: two live records of one key are doubled.
Key = tuple[str, str, str, str, str, date]


class Came(StrEnum):
    """How a record came to PARS."""

    XML = "xml"
    JSON = "json"
    EXCEL_FILE = "excel file"
    XML_FILE = "xml file"


@dataclass(slots=True)
class Entry:
    """One stored credit; `history` holds the sequence number and action of every operation."""

    report: Report
    decision: Decision
    came: Came
    deleted: bool = False
    history: list[tuple[int, str]] = field(default_factory=list)

    def state(self, now: datetime) -> str:
        """pending, accepted, rejected or deleted."""
        if self.deleted:
            return "deleted"
        if now < self.decision.at:
            return "pending"
        return "rejected" if self.decision.rejected_for else "accepted"


class Books:
    """Every record ever stored, by CreditID. Not thread-safe by itself."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._live: Counter[Key] = Counter()
        self._posts: Counter[str] = Counter()
        self._sequence = 0
        self.refused = 0

    def posted(self, credit_id: str) -> None:
        """Somebody posted an `add` of this CreditID, whatever comes of it."""
        self._posts[credit_id] += 1

    def known(self, credit_id: str) -> Entry | None:
        """The record of this CreditID, deleted or not."""
        return self._entries.get(credit_id)

    def live(self, credit_id: str) -> Entry | None:
        """The record of this CreditID if it has not been deleted."""
        entry = self._entries.get(credit_id)
        return None if entry is None or entry.deleted else entry

    def credited(self, report: Report) -> bool:
        """Whether a live record of the same learner, activity, type and date is there."""
        return self._live[key(report)] > 0

    def alike(self, report: Report) -> list[Entry]:
        """The live records of the same learner, activity, type and date."""
        return [one for one in self if not one.deleted and key(one.report) == key(report)]

    def add(self, report: Report, decision: Decision, came: Came) -> None:
        """Store this credit, on which the board will decide so."""
        entry = Entry(report, decision, came)
        self._entries[report.credit_id] = entry
        self._live[key(report)] += 1
        self._note(entry, "add")

    def delete(self, entry: Entry) -> None:
        """Withdraw a live credit."""
        entry.deleted = True
        self._live[key(entry.report)] -= 1
        self._note(entry, "delete")

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def as_json(self, now: datetime) -> dict[str, Any]:
        """Every record in order of arrival, and totals; `doubled` counts credits beyond the first.

        A repeated post of one CreditID is not doubling (design 6).
        """
        records = [self._record(entry, now) for entry in self]
        states = Counter(record["state"] for record in records)
        return {"records": records, "totals": self._totals(states)}

    def _totals(self, states: Counter[str]) -> dict[str, int]:
        return {
            "stored": len(self._entries),
            "live": sum(self._live.values()),
            **{state: states[state] for state in ("pending", "accepted", "rejected", "deleted")},
            "posts": sum(self._posts.values()),
            "refused": self.refused,
            "doubled": sum(max(0, count - 1) for count in self._live.values()),
        }

    def _note(self, entry: Entry, action: str) -> None:
        self._sequence += 1
        entry.history.append((self._sequence, action))

    def _record(self, entry: Entry, now: datetime) -> dict[str, Any]:
        report = entry.report
        board = board_of(report)
        return {
            "credit_id": report.credit_id,
            "provider_id": report.provider_id,
            "activity": report.activity_id,
            "board": board.domain,
            "board_id": board.value,
            "credit_type": report.certification,
            "points": report.points,
            "completed_on": report.completed_on.isoformat(),
            "state": entry.state(now),
            "came": entry.came.value,
            "posts": self._posts[report.credit_id],
            "history": [action for _, action in entry.history],
            "sequence": [number for number, _ in entry.history],
        }


def board_of(report: Report) -> UniqueID:
    """The board's number among a certificate's; an NPI stands alone only in state credit."""
    boards = [one for one in report.unique_ids if one.domain != "NPI"]
    return (boards or list(report.unique_ids))[0]


def key(report: Report) -> Key:
    """What makes two records the same credit in these books."""
    board = board_of(report)
    return (
        report.provider_id,
        report.activity_id,
        board.domain,
        board.value,
        report.certification,
        report.completed_on,
    )
