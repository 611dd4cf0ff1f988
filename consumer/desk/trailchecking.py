"""The desk's check of the audit trail, also against an end that was noted outside the ledger."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, inspect, select

from consumer.keys import Keys
from consumer.ledger.chain import Head, start_of
from consumer.ledger.chaincheck import Checked, check
from consumer.ledger.database import file_to_read
from consumer.ledger.ledger import Ledger, LedgerUnavailable, get_fact
from consumer.ledger.schema import audit

_SHORT = 16
_NOTED = re.compile(rf"([0-9a-f]{{{_SHORT},64}})@([0-9]{{1,18}})")


class NoTrail(Exception):
    """The file cannot be checked; the text says why."""


class NoHead(ValueError):
    """What was given is no end of a trail, as a check tells it."""


@dataclass(frozen=True, slots=True)
class Trail:
    """What a check found: rows, the end to note down, and what is wrong, the first row first."""

    rows: int
    earlier: int
    head: str
    problems: tuple[str, ...]


def noted(text: str) -> Head:
    """An end as it was noted: DIGEST@NUMBER. Raises NoHead."""
    found = _NOTED.fullmatch(text.strip().lower())
    if found is None:
        raise NoHead(f"{text}: not DIGEST@NUMBER, as an earlier audit verify told it")
    return Head(int(found[2]), found[1])


def told(head: Head) -> str:
    """An end to be noted down: enough of its digest that nobody can make another like it."""
    return f"{head.digest[:_SHORT]}@{head.number}"


def check_file(path: Path, keys: Keys, expected: Head | None = None) -> Trail:
    """The same for a backup, or a ledger that a restore kept: a file, which stays as it is.

    Raises NoTrail for what has no such trail, or other keys.
    """
    if not path.is_file():
        raise NoTrail(f"{path}: no such file")
    ledger = Ledger(file_to_read(path), keys.seal, keys.identity)
    try:
        with closing(ledger), ledger.read() as db:
            if get_fact(db, "fingerprint") != keys.identity.fingerprint():
                raise NoTrail(f"{path} was made with another secret: it needs its own keys.toml")
            if "digest" not in {one["name"] for one in inspect(db).get_columns("audit")}:
                raise NoTrail(f"{path} was made by an earlier version, whose trail has no chain")
        with closing(ledger):
            return check_trail(ledger, expected)
    except LedgerUnavailable as error:
        raise NoTrail(f"{path} cannot be read as a ledger: {error}") from None


def check_trail(ledger: Ledger, expected: Head | None = None) -> Trail:
    """Check every row, and that the trail still has the end that was noted earlier."""
    with ledger.read() as db:
        found = check(db, ledger.identity)
        problems = [flaw.says for flaw in found.flaws]
        if expected is not None:
            problems += _otherwise(db, found, expected)
    head = told(found.head) if found.head else ""
    return Trail(found.rows, found.earlier, head, tuple(problems))


def _otherwise(db: Connection, found: Checked, expected: Head) -> list[str]:
    """What is wrong if the row that was noted is not there any more as it was."""
    a, number = audit.c, expected.number
    start = start_of(db)
    at_start = start is not None and start.number == number
    digest = (
        start.digest if start and at_start else db.scalar(select(a.digest).where(a.id == number))
    )
    if digest and str(digest).startswith(expected.digest):
        return []
    last = found.head.number if found.head else 0
    lost = f"the end that was noted, row {number}, is not in this trail"
    if number > last:
        lost += f", which ends with row {last}"
    return [f"{lost}: {_because(db, number)}"]


def _because(db: Connection, number: int) -> str:
    a = audit.c
    restored = select(audit).where(a.what == "ledger.restored", a.id <= number)
    row = db.execute(restored.order_by(a.id.desc()).limit(1)).one_or_none()
    return _restored(row) if row is not None else _REPLACED


_REPLACED = (
    "rows were cut off and their end with them, or an older or another ledger was put in its place"
    " and nobody said so (ledger restore, ledger restored)"
)


def _restored(row: Row[Any]) -> str:
    return (
        f"{row.who} put the ledger back from a backup, row {row.id}, {row.at:%Y-%m-%d %H:%M} UTC;"
        " if the end was noted before then, what people did after the backup was made went with"
        " it, and stands in the ledger of before, which ledger restore keeps beside the new one"
    )
