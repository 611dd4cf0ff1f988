"""Amendments of the audit trail: the one change that is let through, and proved; no other is."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from consumer.credit import Identity
from consumer.desk.trail import remember
from consumer.desk.trailchecking import check_trail, noted
from consumer.desk.trailreading import reveal_row
from consumer.ledger.amending import Cells, amend
from consumer.ledger.ledger import LedgerRefused
from consumer.ledger.schema import amendments, audit
from tests.integration.office import Office
from tests.integration.test_trail import MANY, done, good, unguarded

NOBODY = Cells("a purged learner", "", None)
SAYS = "UPDATE audit SET why = '', change = NULL WHERE id = {0}"


@pytest.fixture
def kept(office: Office) -> Office:
    """An office whose trail has some rows."""
    for number in range(1, MANY + 1):
        done(office, f"c{number}")
    return office


def amended(office: Office, *numbers: int, cells: Cells = NOBODY) -> None:
    """These rows say nobody's name from now on."""
    with office.ledger.begin() as db:
        rows = dict.fromkeys(numbers, cells)
        amend(db, office.ledger, office.clock.now(), "learner.purged", rows)


@pytest.mark.parametrize("numbers", [(1,), (3,), (MANY,), (2, 3, 4), (1, 2, 3, 4, 5)])
def test_an_amended_trail_is_good_and_goes_on(kept: Office, numbers: tuple[int, ...]) -> None:
    end = noted(good(kept).head)
    amended(kept, *numbers)
    good(kept)
    done(kept, "c9")
    good(kept)
    assert check_trail(kept.ledger, end).problems == ()
    for row in kept.rows(audit):
        gone = row.id in numbers
        assert (row.subject == "a purged learner", row.change is None) == (gone, gone)
        assert (row.who, row.what) == ("mora", "credit.withdrawn")


def test_a_row_may_be_amended_again(kept: Office) -> None:
    seal = kept.ledger.seal
    resealed = Cells(
        "c3", seal.seal_text("Wanda asked"), seal.seal_json({"before": {}, "after": {}})
    )
    amended(kept, 3, cells=resealed)
    told = reveal_row(kept.ledger, 3, "root", kept.clock)
    assert told.why == "Wanda asked"
    amended(kept, 3, 4)
    good(kept)
    assert [row.row for row in kept.rows(amendments)] == [3, 3, 4]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET why = 'x' WHERE id = 3",
        "UPDATE audit SET subject = 'x' WHERE id = 2",
        "UPDATE audit SET who = 'x' WHERE id = 3",
        "UPDATE amendments SET done = false WHERE number = 1",
        "UPDATE amendments SET cells = 'x' WHERE number = 1",
        "DELETE FROM amendments WHERE number = 1",
        "DELETE FROM audit WHERE id = 3",
    ],
)
def test_the_database_refuses_every_other_change(kept: Office, change: str) -> None:
    amended(kept, 3)
    with pytest.raises(DatabaseError, match="only ever added to"), kept.ledger.engine.begin() as db:
        db.execute(text(change))
    good(kept)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET who = 'x' WHERE id = 3",
        "UPDATE audit SET what = 'x' WHERE id = 3",
        "UPDATE audit SET at = 1 WHERE id = 3",
        "UPDATE audit SET digest = '' WHERE id = 3",
        "UPDATE audit SET id = 99 WHERE id = 3",
    ],
)
def test_an_amendment_lets_no_other_column_be_changed(kept: Office, change: str) -> None:
    slip = "INSERT INTO amendments (number, at, what, row, link, cells, digest)"
    with kept.ledger.engine.begin() as db:
        db.execute(text(f"{slip} VALUES (1, 1, 'x', 3, '', '', '')"))
    with pytest.raises(DatabaseError, match="only ever added to"), kept.ledger.engine.begin() as db:
        db.execute(text(change))


@pytest.mark.parametrize("known", [False, True])
def test_who_has_not_the_keys_passes_nothing_off_as_an_amendment(kept: Office, known: bool) -> None:
    if known:
        amended(kept, 2)
    number = 2 if known else 1
    digest = "(SELECT digest FROM audit WHERE id = 3), :made_up, :made_up"
    slip = "INSERT INTO amendments (number, at, what, row, link, cells, digest)"
    with kept.ledger.engine.begin() as db:  # the triggers let this through: the signatures tell
        told = text(f"{slip} SELECT {number}, 1, 'learner.purged', 3, {digest}")
        db.execute(told, {"made_up": "0" * 64})
        db.execute(text(SAYS.format(3)))
    says = " ".join(check_trail(kept.ledger).problems)
    assert f"amendment {number} was not made by this program" in says
    assert "row 3 is not as it was written" in says


def test_a_key_of_somebody_elses_signs_no_amendment(kept: Office) -> None:
    other = kept.ledger.__class__(kept.ledger.engine, kept.ledger.seal, Identity(b"x" * 40))
    with pytest.raises(LedgerRefused), other.begin() as db:
        amend(db, other, kept.clock.now(), "learner.purged", {3: NOBODY})
    good(kept)


@pytest.mark.parametrize(
    "undone",
    [
        "DELETE FROM amendments",
        "DELETE FROM amendments WHERE number = 2",
        "UPDATE amendments SET row = 4 WHERE number = 2",
        "UPDATE amendments SET what = 'x' WHERE number = 1",
        "DELETE FROM facts WHERE name = 'amendments_end'",
        "UPDATE audit SET subject = 'c9' WHERE id = 3",
        "UPDATE audit SET who = 'x' WHERE id = 3",
        "UPDATE audit SET digest = (SELECT digest FROM audit WHERE id = 2) WHERE id = 3",
        "DELETE FROM audit WHERE id = 3",
    ],
)
def test_what_is_done_to_an_amended_row_by_hand_is_found(kept: Office, undone: str) -> None:
    amended(kept, 2, 3)
    unguarded(kept.ledger.engine, undone)
    assert check_trail(kept.ledger).problems


def test_a_trail_that_is_not_whole_is_not_amended(kept: Office) -> None:
    unguarded(kept.ledger.engine, "UPDATE audit SET who = 'x' WHERE id = 3")
    with pytest.raises(LedgerRefused, match="row 3 is not as it was written"):
        amended(kept, 3)
    assert kept.rows(amendments) == []


def test_a_row_that_is_not_there_is_not_amended(kept: Office) -> None:
    with pytest.raises(LedgerRefused, match="no row 77"):
        amended(kept, 3, 77)
    assert [row.subject for row in kept.rows(audit)] == [f"c{n}" for n in range(1, MANY + 1)]


def test_who_did_what_after_an_amendment_is_written_on(kept: Office) -> None:
    amended(kept, MANY)
    with kept.ledger.begin() as db:
        remember(db, kept.ledger, kept.clock.now(), "mora", "learner.purged", "p1")
    assert good(kept).rows == MANY + 1
