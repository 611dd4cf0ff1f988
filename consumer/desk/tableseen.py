"""Who looked at the people of a table, or took them out: each time it stands in the audit trail."""

from __future__ import annotations

from dataclasses import dataclass

from consumer.clock import Clock
from consumer.desk.trail import remember
from consumer.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class TableSeen:
    """One person's looks at one table; written before anything is shown."""

    ledger: Ledger
    clock: Clock
    who: str
    table: str

    def rows(self) -> None:
        """They saw rows, of the table or of a spreadsheet for it."""
        self._remember("table.revealed", self.table)

    def row(self, name: str) -> None:
        """They saw one row; `name` is the one that tells nothing."""
        self._remember("row.revealed", f"{self.table} {name}")

    def all(self) -> None:
        """They took the whole table out."""
        self._remember("table.exported", self.table)

    def _remember(self, what: str, subject: str) -> None:
        with self.ledger.begin() as db:
            remember(db, self.ledger, self.clock.now(), self.who, what, subject)
