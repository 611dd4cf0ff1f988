"""The ledger's file: how it is made, who may read it, what it holds, and who waits for whom."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from cryptography.fernet import Fernet
from sqlalchemy import insert

from consumer.bus.port import Partition
from consumer.credit import Identity, State
from consumer.desk.credits import CreditFilter, list_credits
from consumer.ledger.ledger import (
    Ledger,
    LedgerRefused,
    LedgerUnavailable,
    WrongSecret,
    get_fact,
    open_ledger,
    set_fact,
    set_positions,
)
from consumer.ledger.schema import facts, metadata
from consumer.ledger.seal import Seal, SealBroken
from tests.integration.office import SEALING_KEY, SECRET, Office
from tests.integration.people import CANVAS, PRIYA, canvas, moodle, raw, revoked

STRAND = Partition("lms.events", 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger is to be."""
    return tmp_path / "data" / "ledger.db"


@contextmanager
def opened(path: Path, key: bytes = SEALING_KEY, secret: bytes = SECRET) -> Iterator[Ledger]:
    """The ledger, closed afterwards."""
    with closing(open_ledger(path, Seal(key), Identity(secret))) as ledger:
        yield ledger


def test_an_empty_ledger_is_migrated_to_exactly_the_schema(path: Path) -> None:
    with opened(path) as ledger, ledger.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_what_was_written_is_there_when_it_is_opened_again(path: Path) -> None:
    with opened(path) as ledger, ledger.begin() as db:
        set_fact(db, "colour", "green")
        set_positions(db, {STRAND: 7})
    with opened(path) as ledger:
        with ledger.read() as db:
            assert get_fact(db, "colour") == "green"
        assert ledger.remembered([STRAND, Partition("other", 3)]) == {
            STRAND: 7,
            Partition("other", 3): 0,
        }


def test_a_ledger_made_with_another_secret_is_not_opened(path: Path) -> None:
    with opened(path):
        pass
    with pytest.raises(WrongSecret), opened(path, secret=b"another secret altogether"):
        pass


def test_another_sealing_key_opens_nothing(office: Office) -> None:
    office.hear(moodle(PRIYA))
    with pytest.raises(SealBroken):
        Seal(Fernet.generate_key()).open_record(office.credit.record)


def test_a_transaction_that_fails_leaves_nothing(path: Path) -> None:
    with opened(path) as ledger:
        with pytest.raises(ZeroDivisionError):
            _break_half_way(ledger)
        with ledger.read() as db:
            assert get_fact(db, "colour") is None


def _break_half_way(ledger: Ledger) -> None:
    with ledger.begin() as db:
        set_fact(db, "colour", "green")
        set_positions(db, {STRAND: 1 // 0})


def test_no_learner_can_be_read_from_the_files(office: Office) -> None:
    marks = ["priya", "vantongeren", "041327", "1971-09-10", "4413307"]
    office.hear(moodle(PRIYA), canvas(PRIYA), raw(b'{"name": "Priya Vantongeren", "id": 4413307'))
    office.take_for_sent()
    office.hear(moodle(PRIYA, "102"), moodle(PRIYA, "999"), moodle(PRIYA, "101", host=""))
    office.put_learners(PRIYA.row(board_id="41327x"))
    office.look()
    office.hear(revoked(PRIYA, at=office.clock.now()))
    assert len(office.completions) >= 3
    assert len(office.letters) >= 3
    assert list_credits(office.ledger, CreditFilter(learner="vantongeren"))
    for file in office.ledger_path.parent.glob("ledger.db*"):
        held = file.read_bytes().lower()
        assert [mark for mark in marks if mark.encode() in held] == [], file.name


def test_the_site_may_be_read_the_learner_may_not(office: Office) -> None:
    office.hear(canvas(PRIYA))
    (row,) = office.completions
    assert (row.site, row.course, row.source) == (CANVAS, "731", "canvas")
    assert office.ledger.seal.open_said(row.said).learner == "4413307"


def test_nobody_else_may_read_the_files_at_any_time(path: Path) -> None:
    script = f"""
import os, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from consumer.credit import Identity
from consumer.ledger.ledger import open_ledger, set_fact
from consumer.ledger.seal import Seal

os.umask(0)
seen = {{}}

@event.listens_for(Engine, "after_cursor_execute")
def look(*_):
    for file in Path(sys.argv[1]).parent.iterdir():
        seen.setdefault(file.name, set()).add(oct(file.stat().st_mode & 0o777))

ledger = open_ledger(Path(sys.argv[1]), Seal({SEALING_KEY!r}), Identity({SECRET!r}))
with ledger.begin() as db:
    set_fact(db, "colour", "green")
print(sorted((name, sorted(modes)) for name, modes in seen.items()))
"""
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    mode = ["0o600"]
    assert done.stdout.strip() == str(
        [("ledger.db", mode), ("ledger.db-shm", mode), ("ledger.db-wal", mode)]
    )


def test_a_ledger_left_open_to_others_is_closed_to_them(path: Path) -> None:
    with opened(path):
        pass
    path.chmod(0o644)
    with opened(path) as ledger, ledger.begin() as db:
        set_fact(db, "colour", "green")
        for file in path.parent.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


def test_a_second_process_that_writes_waits_for_the_first(path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from consumer.credit import Identity
from consumer.ledger.ledger import open_ledger, set_fact
from consumer.ledger.seal import Seal

ledger = open_ledger(Path(sys.argv[1]), Seal({SEALING_KEY!r}), Identity({SECRET!r}))
with ledger.begin() as db:
    print("has it", flush=True)
    sys.stdin.readline()
    set_fact(db, "first", "wrote")
"""
    with opened(path) as ledger:
        other = subprocess.Popen(
            [sys.executable, "-c", script, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "has it\n"
        other.stdin.write("go\n")
        other.stdin.flush()
        with ledger.begin() as db:
            # It wrote while we waited; nothing of either is lost.
            assert get_fact(db, "first") == "wrote"
            set_fact(db, "second", "wrote")
        assert other.wait(30) == 0
        with ledger.read() as db:
            assert (get_fact(db, "first"), get_fact(db, "second")) == ("wrote", "wrote")


def test_reading_goes_on_while_another_writes(path: Path) -> None:
    with opened(path) as ledger, opened(path) as other:
        with other.begin() as writing:
            set_fact(writing, "colour", "green")
            with ledger.read() as db:
                assert get_fact(db, "colour") is None
        with ledger.read() as db:
            assert get_fact(db, "colour") == "green"


def test_a_database_that_cannot_be_written_is_unavailable_and_quotes_nothing(path: Path) -> None:
    with opened(path) as ledger:
        with ledger.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(LedgerUnavailable) as told, ledger.begin() as db:
            db.execute(insert(facts).values(name="big", value="Vantongeren" * 1_000_000))
        assert "Vantongeren" not in str(told.value)
        assert "full" in str(told.value)


def test_a_ledger_that_cannot_be_there_is_unavailable(path: Path) -> None:
    path.parent.write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(LedgerUnavailable), opened(path):
        pass


def test_a_lost_ledger_gives_the_same_credit_ids(office: Office, tmp_path: Path) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    first = office.credit.credit_id
    office.close()
    for file in office.ledger_path.parent.glob("ledger.db*"):
        file.unlink()
    with closing(Office(tmp_path, office.clock)) as again:
        again.hear()
        again.take_for_sent()
        assert again.credit.credit_id == first


def test_a_file_that_is_no_ledger_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("learner,board_id\n" * 500)
    with pytest.raises(LedgerRefused, match=r"damaged.*ledger restore"), opened(path):
        pass
    assert path.read_text() == "learner,board_id\n" * 500


def test_a_ledger_damaged_while_it_is_open_is_told_as_such(path: Path) -> None:
    with opened(path) as ledger:
        with ledger.begin() as db:
            many = [{"name": str(n), "value": "x" * 2000} for n in range(500)]
            db.execute(insert(facts), many)
        with closing(ledger.engine.raw_connection()) as raw_:
            raw_.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ledger.engine.dispose()
        with path.open("r+b") as file:
            file.seek(16_384)
            file.write(b"\xff" * (path.stat().st_size - 16_384))
        with pytest.raises(LedgerRefused, match="damaged"), ledger.read() as db:
            db.execute(facts.select()).all()
