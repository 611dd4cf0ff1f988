"""The commands of the audit trail: list, show, verify, and what a restore means to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from consumer.cli import main
from consumer.credit import Identity
from consumer.desk.trail import remember
from consumer.ledger.ledger import open_ledger
from consumer.ledger.seal import Seal
from tests.fakes import MORNING
from tests.integration.office import SEALING_KEY, SECRET

FAILED, WRONG = 1, 2
SETTINGS = """\
[profiles.main]
provider_id = "0009999"
name = "Example Academy of Medicine"
domain = "example.org"
url = "http://127.0.0.1:9"
user = "demo"
password = "demo"
"""
WHY = "Wanda Okonjo asked for it"


class Desk:
    """A folder with a ledger, and the program in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.place = folder, folder / "data" / "ledger.db"
        self.place.parent.mkdir()
        (folder / "moc-consumer.toml").write_text(SETTINGS, encoding="utf-8")
        keys = f'secret = "{SECRET.decode()}"\nsealing_key = "{SEALING_KEY.decode()}"\n'
        (folder / "data" / "keys.toml").write_text(keys, encoding="utf-8")

    def done(self, *subjects: str, what: str = "credit.withdrawn") -> None:
        """A person did this to each of these."""
        with closing(open_ledger(self.place, Seal(SEALING_KEY), Identity(SECRET))) as ledger:
            for subject in subjects:
                with ledger.begin() as db:
                    after = {"standing": "Withdrawn"}
                    remember(db, ledger, MORNING, "mora", what, subject, WHY, after=after)

    def run(self, *words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(main, [*words])
        assert done.exit_code == code, done.output
        return done

    def rows(self, *words: str, code: int = 0) -> list[dict[str, Any]]:
        """What a pipe gets."""
        return [orjson.loads(line) for line in self.run(*words, code=code).stdout.splitlines()]

    def end(self) -> str:
        """The end of the trail, to be noted down."""
        (told,) = self.rows("audit", "verify")
        assert told["good"] == "yes"
        return str(told["end"])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path)


def test_rows_are_listed_newest_first_a_json_line_each(desk: Desk) -> None:
    desk.done("c1", "c2", "c3")
    first, second = desk.rows("audit", "list", "--limit", "2")
    assert (first["number"], first["subject"], first["who"]) == (3, "c3", "mora")
    assert first["means"] == "took a credit back"
    (last,) = desk.rows("audit", "list", "--before", str(second["number"]))
    assert last["number"] == 1
    assert desk.rows("audit", "list", "--what", "letter") == []
    assert len(desk.rows("audit", "list", "--until", "2026-11-22")) == 3
    assert desk.rows("audit", "list", "--until", "2026-11-21") == []
    assert len(desk.rows("audit", "list", "--since", "2026-11-22T15:15")) == 3
    assert WHY not in desk.run("audit", "list").output


def test_a_row_is_opened_with_reveal_alone_and_that_is_remembered(desk: Desk) -> None:
    desk.done("c1")
    (hidden,) = desk.rows("audit", "show", "1")
    assert hidden["values"] == [{"field": "standing", "before": "", "after": "•••"}]
    assert WHY not in str(hidden)
    (shown,) = desk.rows("audit", "show", "1", "--reveal")
    assert (shown["why"], shown["values"][0]["after"]) == (WHY, "Withdrawn")
    (looked,) = desk.rows("audit", "list", "--what", "audit.revealed")
    assert looked["subject"] == "audit 1"
    assert "audit list" in desk.run("audit", "show", "9", code=FAILED).stderr


def test_the_first_bad_row_is_named_with_exit_code_one(desk: Desk) -> None:
    desk.done("c1", "c2", "c3")
    with closing(sqlite3.connect(desk.place)) as db, db:
        db.execute("DROP TRIGGER audit_unchanged")
        db.execute("UPDATE audit SET who = 'somebody' WHERE id = 2")
    told = desk.run("audit", "verify", code=FAILED)
    assert told.stderr.splitlines() == ["error: row 2 is not as it was written"]
    assert orjson.loads(told.stdout)["good"] == "no"


def test_what_was_noted_wrongly_is_no_finding(desk: Desk) -> None:
    assert "DIGEST@NUMBER" in desk.run("audit", "verify", "--expect", "abc", code=WRONG).stderr


def test_an_import_and_its_undo_are_remembered_by_version(desk: Desk) -> None:
    desk.done("c1")
    (desk.folder / "tables").mkdir()
    (desk.folder / "roster.csv").write_text(
        "learner,given_name,family_name,birth_date,board_id,consent\n"
        "1,Wanda,Okonjo,1971-09-10,041327,yes\n",
        encoding="utf-8",
    )
    desk.run("table", "import", "learners", "roster.csv", "--set", "site=", "--yes")
    desk.run("table", "undo", "learners", "--yes")
    undone, brought = desk.rows("audit", "list", "--subject", "learners")
    assert (undone["what"], brought["what"]) == ("table.undone", "table.imported")
    (row,) = desk.rows("audit", "show", str(brought["number"]), "--reveal")
    told = {one["field"]: (one["before"], one["after"]) for one in row["values"]}
    assert (told["version"], told["added"]) == (("1", "2"), ("", "1"))
    assert "Okonjo" not in str(row)


def test_a_restored_backup_goes_on_with_the_chain_and_says_what_went_with_it(desk: Desk) -> None:
    desk.done("c1", "c2")
    earlier = desk.end()
    desk.run("ledger", "backup", "b.db")
    desk.done("c3", "c4")
    lost = desk.end()
    (put_back,) = desk.rows("ledger", "restore", "b.db", "--yes")
    (restored, *_) = desk.rows("audit", "list")
    assert (restored["number"], restored["what"]) == (3, "ledger.restored")
    assert desk.end().endswith("@3")
    desk.run("audit", "verify", "--expect", earlier)
    desk.done("c5", "c6")
    told = desk.run("audit", "verify", "--expect", lost, code=FAILED).stderr
    assert "row 4, is not in this trail" in told
    assert "put the ledger back from a backup, row 3" in told
    assert "keeps beside the new one" in told
    kept = put_back["kept"]
    desk.run("audit", "verify", kept, "--expect", lost)
    desk.run("audit", "verify", "b.db", "--expect", earlier)


def test_a_file_is_checked_and_stays_as_it_is(desk: Desk) -> None:
    desk.done("c1", "c2")
    desk.run("ledger", "backup", "b.db")
    backup = desk.folder / "b.db"
    desk.done("c3")
    before = backup.read_bytes()
    (found,) = desk.rows("audit", "verify", "b.db")
    assert (found["rows"], backup.read_bytes()) == (2, before)
    assert [file.name for file in desk.folder.glob("b.db*")] == ["b.db"]
    with closing(sqlite3.connect(backup)) as db, db:
        db.execute("DROP TRIGGER audit_undeleted")
        db.execute("DELETE FROM audit WHERE id = 1")
    assert "row 1 is missing" in desk.run("audit", "verify", "b.db", code=FAILED).stderr


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE facts SET value = '0' WHERE name = 'fingerprint'", "another secret"),
        (
            "DROP TRIGGER audit_unchanged; ALTER TABLE audit DROP COLUMN digest",
            "earlier version",
        ),
        ("DROP TABLE facts", "cannot be read as a ledger"),
    ],
)
def test_a_file_that_cannot_be_checked_says_why(desk: Desk, statement: str, says: str) -> None:
    desk.done("c1")
    desk.run("ledger", "backup", "b.db")
    with closing(sqlite3.connect(desk.folder / "b.db")) as db, db:
        db.executescript(statement)
    assert says in desk.run("audit", "verify", "b.db", code=FAILED).stderr
    assert "no such file" in desk.run("audit", "verify", "none.db", code=FAILED).stderr
