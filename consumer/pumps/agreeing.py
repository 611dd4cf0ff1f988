"""Nothing is sent that its learner does not agree to any more, by the table as it is this moment.

A changed table is judged within seconds, by the process that hears; this looks at every credit as
it is claimed, in whichever process sends it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, update

from consumer.credit import State
from consumer.ledger.consents import disagreeing, kept
from consumer.ledger.creditbook import CreditBook
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import credits_
from consumer.premises import Premises
from consumer.tables import TableProblems, load_tables, tables_mark, tables_version

_AGAIN = timedelta(minutes=1)
"""When a credit that nobody agrees to is looked at again: it is judged long before."""
_SENT = (State.READY, State.SUBMITTING)


class Agreeing:
    """The learners table as it is, for one process; safe with the other pumps of it."""

    def __init__(
        self, folder: Path, profiles: Collection[str], ledger: Ledger, premises: Premises
    ) -> None:
        self._folder, self._profiles = folder, profiles
        self._ledger, self._premises = ledger, premises
        self._seen: tuple[object, ...] | None = None

    def take_up(self) -> None:
        """Put a changed table in force, if it is in order: before a transaction begins.

        One that is broken changes nothing, as everywhere.
        """
        mark = tables_mark(self._folder)
        if mark == self._seen:
            return
        tables = self._premises.house.tables
        if tables_version(self._folder) != tables.version:
            with suppress(TableProblems):  # the pump that watches the tables tells of it
                self._premises.put_tables(load_tables(self._folder, self._profiles, tables.boards))
        self._seen = mark

    def agreed(self, db: Connection, rows: Sequence[Row[Any]], now: datetime) -> list[Row[Any]]:
        """Those of these that may be claimed; none while a table has changed since `take_up`.

        What was posted perhaps, and is posted again otherwise, is withdrawn: PARS is asked first.
        """
        sent = [row for row in rows if row.state in _SENT]
        if not sent:
            return [*rows]
        if tables_mark(self._folder) != self._seen:
            return [row for row in rows if row.state not in _SENT]
        numbers = [row.id for row in sent]
        without = disagreeing(db, self._ledger, self._premises.house.tables.learners, numbers)
        without -= kept(db, [*without])
        for row in sent:
            if row.id in without:
                self._leave(db, row, now)
        return [row for row in rows if row.id not in without]

    def _leave(self, db: Connection, row: Row[Any], now: datetime) -> None:
        if row.state == State.SUBMITTING:
            CreditBook(db, self._ledger, now).withdraw(row)
        else:
            later = update(credits_).where(credits_.c.id == row.id)
            db.execute(later.values(due_at=now + _AGAIN))
