"""Backing up while others write; looking through backups; the first release's ledger."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import consumer.ledger.migrations
from consumer.credit import Identity
from consumer.desk.figures import figures
from consumer.keys import Keys
from consumer.ledger.backup import NoBackup, draft_of, keep, remember
from consumer.ledger.inspection import SAMPLE, inspect
from consumer.ledger.seal import Seal
from tests.integration.office import SEALING_KEY, SECRET, Office
from tests.integration.people import EVERYONE, PRIYA, canvas, moodle, raw

KEYS = Keys(Identity(SECRET), Seal(SEALING_KEY))
OTHER_SECRET = Keys(Identity(b"another secret of the tests"), Seal(SEALING_KEY))
OTHER_SEAL = Keys(Identity(SECRET), Seal(b"YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWY="))
BUSY = 300


def nothing(_done: int, _of: int) -> None:
    """Nobody looks."""


@pytest.fixture
def backup(office: Office) -> Path:
    """A backup of a ledger with credits, letters and an outbox."""
    office.hear(*(moodle(person) for person in EVERYONE), canvas(PRIYA), raw(b"{"))
    return backed_up(office)


def backed_up(office: Office) -> Path:
    target = office.folder / "backup.db"
    with draft_of(office.ledger_path, target, nothing) as draft:
        keep(draft, target)
    return target


def changed(path: Path, statement: str) -> Path:
    """The backup as this statement leaves it."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(statement)
    return path


def problems(path: Path, keys: Keys = KEYS) -> str:
    return "\n".join(inspect(path, keys).problems)


# ---------------------------------------------------------------- backing up


def test_a_backup_is_whole_private_and_never_overwritten(office: Office, backup: Path) -> None:
    found = inspect(backup, KEYS, everything=True)
    assert (found.problems, found.revision) == ((), inspect(office.ledger_path, KEYS).revision)
    assert sum(n for name, n in found.counts.items() if name.startswith("credits.")) == len(
        office.credits
    )
    assert found.newest == office.clock.now()
    assert backup.stat().st_mode & 0o777 == 0o600
    before = backup.read_bytes()
    with pytest.raises(NoBackup, match="not overwritten"):
        backed_up(office)
    assert backup.read_bytes() == before
    assert [f.name for f in office.folder.iterdir() if ".part" in f.name] == []


def test_the_ledger_says_when_it_was_copied_last(office: Office) -> None:
    def told() -> list[float]:
        found = figures(office.service.desk)
        return [much for name, _, much in found if name == "moc_backup_timestamp_seconds"]

    assert told() == []
    for _ in range(2):
        office.clock.advance(86_400)
        assert remember(office.ledger_path, office.clock.now())
        assert told() == [office.clock.now().timestamp()]
    assert not remember(office.folder / "none" / "ledger.db", office.clock.now())


def test_what_is_given_up_leaves_no_file(office: Office) -> None:
    target = office.folder / "backup.db"
    with draft_of(office.ledger_path, target, nothing):
        pass
    assert [f.name for f in office.folder.iterdir() if "backup" in f.name] == []
    with (
        pytest.raises(NoBackup, match="choose another folder"),
        draft_of(office.ledger_path, office.folder / "none" / "backup.db", nothing),
    ):
        pass


def test_a_backup_made_while_another_process_writes_is_one_moment_of_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No write makes it start anew, or it would never end beside a busy service.

    Each of its transactions writes two rows, pages apart: a backup holds both or neither.
    """
    monkeypatch.setattr("consumer.ledger.backup.PAGES_AT_ONCE", 50)
    copied = [0]
    script = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
for number in range(100_000):
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO facts VALUES (?, ?)", (f"first {number}", "x" * 3000))
    db.execute("INSERT INTO facts VALUES (?, ?)", (f"second {number}", "x" * 3000))
    db.execute("COMMIT")
    print(number, flush=True)
"""
    argv = [sys.executable, "-c", script, str(office.ledger_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        lines = iter(writer.stdout)
        while int(next(lines)) < BUSY:
            pass

        def another_is_written(done: int, _of: int) -> None:
            assert done > copied[-1]
            copied.append(done)
            next(lines)

        target = office.folder / "backup.db"
        with draft_of(office.ledger_path, target, another_is_written) as draft:
            keep(draft, target)
        writer.kill()
    assert inspect(target, KEYS).problems == ()
    with closing(sqlite3.connect(target)) as db:
        names = [row[0] for row in db.execute("SELECT name FROM facts WHERE length(value) = 3000")]
    first, second = ({n.split()[1] for n in names if n.startswith(w)} for w in ("first", "second"))
    assert first == second
    assert len(first) > BUSY


# ---------------------------------------------------------------- looking through


def test_a_damaged_backup_is_refused_with_the_next_step(backup: Path) -> None:
    whole = backup.read_bytes()
    backup.write_bytes(whole[: len(whole) // 2])
    assert re.search("damaged.*use another backup", problems(backup))
    backup.write_bytes(b"learner,given_name\n" * 500)
    assert re.search("no ledger; use another backup", problems(backup))
    assert "no such file" in problems(backup.with_name("none.db"))


def test_rows_that_refer_to_nothing_are_told(backup: Path) -> None:
    changed(backup, "DELETE FROM completions WHERE id = 1")
    assert "completion_credits refers to rows that are not there" in problems(backup)


def test_a_backup_of_another_secret_or_key_is_refused_with_the_next_step(backup: Path) -> None:
    assert "put the keys.toml that belongs to it" in problems(backup, OTHER_SECRET)
    assert "need the keys.toml that was in use" in problems(backup, OTHER_SEAL)


def test_a_backup_of_a_newer_program_is_refused_with_the_next_step(backup: Path) -> None:
    changed(backup, "UPDATE alembic_version SET version_num = '9999'")
    assert "newer version of this program (schema 9999" in problems(backup)
    assert "install that version first" in problems(backup)


def test_one_spoilt_value_in_the_middle_is_found_by_looking_at_all(backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as db, db:
        (number,) = db.execute("SELECT max(id) FROM outbox").fetchone()
        fields = "SELECT topic, message, created_at FROM outbox WHERE id = 1"
        for _ in range(3 * SAMPLE):
            db.execute(f"INSERT INTO outbox (topic, message, created_at) {fields}")
        middle = number + SAMPLE + SAMPLE // 2
        db.execute("UPDATE outbox SET message = X'00' WHERE id = ?", (middle,))
    assert inspect(backup, KEYS).problems == ()
    (told,) = inspect(backup, KEYS, everything=True).problems
    assert told.startswith("1 sealed values of outbox.message do not open")


def test_nothing_personal_is_told(backup: Path) -> None:
    changed(backup, "DELETE FROM completions WHERE id = 1")
    told = repr(inspect(backup, OTHER_SEAL)).lower()
    assert [
        p.family_name for p in EVERYONE if p.family_name.lower() in told or p.board_id in told
    ] == []


# ---------------------------------------------------------------- the first release


def test_a_ledger_of_the_first_release_is_carried_over(office: Office) -> None:
    """Its rows as the first release wrote them: no column that came since."""
    office.hear(moodle(PRIYA))
    path = office.folder / "old.db"
    scripts = str(Path(consumer.ledger.migrations.__file__).parent)
    config = Config()
    config.set_main_option("script_location", scripts)
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    carry(office.ledger_path, path)
    before = office.credit, office.completions, office.letters
    office.lose_ledger(path)
    after = office.credit, office.completions, office.letters
    assert after == before
    assert (after[0].series, after[0].closes_on) != (None, None)
    assert inspect(office.ledger_path, KEYS, everything=True).problems == ()
    office.take_for_sent()
    assert office.states() == ["submitted"]


def carry(source: Path, target: Path) -> None:
    """The rows of one ledger into another whose tables have fewer columns."""
    with closing(sqlite3.connect(target)) as db, db:
        db.execute("ATTACH ? AS source", (str(source),))
        tables = [
            row[0] for row in db.execute("SELECT name FROM main.sqlite_master WHERE type='table'")
        ]
        for table in tables:
            if table in {"alembic_version", "sqlite_sequence"}:
                continue
            names = ", ".join(
                f'"{row[1]}"' for row in db.execute(f"PRAGMA main.table_info({table})")
            )
            db.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM source.{table}")  # noqa: S608
        db.execute("DELETE FROM facts WHERE name = 'series_filled_in'")
