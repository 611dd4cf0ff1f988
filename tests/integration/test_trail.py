"""The audit trail: what was changed, taken out or put in by hand is found, on either database."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import IntegrityError

import consumer.ledger.migrations
from consumer.credit import Identity
from consumer.desk.trail import remember
from consumer.desk.trailchecking import Trail, check_trail, noted
from consumer.desk.trailreading import (
    HIDDEN,
    NoSuchRow,
    TrailFilter,
    list_trail,
    reveal_row,
    show_row,
)
from consumer.desk.withdrawing import withdraw
from consumer.ledger import chain
from consumer.ledger.chaincheck import Fault, check
from consumer.ledger.database import server_engine, sqlite_engine
from consumer.ledger.ledger import LedgerRefused, set_fact
from consumer.ledger.schema import audit
from tests.integration.office import SEALING_KEY, SECRET, Office
from tests.integration.people import HOUR, NOON, OTIS, PRIYA, moodle, openedx, revoked
from tests.postgres.server import empty_database

MANY = 5
AMENDMENTS = ("amendments_unchanged", "amendments_undeleted", "amendments_unreplaced")


@pytest.fixture
def kept(office: Office) -> Office:
    """An office whose trail has some rows."""
    for number in range(1, MANY + 1):
        done(office, f"c{number}")
    return office


def done(office: Office, subject: str, what: str = "credit.withdrawn", who: str = "mora") -> None:
    """A person did something; a minute passes."""
    standing = {"before": {"standing": "Ready"}, "after": {"standing": "Withdrawn"}}
    with office.ledger.begin() as db:
        remember(
            db, office.ledger, office.clock.now(), who, what, subject, "Wanda asked", **standing
        )
    office.clock.advance(60)


def unguarded(engine: Engine, *statements: str) -> None:
    """Somebody who may do anything with the database, and has no keys."""
    with engine.begin() as db:
        if engine.dialect.name == "sqlite":
            for name in ("audit_unchanged", "audit_undeleted", "audit_unreplaced", *AMENDMENTS):
                db.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        else:
            for name in ("kept", "changed"):
                db.execute(text(f"DROP TRIGGER IF EXISTS audit_{name} ON audit"))
                db.execute(text(f"DROP TRIGGER IF EXISTS amendments_{name} ON amendments"))
        for statement in statements:
            db.execute(text(statement))


def faults(office: Office) -> list[tuple[int, str]]:
    """What a check finds: from which row on, and what."""
    with office.ledger.read() as db:
        return [(one.number, one.fault.value) for one in check(db, office.ledger.identity).flaws]


def good(office: Office) -> Trail:
    """The trail, which has nothing wrong with it."""
    found = check_trail(office.ledger)
    assert found.problems == ()
    return found


# ---------------------------------------------------------------- what is found


def test_a_trail_that_nobody_touched_is_good(kept: Office) -> None:
    found = good(kept)
    assert (found.rows, found.earlier) == (MANY, 0)
    assert noted(found.head).number == MANY


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ("at = at + 1", 3),
        ("who = 'somebody'", 1),
        ("who = 'somebody'", 3),
        ("who = 'somebody'", MANY),
        ("what = 'credit.corrected'", 3),
        ("subject = 'c9'", 3),
        ("why = ''", 3),
        ("why = (SELECT why FROM audit WHERE id = 2)", 3),
        ("change = NULL", 3),
        ("change = (SELECT change FROM audit WHERE id = 2)", 3),
        ("digest = ''", 3),
        ("digest = (SELECT digest FROM audit WHERE id = 2)", 3),
        ("digest = upper(digest)", MANY),
    ],
)
def test_a_column_changed_by_hand_is_found(kept: Office, change: str, number: int) -> None:
    unguarded(kept.ledger.engine, f"UPDATE audit SET {change} WHERE id = {number}")  # noqa: S608
    assert faults(kept) == [(number, Fault.CHANGED)]
    assert f"row {number} is not as it was written" in check_trail(kept.ledger).problems[0]


def test_a_row_that_got_another_number_is_found(kept: Office) -> None:
    unguarded(kept.ledger.engine, "UPDATE audit SET id = 99 WHERE id = 3")
    assert faults(kept)[0] == (3, Fault.MISSING)


@pytest.mark.parametrize(
    ("gone", "first", "fault", "says"),
    [
        ("id = 1", 1, Fault.MISSING, "row 1 is missing"),
        ("id = 3", 3, Fault.MISSING, "row 3 is missing"),
        ("id IN (2, 3)", 2, Fault.MISSING, "rows 2 to 3 are missing"),
        (f"id = {MANY}", MANY, Fault.CUT_OFF, f"row {MANY} is missing: the end was cut off"),
        ("id > 3", 4, Fault.CUT_OFF, f"rows 4 to {MANY} are missing: the end was cut off"),
        ("id > 0", 1, Fault.CUT_OFF, f"rows 1 to {MANY} are missing: the end was cut off"),
    ],
)
def test_a_row_taken_out_is_found(
    kept: Office, gone: str, first: int, fault: Fault, says: str
) -> None:
    unguarded(kept.ledger.engine, f"DELETE FROM audit WHERE {gone}")  # noqa: S608
    assert faults(kept) == [(first, fault)]
    assert check_trail(kept.ledger).problems == (says,)


def test_two_rows_that_changed_places_are_found(kept: Office) -> None:
    unguarded(
        kept.ledger.engine,
        "UPDATE audit SET id = 99 WHERE id = 2",
        "UPDATE audit SET id = 2 WHERE id = 4",
        "UPDATE audit SET id = 4 WHERE id = 99",
    )
    assert faults(kept)[0] == (2, Fault.CHANGED)


@pytest.mark.parametrize("place", [0, MANY + 1, MANY + 7])
def test_a_row_put_in_by_hand_is_found(kept: Office, place: int) -> None:
    row = f"SELECT {place}, at, who, what, 'c9', why, digest FROM audit WHERE id = 1"  # noqa: S608
    put = f"INSERT INTO audit (id, at, who, what, subject, why, digest) {row}"
    unguarded(kept.ledger.engine, put)
    assert faults(kept)


def test_a_chain_made_anew_without_the_keys_is_found(kept: Office) -> None:
    """Somebody with this very program, and another secret, signs everything again."""
    forger = Identity(b"the secret of somebody else")
    unguarded(kept.ledger.engine, "UPDATE audit SET who = 'somebody' WHERE id = 2")
    with kept.ledger.begin() as db:
        start, rows = chain.start_of(db), [*chain.rows_as_kept(db, 0)]
        assert start is not None
        digest = start.digest
        for *cells, _ in rows:
            digest = chain.sign(forger, digest, cells)
            values = {"digest": digest, "id": cells[0]}
            db.execute(text("UPDATE audit SET digest = :digest WHERE id = :id"), values)
        chain._set_head(db, forger, chain.Head(MANY, digest))
    assert faults(kept) == [(n, Fault.CHANGED) for n in range(1, MANY + 1)] + [(MANY, Fault.END)]


def test_an_end_set_back_to_where_an_earlier_row_ended_is_found(kept: Office) -> None:
    """Every digest can be read in the table; that it was the end once cannot be signed."""
    unguarded(
        kept.ledger.engine,
        "DELETE FROM audit WHERE id > 3",
        "UPDATE facts SET value = '3:' || (SELECT digest FROM audit WHERE id = 3)"
        " || substr(value, length(value) - 64) WHERE name = 'audit_head'",
    )
    assert faults(kept) == [(3, Fault.END)]


@pytest.mark.parametrize("name", [chain.HEAD, chain.START])
@pytest.mark.parametrize("value", [None, "", "0:0:0", f"0:0:{'0' * 64}", f"{'9' * 40}:1:1"])
def test_ends_taken_away_or_changed_are_found(kept: Office, name: str, value: str | None) -> None:
    unguarded(kept.ledger.engine, f"DELETE FROM facts WHERE name = '{name}'")  # noqa: S608
    if value is not None:
        with kept.ledger.begin() as db:
            set_fact(db, name, value)
    assert faults(kept)
    with closing(kept.open_ledger()) as again:
        assert check_trail(again).problems  # to open it mends nothing


@pytest.mark.parametrize(
    ("rows", "ends"),
    [
        ("id > 0", "name = 'audit_head'"),
        ("id > 0", "name = 'audit_start'"),
        ("id > 3", "name LIKE 'audit%'"),
    ],
)
def test_to_open_a_ledger_whose_trail_was_emptied_begins_no_new_one(
    kept: Office, rows: str, ends: str
) -> None:
    gone = f"DELETE FROM facts WHERE {ends}"  # noqa: S608
    unguarded(kept.ledger.engine, f"DELETE FROM audit WHERE {rows}", gone)  # noqa: S608
    with closing(kept.open_ledger()) as again:
        assert check_trail(again).problems


def test_nothing_is_written_after_an_end_that_was_changed(kept: Office) -> None:
    unguarded(kept.ledger.engine, "DELETE FROM facts WHERE name = 'audit_head'")
    with pytest.raises(LedgerRefused, match="audit verify"):
        done(kept, "c9")
    assert len(kept.rows(audit)) == MANY


def test_nothing_is_written_over_a_row_of_somebody_elses(kept: Office) -> None:
    row = f"SELECT {MANY + 1}, at, who, what, subject, why FROM audit WHERE id = 1"  # noqa: S608
    unguarded(kept.ledger.engine, f"INSERT INTO audit (id, at, who, what, subject, why) {row}")
    with pytest.raises(LedgerRefused, match="audit verify"):
        done(kept, "c9")
    assert faults(kept) == [(MANY + 1, Fault.NOT_OURS)]


# ---------------------------------------------------------------- the database's own refusal


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'somebody' WHERE id = 3",
        "DELETE FROM audit WHERE id = 3",
        "DELETE FROM audit",
    ],
)
def test_the_database_lets_nobody_change_a_row(kept: Office, statement: str) -> None:
    before = kept.rows(audit)
    with pytest.raises(IntegrityError, match="only ever added to"), kept.ledger.begin() as db:
        db.execute(text(statement))
    assert kept.rows(audit) == before


def test_the_database_lets_nobody_replace_a_row(kept: Office) -> None:
    sqlite = kept.ledger.engine.dialect.name == "sqlite"
    replace = (
        "INSERT OR REPLACE INTO audit SELECT id, at, 'x', what, subject, why, NULL, '' FROM audit"
    )
    with pytest.raises(IntegrityError, match="only ever added to"), kept.ledger.begin() as db:
        db.execute(text(replace if sqlite else "TRUNCATE audit"))
    good(kept)


# ---------------------------------------------------------------- several writers, earlier rows


def test_writers_in_several_threads_and_processes_never_fork_the_chain(office: Office) -> None:
    script = f"""
from datetime import UTC, datetime
from pathlib import Path
import sys
from consumer.credit import Identity
from consumer.desk.trail import remember
from consumer.ledger.ledger import open_ledger, open_server
from consumer.ledger.seal import Seal

keys = Seal({SEALING_KEY!r}), Identity({SECRET!r})
place = sys.argv[1]
ledger = open_server(place, *keys) if "://" in place else open_ledger(Path(place), *keys)
for number in range(30):
    with ledger.begin() as db:
        remember(db, ledger, datetime.now(UTC), "process", "letter.replayed", str(number))
ledger.close()
"""
    argv = [sys.executable, "-c", script, office.database or str(office.ledger_path)]
    others = [subprocess.Popen(argv) for _ in range(2)]

    def write(name: str) -> None:
        with closing(office.open_ledger()) as ledger:
            for number in range(30):
                with suppress(ZeroDivisionError), ledger.begin() as db:
                    now = office.clock.now()
                    remember(db, ledger, now, name, "letter.replayed", str(number))
                    number % 5 or 1 // 0  # every fifth is rolled back

    with ThreadPoolExecutor(3) as pool:
        [*pool.map(write, ["one", "two", "three"])]
    assert [other.wait(60) for other in others] == [0, 0]
    assert good(office).rows == 2 * 30 + 3 * 24


def test_many_rows_of_one_transaction_stand_or_fall_together(office: Office) -> None:
    def write(count: int, fails: bool = False) -> None:
        with suppress(ZeroDivisionError), office.ledger.begin() as db:
            for number in range(count):
                now = office.clock.now()
                remember(db, office.ledger, now, "mora", "letter.replayed", str(number))
            1 // (not fails)

    for count, fails in ((20, False), (20, True), (1, False), (3, True), (20, False)):
        write(count, fails)
    assert good(office).rows == 41


def earlier(office: Office, count: int) -> None:
    """The ledger as an earlier version left it, with so many rows in its trail."""
    office.stop()
    office.ledger.close()
    for file in office.ledger_path.parent.glob("ledger.db*"):
        file.unlink()
    if office.database:
        empty_database(office.database)
    engine = engine_of(office)
    with engine.begin() as db:
        config = consumer.ledger.migrations._config()
        config.attributes["connection"] = db
        command.upgrade(config, "0015")
        row = {"at": office.clock.now(), "who": "mora", "what": "letter.replayed", "why": ""}
        for number in range(count):
            columns = {**row, "subject": f"old {number}"}
            db.execute(insert(audit).values(columns))
    engine.dispose()
    office.ledger = office.open_ledger()


def engine_of(office: Office) -> Engine:
    return server_engine(office.database) if office.database else sqlite_engine(office.ledger_path)


@pytest.mark.parametrize("count", [0, 3])
def test_the_chain_begins_after_the_rows_of_an_earlier_version(office: Office, count: int) -> None:
    earlier(office, count)
    assert good(office).rows == 0
    done(office, "c1")
    found = good(office)
    assert (found.rows, found.earlier) == (1, count)
    assert list_trail(office.ledger, TrailFilter())[0]["number"] == count + 1


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit SET who = 'somebody' WHERE id = 2", Fault.BEGINNING),
        ("DELETE FROM audit WHERE id = 2", Fault.MISSING),
        ("DELETE FROM audit WHERE id = 1", Fault.MISSING),
        ("DELETE FROM audit WHERE id = 3", Fault.MISSING),
        ("DELETE FROM audit WHERE id < 4", Fault.MISSING),
    ],
)
def test_rows_from_before_the_chain_are_watched_too(
    office: Office, statement: str, fault: Fault
) -> None:
    earlier(office, 3)
    done(office, "c1")
    unguarded(office.ledger.engine, statement)
    assert faults(office) == [(0, fault)]


# ---------------------------------------------------------------- an end noted outside


def test_an_end_noted_earlier_is_still_there_when_the_trail_has_gone_on(kept: Office) -> None:
    head = noted(check_trail(kept.ledger).head)
    done(kept, "c9")
    assert check_trail(kept.ledger, head).problems == ()


@pytest.mark.parametrize("more", [0, 4])
def test_a_ledger_replaced_by_an_older_one_is_found_by_the_end_that_was_noted(
    kept: Office, more: int
) -> None:
    """All of it, ends too, as it once was; the chain alone has nothing to say against it."""
    with kept.ledger.read() as db:
        fact = chain.get_fact(db, chain.HEAD)
    done(kept, "c8")
    head = noted(check_trail(kept.ledger).head)
    unguarded(
        kept.ledger.engine,
        f"DELETE FROM audit WHERE id > {MANY}",  # noqa: S608
        f"UPDATE facts SET value = '{fact}' WHERE name = 'audit_head'",  # noqa: S608
    )
    for number in range(more):
        done(kept, f"other {number}")
    good(kept)
    (told,) = check_trail(kept.ledger, head).problems
    assert f"row {MANY + 1}, is not in this trail" in told
    assert "nobody said so" in told


# ---------------------------------------------------------------- looking through


def subjects(office: Office, **wanted: Any) -> list[object]:
    return [row["subject"] for row in list_trail(office.ledger, TrailFilter(**wanted))]


def test_rows_are_found_by_who_what_when_and_page_by_page(office: Office) -> None:
    start = office.clock.now()
    done(office, "c1")
    done(office, "c2", who="lin")
    middle = office.clock.now()
    done(office, "letter-1", "letter.replayed")
    done(office, "c3", "credit.corrected")
    assert subjects(office) == ["c3", "letter-1", "c2", "c1"]
    assert subjects(office, who="lin") == ["c2"]
    assert subjects(office, what="credit") == ["c3", "c2", "c1"]
    assert subjects(office, what="credit.withdrawn") == ["c2", "c1"]
    assert subjects(office, what="cred") == []
    assert subjects(office, since=middle) == ["c3", "letter-1"]
    assert subjects(office, until=start) == ["c1"]
    first = list_trail(office.ledger, TrailFilter(limit=2))
    assert subjects(office, limit=2, below=first[-1]["number"]) == ["c2", "c1"]
    assert first[0]["means"] == "put right what was sent, by the tables as they were then"


def test_a_credit_is_found_by_any_of_its_names_with_its_letters(office: Office) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS))
    office.take_for_sent()
    mine, other = office.credits
    number = office.completions[0].id
    done(office, f"c{number}", "credit.corrected")
    done(office, str(other.credit_id))
    list(withdraw(office.ledger, [mine.credit_id], "mora", "twice", office.clock))
    assert subjects(office, subject=mine.credit_id) == [mine.credit_id, f"c{number}"]
    assert subjects(office, subject=f"c{number}") == [mine.credit_id, f"c{number}"]
    assert subjects(office, subject="nothing") == []


def test_what_was_done_to_its_letters_is_found_by_a_credit(office: Office) -> None:
    office.hear(openedx(PRIYA), openedx(OTIS))
    office.take_for_sent()
    office.hear(revoked(PRIYA, NOON + HOUR))
    letter = str(office.letter["letter_id"])
    done(office, letter, "letter.declined")
    named = {office.ledger.seal.open_record(r.record).board_id: r.credit_id for r in office.credits}
    assert subjects(office, subject=named[PRIYA.board_id]) == [letter]
    assert subjects(office, subject=named[OTIS.board_id]) == []
    assert subjects(office, subject=letter) == [letter]


def test_why_and_values_are_opened_only_by_who_is_remembered(office: Office) -> None:
    done(office, "c1")
    row = show_row(office.ledger, 1)
    assert (row.why, row.before, row.after) == (HIDDEN, {"standing": HIDDEN}, {"standing": HIDDEN})
    assert "Wanda" not in str(list_trail(office.ledger, TrailFilter()))
    assert len(office.rows(audit)) == 1
    opened = reveal_row(office.ledger, 1, "lin", office.clock)
    assert (opened.why, opened.after) == ("Wanda asked", {"standing": "Withdrawn"})
    assert "Wanda" not in repr(opened)
    act = office.rows(audit)[-1]
    assert (act.who, act.what, act.subject) == ("lin", "audit.revealed", "audit 1")
    with pytest.raises(NoSuchRow):
        reveal_row(office.ledger, 99, "lin", office.clock)
    assert len(office.rows(audit)) == 2
