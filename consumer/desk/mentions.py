"""Reasons that staff gave elsewhere, and that name a person: in closings, corrections, switches."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
from sqlalchemy import Connection, Update, select, update

from consumer.desk.traces import Traces
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import letter_edits, letters, switches

REMOVED = "(removed)"


def mentioning(db: Connection, ledger: Ledger, found: Traces) -> int:
    """How many there are."""
    return sum(1 for _ in _updates(db, ledger, found))


def remove_mentions(db: Connection, ledger: Ledger, found: Traces) -> None:
    """Take these reasons away; who gave them, when and about what stays."""
    for one in [*_updates(db, ledger, found)]:
        db.execute(one)


def _updates(db: Connection, ledger: Ledger, found: Traces) -> Iterator[Update]:
    seal, lt, e, s = ledger.seal, letters.c, letter_edits.c, switches.c
    closed = db.execute(select(lt.id, lt.closing).where(lt.closing.is_not(None)))
    for row in closed:
        told = orjson.loads(seal.open(row.closing))
        if found.within(told["why"]):
            bare = seal.seal_json(told | {"why": REMOVED})
            yield update(letters).where(lt.id == row.id).values(closing=bare)
    edits = db.execute(select(e.letter_id, e.version, e.why).where(e.why != ""))
    for edit in edits:
        if found.within(seal.open(edit.why.encode())):
            mine = (e.letter_id == edit.letter_id, e.version == edit.version)
            yield update(letter_edits).where(*mine).values(why="")
    for one in db.execute(select(s.kind, s.name, s.why)):
        if one.why and found.within(seal.open(one.why.encode())):
            mine = (s.kind == one.kind, s.name == one.name)
            yield update(switches).where(*mine).values(why=seal.seal_text(REMOVED))
