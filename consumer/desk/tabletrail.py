"""What people did to the tables, in the audit trail: by version, whose rows its history keeps."""

from __future__ import annotations

from consumer.desk.trail import remember
from consumer.ledger.ledger import Ledger
from consumer.tables.history import Version


def remember_version(ledger: Ledger, table: str, version: Version) -> None:
    """Remember that a person put this version of a table in force. Raises LedgerUnavailable.

    To be called once it is in force: the table is a file, which no transaction holds.
    """
    before = {"version": str(version.number - 1)}
    counts = {name: str(getattr(version, name)) for name in ("rows", "added", "changed", "removed")}
    after = {"version": str(version.number), "file": version.source, **counts}
    what = "table.undone" if version.undoes else "table.imported"
    subject = f"{table} {version.number}"
    with ledger.begin() as db:
        remember(db, ledger, version.at, version.who, what, subject, before=before, after=after)
