"""Amendments: what was changed in rows of the audit since they were written, and by what.

A row keeps its own signature, so that the row after it still follows; what the row holds now is
signed anew in its amendment. Amendments are a chain of their own, whose end is kept and signed:
who has not the keys can neither make one, nor take the last away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnClause, Connection, column, insert, inspect, select, table

from consumer.credit import Identity
from consumer.ledger.facts import get_fact, set_fact
from consumer.ledger.schema import amendments

END = "amendments_end"
COLUMNS = ("number", "at", "what", "row", "link", "cells", "digest")


@dataclass(frozen=True, slots=True)
class Amendment:
    """One change to one row, at so many milliseconds since 1970; `link` is what the row after it
    was signed with.
    """

    number: int
    at: int
    what: str
    row: int
    link: str
    cells: str
    digest: str

    def fits(self, identity: Identity, previous: str, cells: Iterable[object]) -> bool:
        """Whether the row holds what it was left with, after the row signed `previous`."""
        return self.cells == cells_signed(identity, previous, self.link, cells)


@dataclass(frozen=True, slots=True)
class Amended:
    """Every amendment, as it was read: the last one of each row, and what is wrong in words."""

    number: int
    digest: str
    last: dict[int, Amendment] = field(default_factory=dict)
    flaws: tuple[str, ...] = ()


def read(db: Connection, identity: Identity) -> Amended:
    """All amendments, checked one after the other."""
    number, digest, last, flaws = 0, "", {}, []
    for one in _kept(db):
        number += 1
        if one.number != number or one.digest != _signed(identity, digest, one):
            flaws.append(f"amendment {one.number} was not made by this program")
            number = one.number
        digest, last[one.row] = str(one.digest), one
    if get_fact(db, END) != _end(identity, number, digest):
        flaws.append("what was kept of the end of the amendments was changed")
    return Amended(number, digest, last, tuple(flaws))


def put(
    db: Connection, identity: Identity, after: Amended, new: Iterable[Amendment]
) -> list[Amendment]:
    """Write these after the ones that were read, numbered and signed; their rows may change now."""
    number, digest, written = after.number, after.digest, []
    for one in new:
        number += 1
        bare = Amendment(number, one.at, one.what, one.row, one.link, one.cells, "")
        digest = _signed(identity, digest, bare)
        written.append(Amendment(number, one.at, one.what, one.row, one.link, one.cells, digest))
    if written:
        plain = table(amendments.name, *map(column, COLUMNS))
        rows = [{name: getattr(one, name) for name in COLUMNS} for one in written]
        db.execute(insert(plain), rows)
        set_fact(db, END, _end(identity, number, digest) or "")
    return written


def cells_signed(identity: Identity, previous: str, link: str, cells: Iterable[object]) -> str:
    """The signature of what an amended row holds, cells as in chain.COLUMNS."""
    told = (f"{type(one).__name__} {one}" for one in cells)
    return identity.digest("audit-amended", previous, link, *told)


def _kept(db: Connection) -> Iterator[Amendment]:
    if not inspect(db).has_table(amendments.name):
        return  # a backup of an earlier version
    # As they are: what somebody wrote there by hand may be of no type that a column should have.
    names: list[ColumnClause[Any]] = [column(name) for name in COLUMNS]
    query = select(*names).select_from(amendments).order_by(amendments.c.number)
    for row in db.execute(query):
        yield Amendment(*row)


def _signed(identity: Identity, previous: str, one: Amendment) -> str:
    told = (one.number, one.at, one.what, one.row, one.link, one.cells)
    typed = (f"{type(cell).__name__} {cell}" for cell in told)
    return identity.digest("audit-amendment", previous, *typed)


def _end(identity: Identity, number: int, digest: str) -> str | None:
    """The end as it is kept; None while there never was one."""
    if number == 0:
        return None
    return f"{number}:{digest}:{identity.digest('audit-amendments', str(number), digest)}"
