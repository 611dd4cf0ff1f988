"""What people did to the tables, in the audit trail: by version, whose rows its history keeps."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from consumer.desk.trail import remember
from consumer.ledger.ledger import Ledger
from consumer.tables.history import EDIT, Version


def remember_version(ledger: Ledger, table: str, version: Version) -> None:
    """Remember that a person put this version of a table in force. Raises LedgerUnavailable.

    To be called once it is in force: the table is a file, which no transaction holds.
    """
    with ledger.begin() as db:
        write_version(db, ledger, table, version)


def write_version(
    db: Connection,
    ledger: Ledger,
    table: str,
    version: Version,
    was: Mapping[str, str] | None = None,
    became: Mapping[str, str] | None = None,
) -> None:
    """The same in a transaction of the caller's; of one row that was edited, what changed in it."""
    before = {"version": str(version.number - 1), **(was or {})}
    counts = {name: str(getattr(version, name)) for name in ("rows", "added", "changed", "removed")}
    after = {"version": str(version.number), "file": version.source, **counts, **(became or {})}
    what = "table.undone" if version.undoes else "table.imported"
    if version.how == EDIT:
        what = "table.edited"
    subject = f"{table} {version.number}"
    remember(db, ledger, version.at, version.who, what, subject, before=before, after=after)
