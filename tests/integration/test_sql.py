"""A table from a database: the same checks, on schedule, and the database is never written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from consumer.desk.tabling import Preview, Wish
from consumer.tables.csvfile import TableProblems
from consumer.tables.sqlsource import SourceAway, open_query, read_url
from tests.fakes import FakeClock
from tests.integration.office import Office
from tests.integration.people import MOODLE, PRIYA, moodle
from tests.integration.test_tables import office_desk
from tests.postgres.server import PostgresServer

QUERY = "SELECT userid, firstname, lastname, dob, abimid, consent FROM diplomates ORDER BY userid"
PEOPLE = [
    (4413307, "Priya", "Vantongeren", "1971-09-10", 41327, True),
    (4413308, "Otis", "Fjällström-Nwosu", "1965-02-28", 52441, True),
    (4413309, "Lena", "Quillfeather", "1980-12-31", 963, False),
]
TABLE = """CREATE TABLE diplomates (userid bigint, firstname text, lastname text, dob date,
           abimid integer, consent boolean)"""


class Roster:
    """The office's own database."""

    def __init__(self, folder: Path, server: PostgresServer | None) -> None:
        self._server, self._file = server, folder / "roster.db"
        self._address = server.database() if server else str(self._file)
        self.url_file = folder / "url"
        self.url_file.write_text(self._address if server else f"sqlite:///{self._file}")
        self.do(TABLE)
        self.put(*PEOPLE)

    def do(self, statement: str, *rows: tuple[Any, ...]) -> None:
        if self._server:
            with psycopg.connect(self._address) as db:
                db.execute(statement.encode()) if not rows else db.cursor().executemany(
                    statement.replace("?", "%s").encode(), rows
                )
        else:
            with closing(sqlite3.connect(self._file)) as db, db:
                db.executemany(statement, rows) if rows else db.execute(statement)

    def put(self, *people: tuple[Any, ...]) -> None:
        self.do("INSERT INTO diplomates VALUES (?, ?, ?, ?, ?, ?)", *people)

    def count(self) -> int:
        return sum(1 for _ in open_query(read_url(self.url_file), QUERY).lines) - 1


@pytest.fixture(params=["sqlite", "postgresql"])
def roster(request: pytest.FixtureRequest, tmp_path: Path) -> Roster:
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    return Roster(tmp_path, server)


def previewed(office: Office, roster: Roster, query: str = QUERY, **wish: Any) -> Preview:
    arrived = open_query(read_url(roster.url_file), query)
    return office_desk(office).preview_rows("learners", arrived, Wish(**wish))


def test_a_query_is_a_table(office: Office, roster: Roster) -> None:
    preview = previewed(office, roster)
    assert preview.wrong == ()
    counts = preview.counts()
    assert (counts["rows"], counts["unchanged"], counts["changed"]) == (3, 2, 1)
    assert "board_id: leading zeros that a spreadsheet dropped were put back (3 rows)" in (
        preview.notes
    )
    (change,) = preview.comparison.changes()
    assert (change.columns(), change.after["consent"]) == (["consent"], "no")


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM diplomates",
        "DELETE FROM diplomates RETURNING userid, firstname, lastname, dob, abimid, consent",
        "SELECT nothing FROM nowhere",
        "not SQL at all",
    ],
)
def test_the_database_is_never_written(office: Office, roster: Roster, query: str) -> None:
    with pytest.raises(TableProblems) as raised:
        previewed(office, roster, query)
    assert "Priya" not in str(raised.value.problems)
    assert roster.count() == 3


def test_not_even_a_sequence_is_moved(
    office: Office, postgres: PostgresServer, tmp_path: Path
) -> None:
    """A rollback would not undo that: the transaction itself must be read-only."""
    roster = Roster(tmp_path, postgres)
    roster.do("CREATE SEQUENCE visits")
    with pytest.raises(TableProblems):
        previewed(office, roster, QUERY.replace("ORDER", "WHERE nextval('visits') > 0 ORDER"))


def test_an_address_that_is_none_is_not_quoted(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql//user:hunter2@host")
    with pytest.raises(TableProblems) as raised:
        read_url(tmp_path / "url")
    assert "hunter2" not in str(raised.value.problems)
    (tmp_path / "url").write_text(f"sqlite:///{tmp_path}/nowhere.db")
    with pytest.raises(SourceAway):
        [*open_query(read_url(tmp_path / "url"), QUERY).lines]
    assert not (tmp_path / "nowhere.db").exists()
    (tmp_path / "url").write_text("mssql://u:hunter2@host/db")
    with pytest.raises(TableProblems) as raised:
        open_query(read_url(tmp_path / "url"), QUERY)
    assert "no driver" in str(raised.value.problems[0])


# ---------------------------------------------------------------- on schedule


def scheduled(office: Office, roster: Roster, **changed: Any) -> None:
    source = {"sql": QUERY, "url_file": roster.url_file, "every_seconds": 600}
    office.start(tables={"learners": source | changed})


def refresh(office: Office) -> list[str]:
    changed: list[str] = office.pump("refresh").turn()
    return changed


def condition(office: Office) -> str:
    told = {one.name: one.cause for one in office.service.readiness.conditions()}
    return told.get("tables.learners", "never said")


def test_on_schedule_what_waited_goes(office: Office, roster: Roster, clock: FakeClock) -> None:
    office.put_learners(PRIYA.row(site="elsewhere"))
    scheduled(office, roster, set={"site": MOODLE})
    office.look()
    assert office.hear(moodle(PRIYA)) == {"held": 1}
    assert refresh(office) == ["learners"]
    assert office.look() == {"ready": 1}
    assert refresh(office) == []
    roster.put((4413399, "Noor", "Quill", "1961-03-17", 777, True))
    assert refresh(office) == []
    clock.advance(600)
    assert refresh(office) == ["learners"]
    assert [one.who for one in office_desk(office).history("learners").versions()][1:] == [
        "the service",
        "the service",
    ]


def test_a_query_that_suddenly_gives_too_little_changes_nothing(
    office: Office, roster: Roster, clock: FakeClock
) -> None:
    scheduled(office, roster, replace=True)
    assert refresh(office) == ["learners"]
    before = (office.tables / "learners.csv").read_bytes()
    roster.do("DELETE FROM diplomates WHERE userid > 4413307")
    clock.advance(600)
    assert refresh(office) == []
    assert "67% of the table would be removed" in condition(office)
    assert (office.tables / "learners.csv").read_bytes() == before
    roster.put(*PEOPLE[1:])
    clock.advance(600)
    assert (refresh(office), condition(office)) == ([], "")


def test_a_wrong_row_is_told_by_its_number_and_nothing_is_taken(
    office: Office, roster: Roster
) -> None:
    scheduled(office, roster)
    roster.put((4413399, "Noor", "", "1961-03-17", 777, True))
    assert refresh(office) == []
    assert "sql:5: family_name: is blank" in condition(office)
    assert "Noor" not in condition(office)
    scheduled(office, roster, skip_wrong=True)
    assert refresh(office) == ["learners"]


def test_a_database_that_is_away_changes_nothing(
    office: Office, roster: Roster, clock: FakeClock
) -> None:
    scheduled(office, roster)
    url = roster.url_file.read_text()
    roster.url_file.write_text("postgresql://moc:hunter2@127.0.0.1:9/roster")
    assert refresh(office) == []
    assert "cannot be asked" in condition(office)
    assert "hunter2" not in condition(office)
    roster.url_file.write_text(url)
    clock.advance(600)
    assert refresh(office) == ["learners"]
    assert condition(office) == ""
