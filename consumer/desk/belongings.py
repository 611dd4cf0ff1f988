"""Everything that is held about one person, wherever it lies (docs/privacy.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, exists, select

from consumer.desk.identity import row_name
from consumer.desk.kin import Kin
from consumer.desk.looking import Desk
from consumer.desk.people import row_key
from consumer.desk.roster import Certificate, Roster
from consumer.desk.traces import Traces, traces
from consumer.ledger.ledger import Ledger
from consumer.ledger.purging import Held, held_of
from consumer.ledger.schema import attempts, audit, completion_credits, credits_, letters
from consumer.ledger.seal import unpack_original
from consumer.participant import Record
from consumer.tables.kind import LEARNERS

PURGED = "learner.purged"
NOBODY = "a purged learner"
"""What the audit trail calls a row of the learners table that was somebody's."""


@dataclass(frozen=True, slots=True)
class Belongings:
    """What is held of one person; `audit` are the numbers of the trail's rows about them.

    `rows` are the keys, site and learner, of their rows in the learners table, today's and earlier;
    `named` are the trail's subjects that were made of these.
    """

    kin: Kin = field(repr=False)
    held: Held
    unread: tuple[str, ...]
    audit: tuple[int, ...]
    rows: frozenset[tuple[str, str]] = field(repr=False)
    named: frozenset[str]
    traces: Traces = field(repr=False)


def belongings(db: Connection, desk: Desk, kin: Kin) -> Belongings:
    """Everything of this person's; looks through what is sealed. Raises SealBroken."""
    ledger = desk.ledger
    alone = _alone(db, ledger, kin)
    bare = held_of(db, kin.completions, alone)
    found = _traces(kin, _records(db, ledger, bare.credits))
    unread = tuple(_unread(db, ledger, found))
    held = held_of(db, kin.completions, alone, unread)
    rows = frozenset(_rows(kin, desk.roster))
    named = frozenset(_named(ledger, rows, kin))
    numbers = tuple(_audit(db, ledger, {*named, *_subjects(db, held)}, found))
    return Belongings(kin, held, unread, numbers, rows, named, found)


def _rows(kin: Kin, roster: Roster) -> Iterator[tuple[str, str]]:
    """Today's rows of theirs, and those that an earlier version may have had of them."""
    yield from ((entry.site, entry.learner) for entry in kin.entries)
    for account in kin.accounts:
        yield account.site, account.learner
        everywhere = roster.of("", account.learner)
        if everywhere is None or everywhere in kin.entries:  # else it is somebody else's
            yield "", account.learner


def _alone(db: Connection, ledger: Ledger, kin: Kin) -> Sequence[int]:
    """Credits that PARS had before this service: no completion leads to them."""
    linked = exists().where(completion_credits.c.credit_id == credits_.c.id)
    query = select(credits_.c.id, credits_.c.record)
    rows = db.execute(query.where(~linked, credits_.c.purged_at.is_(None)))
    return [n for n, sealed in rows if _is_of(ledger.seal.open_record(sealed), kin.certificates)]


def _is_of(record: Record, certificates: Iterable[Certificate]) -> bool:
    born = record.birth_date and (record.birth_date.month, record.birth_date.day)
    return any(
        (one.board, one.board_id) == (record.board, record.board_id)
        and (one.birth_day is None or born is None or one.birth_day == born)
        for one in certificates
    )


def _records(db: Connection, ledger: Ledger, numbers: Sequence[int]) -> Iterator[Record]:
    k = credits_.c
    for row in db.execute(select(k.record, k.sent).where(k.id.in_(numbers))):
        yield from (ledger.seal.open_record(one) for one in row if one)


def _traces(kin: Kin, records: Iterable[Record]) -> Traces:
    rows = [row for entry in kin.entries for row in entry.rows]
    ids = [entry.learner for entry in kin.entries] + [one.learner for one in kin.accounts]
    ids += [text for row in rows for text in (row.email, row.board_id, row.npi, row.licence)]
    ids += [one.board_id for one in kin.certificates]
    names = [(row.given_name, row.family_name) for row in rows]
    for record in records:
        ids += [record.board_id, record.npi or ""]
        names.append((record.given_name, record.family_name))
    return traces(ids, names)


def _unread(db: Connection, ledger: Ledger, found: Traces) -> Iterator[str]:
    """Letters of events that nobody could read, and that name the person all the same."""
    lt = letters.c
    nobodys = (lt.completion_id.is_(None), lt.credit_row.is_(None), lt.purged_at.is_(None))
    for row in db.execute(select(lt.id, lt.original).where(*nobodys)):
        original = unpack_original(ledger.seal.open(row.original))
        told = [original.value or b"", original.key or b""]
        if any(map(found.within, [*told, *(value for _, value in original.headers)])):
            yield row.id


# ---------------------------------------------------------------- the trail


def _named(ledger: Ledger, rows: Iterable[tuple[str, str]], kin: Kin) -> Iterator[str]:
    """What the trail calls rows of the table: hashes of whose they are."""
    boards = {one.board for one in kin.certificates} | {
        row.board for entry in kin.entries for row in entry.rows
    }
    for site, learner in rows:
        for place in {site, ""}:
            yield "t" + row_key(ledger, place, learner)
            for board in boards:
                name = row_name(ledger.identity, LEARNERS, (place, learner, board))
                yield f"{LEARNERS.name} {name}"


def _subjects(db: Connection, held: Held) -> Iterator[str]:
    """What else the trail calls what is theirs; nothing of it says whose it is."""
    k, a = credits_.c, attempts.c
    yield from held.letters
    for number in held.completions:
        yield from (f"c{number}", f"p{number}")
    yield from (f"k{number}" for number in held.credits)
    now = select(k.credit_id).where(k.id.in_(held.credits), k.credit_id.is_not(None))
    yield from db.scalars(now)
    yield from db.scalars(select(a.credit_id).where(a.credit_row.in_(held.credits)).distinct())


def _audit(db: Connection, ledger: Ledger, subjects: set[str], found: Traces) -> Iterator[int]:
    # That somebody was purged is told for good.
    others = select(audit).where(audit.c.what != PURGED).order_by(audit.c.id)
    for row in db.execute(others):
        about = row.subject in subjects
        if about or any(map(found.within, (row.subject, *_opened(ledger, row)))):
            yield row.id


def _opened(ledger: Ledger, row: Row[Any]) -> Iterator[bytes]:
    if row.why:
        yield ledger.seal.open(row.why.encode())
    if row.change:
        yield ledger.seal.open(row.change)
