"""Sealing anew: what is under a former key goes under the one that seals, beside a running service.

A few rows at a time, and each value only while it still is what was read: what the service wrote
meanwhile is never overwritten. What is under the right key is left alone, so that whoever was
killed begins again and goes on where nothing was done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Row,
    RowMapping,
    Table,
    Update,
    func,
    select,
    tuple_,
    update,
)

from consumer.ledger.amending import Cells, amend
from consumer.ledger.columns import metadata, sealed_columns
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import audit
from consumer.ledger.seal import Seal

AT_ONCE = 100
"""Rows of a transaction: others who write wait for as long."""
TRAIL_AT_ONCE = 2000
"""Rows of the trail: each time all of it is checked, which takes a second for 100,000."""
WORK = 0x4D4F4308
_PASSES = 3

Tell = Callable[[int], None]
"""Told how many rows were gone through since."""
Note = Callable[[Connection], None]


class StillSealing(Exception):
    """Some process goes on sealing under a former key; the text says what to do."""


def tables_sealed() -> list[Table]:
    """The tables that keep anything sealed, in the order of their names."""
    return list(dict.fromkeys(metadata.tables[c.table.name] for c in sealed_columns()))


def count_rows(ledger: Ledger, tables: Sequence[Table]) -> int:
    """How many rows there are to go through."""
    with ledger.read() as db:
        return sum(db.scalar(select(func.count()).select_from(t)) or 0 for t in tables)


def reseal(ledger: Ledger, at: datetime, note: Note, tell: Tell = lambda _: None) -> int:
    """Seal anew what is under a former key, the audit trail too; gives how many values were.

    `note` is called in each transaction that changes anything, before it does.
    Raises SealBroken for a value that no key opens, StillSealing, LedgerRefused where the trail is
    not whole.
    """
    tables, total = [table for table in tables_sealed() if table is not audit], 0
    for _ in range(_PASSES):
        done = sum(_reseal_table(ledger, table, note, tell) for table in tables)
        done += _reseal_trail(ledger, at, note, tell)
        total += done
        if not done:
            return total
    raise StillSealing(
        "another process still seals under a former key: restart every process with this"
        " keys.toml, then do this again"
    )


def under_which(
    ledger: Ledger, tables: Sequence[Table], tell: Tell = lambda _: None
) -> Mapping[str, Counter[str]]:
    """How many values of each table are under which key, by the keys' names. Raises SealBroken."""
    return {table.name: _under(ledger, table, tell) for table in tables}


def _under(ledger: Ledger, table: Table, tell: Tell) -> Counter[str]:
    found: Counter[str] = Counter()
    for rows in _batches(ledger, table, AT_ONCE):
        tell(len(rows))
        for row in rows:
            found.update(ledger.seal.key_of(_bytes(row[c.name])) for c in _filled(table, row))
    return found


def _reseal_table(ledger: Ledger, table: Table, note: Note, tell: Tell) -> int:
    done = 0
    for rows in _batches(ledger, table, AT_ONCE):
        # Opened and sealed before the transaction begins: nobody waits for that.
        changes = [one for row in rows for one in _changes(ledger.seal, table, row)]
        if changes:
            with ledger.begin() as db:
                note(db)
                done += sum(_write(db, change) for change in changes)
        tell(len(rows))
    return done


def _reseal_trail(ledger: Ledger, at: datetime, note: Note, tell: Tell) -> int:
    """Rows of the trail change by a signed amendment alone."""
    done = 0
    for rows in _batches(ledger, audit, TRAIL_AT_ONCE):
        if any(True for row in rows for _ in _changes(ledger.seal, audit, row)):
            with ledger.begin() as db:
                note(db)
                done += _amend(db, ledger, at, [row["id"] for row in rows])
        tell(len(rows))
    return done


def _amend(db: Connection, ledger: Ledger, at: datetime, numbers: Sequence[int]) -> int:
    """Read once more where nobody else writes: a row may have been amended since."""
    query = select(audit).where(audit.c.id.between(numbers[0], numbers[-1]))
    rows = [row._mapping for row in db.execute(query)]
    new = {row["id"]: cells for row in rows if (cells := _renewed(ledger.seal, row))}
    amend(db, ledger, at, "keys.resealed", new)
    return sum(len(_filled(audit, row)) for row in rows if row["id"] in new)


def _renewed(seal: Seal, row: RowMapping) -> Cells | None:
    why = seal.renewed_text(row["why"]) if row["why"] else None
    change = seal.renewed(row["change"]) if row["change"] else None
    if why is None and change is None:
        return None
    return Cells(row["subject"], why or row["why"], change or row["change"])


def _batches(ledger: Ledger, table: Table, at_once: int) -> Iterator[Sequence[RowMapping]]:
    """All rows of a table, its key and what is sealed of it, in the order of the key."""
    keys = list(table.primary_key)
    query = select(*keys, *_sealed(table)).order_by(*keys).limit(at_once)
    last: Row[Any] | None = None
    while True:
        after = query if last is None else query.where(tuple_(*keys) > tuple(last[: len(keys)]))
        with ledger.read() as db:
            rows = db.execute(after).all()
        if not rows:
            return
        yield [row._mapping for row in rows]
        last = rows[-1]


def _changes(seal: Seal, table: Table, row: RowMapping) -> Iterator[Update]:
    for column in _filled(table, row):
        old = row[column.name]
        new = seal.renewed_text(old) if isinstance(old, str) else seal.renewed(old)
        if new is not None:
            same = [key == row[key.name] for key in table.primary_key]
            yield update(table).where(*same, column == old).values({column.name: new})


def _write(db: Connection, change: Update) -> int:
    return db.execute(change).rowcount


def _sealed(table: Table) -> list[Column[Any]]:
    return [column for column in sealed_columns() if column.table is table]


def _filled(table: Table, row: RowMapping) -> list[Column[Any]]:
    return [column for column in _sealed(table) if row[column.name]]


def _bytes(sealed: bytes | str) -> bytes:
    return sealed.encode() if isinstance(sealed, str) else sealed
