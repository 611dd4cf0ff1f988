"""Any single change to the audit trail is found: laws that hold whatever somebody does to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from consumer.credit import Identity
from consumer.desk.trail import remember
from consumer.ledger import amendments, chain
from consumer.ledger.amending import Cells, amend
from consumer.ledger.chaincheck import check
from consumer.ledger.ledger import Ledger, open_ledger
from consumer.ledger.schema import audit
from consumer.ledger.seal import Seal
from tests.fakes import MORNING
from tests.integration.office import SEALING_KEY, SECRET

EARLIER, ROWS = 3, 9
UNGUARDED = ("audit_unchanged", "audit_undeleted", "audit_unreplaced", "amendments_unchanged")
UNGUARDED += ("amendments_undeleted", "amendments_unreplaced")
COLUMNS = [*chain.COLUMNS, "digest"]
VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8"), max_size=70),
    st.binary(max_size=20),
)
"""SQLite takes anything in any column."""
NUMBERS = st.integers(1, EARLIER + ROWS)
_SET = "UPDATE OR IGNORE audit SET {0} = ? WHERE id = ?"
_COPY = "UPDATE OR IGNORE audit SET {0} = (SELECT {0} FROM audit WHERE id = ?) WHERE id = ?"
_PUT_IN = (
    "INSERT OR IGNORE INTO audit SELECT ?, at, who, what, subject, why, change, digest FROM audit"
    " WHERE id = ?"
)
CHANGES = st.one_of(
    st.tuples(st.sampled_from([_SET.format(name) for name in COLUMNS]), VALUES, NUMBERS),
    st.tuples(st.sampled_from([_COPY.format(name) for name in COLUMNS]), NUMBERS, NUMBERS),
    st.tuples(st.just("DELETE FROM audit WHERE id BETWEEN ? AND ?"), NUMBERS, NUMBERS),
    st.tuples(st.just(_PUT_IN), st.integers(-5, 30), NUMBERS),
    st.tuples(
        st.just("UPDATE OR IGNORE facts SET value = ? WHERE name = ?"),
        VALUES,
        st.sampled_from([chain.HEAD, chain.START, amendments.END]),
    ),
    st.tuples(
        st.sampled_from(
            [
                f"UPDATE OR IGNORE amendments SET {name} = ? WHERE number = ?"  # noqa: S608
                for name in amendments.COLUMNS
            ]
        ),
        VALUES,
        st.integers(1, 2),
    ),
    st.tuples(
        st.just("DELETE FROM amendments WHERE number BETWEEN ? AND ?"), *[st.integers(1, 2)] * 2
    ),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger with rows from before the chain and rows in it; nothing guards them any more."""
    path: Path = tmp_path_factory.mktemp("whole") / "ledger.db"
    with closing(open_ledger(path, Seal(SEALING_KEY), Identity(SECRET))) as ledger:
        with ledger.begin() as db:
            old = {"at": MORNING, "who": "mora", "what": "letter.replayed", "why": ""}
            for number in range(EARLIER):
                db.execute(insert(audit).values(**old, subject=f"old {number}"))
            db.exec_driver_sql("DELETE FROM facts WHERE name LIKE 'audit%'")
            chain.begin(db, ledger.identity)
            for number in range(ROWS):
                what, values = "credit.withdrawn", {"standing": "Withdrawn"} if number % 2 else {}
                remember(db, ledger, MORNING, "mora", what, f"c{number}", "why", after=values)
            bare = Cells("nobody", "", None)
            amend(db, ledger, MORNING, "learner.purged", {2: bare, EARLIER + 4: bare})
            for name in UNGUARDED:
                db.exec_driver_sql(f"DROP TRIGGER {name}")
        yield ledger


@contextmanager
def tried(ledger: Ledger) -> Iterator[Connection]:
    """A change that is taken back afterwards."""
    with ledger.engine.connect() as db, db.begin() as work:
        yield db
        work.rollback()


def everything(db: Connection) -> list[str]:
    """The trail and its ends, with the type of everything in them."""
    trail = db.exec_driver_sql(f"SELECT {', '.join(COLUMNS)} FROM audit ORDER BY id").all()  # noqa: S608
    ends = db.exec_driver_sql(
        "SELECT name, value FROM facts WHERE name LIKE 'audit%' OR name LIKE 'amend%'"
    )
    own = db.exec_driver_sql(f"SELECT {', '.join(amendments.COLUMNS)} FROM amendments")  # noqa: S608
    return [repr(tuple(row)) for row in (*trail, *ends, *own)]


@given(change=CHANGES)
@settings(max_examples=400, deadline=None)
def test_any_single_change_is_found(whole: Ledger, change: tuple[str, object, object]) -> None:
    with tried(whole) as db:
        before = everything(db)
        with suppress(IntegrityError):
            db.exec_driver_sql(change[0], change[1:])
        found = check(db, whole.identity).flaws
        assert bool(found) == (everything(db) != before)


@given(pair=st.lists(NUMBERS, min_size=2, max_size=2, unique=True))
@settings(max_examples=60, deadline=None)
def test_any_two_rows_that_changed_places_are_found(whole: Ledger, pair: list[int]) -> None:
    one, other = pair
    with tried(whole) as db:
        for old, new in ((one, 99), (other, one), (99, other)):
            db.exec_driver_sql("UPDATE audit SET id = ? WHERE id = ?", (new, old))
        assert check(db, whole.identity).flaws


@given(columns=st.sampled_from(COLUMNS[1:]), number=NUMBERS)
@settings(max_examples=60, deadline=None)
def test_what_is_told_first_is_the_row_that_was_changed(
    whole: Ledger, columns: str, number: int
) -> None:
    with tried(whole) as db:
        db.exec_driver_sql(f"UPDATE audit SET {columns} = 'x' WHERE id = ?", (number,))  # noqa: S608
        first = check(db, whole.identity).flaws[0]
    assert first.number == (number if number > EARLIER else 0)
