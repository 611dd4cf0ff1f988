"""What a comparison finds is told: by command, console, notice and figure; nobody is in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from consumer.cli import main
from consumer.console.role import Role
from consumer.desk.figures import figures
from consumer.desk.mattering import urgent
from consumer.ledger.schema import audit
from tests.integration.office import Office
from tests.integration.people import LENA, OTIS, PRIYA, moodle
from tests.integration.test_reconciling import HEAD, Campus, campus_of, line
from tests.integration.visitor import Visitor
from tests.mailserver import MailServer


@pytest.fixture
def campus(office: Office, tmp_path: Path) -> Campus:
    """A list that was compared once, and lacked nothing."""
    campus = campus_of(office, tmp_path)
    office.hear(moodle(PRIYA))
    campus.put(line(PRIYA))
    campus.pump.turn()
    return campus


def told(campus: Campus) -> list[tuple[str, str]]:
    with campus.office.ledger.read() as db:
        return [(one.what, one.how) for one in urgent(db)]


def test_a_notice_says_what_is_missing_until_a_night_lacks_nothing(campus: Campus) -> None:
    assert told(campus) == []
    campus.night(line(PRIYA), line(OTIS))
    ((what, how),) = told(campus)
    assert what == "1 never arrived"
    assert "on its way" in how
    campus.office.hear()
    campus.night()
    assert told(campus) == []
    campus.start(publish=False)
    campus.night(line(OTIS), line(LENA))
    ((what, how),) = told(campus)
    assert what == "1 never arrived, 1 here, but not in the list"
    assert how == "look at it and say yes: moc-consumer reconcile campus"


def test_a_notice_says_that_a_list_cannot_be_read(campus: Campus) -> None:
    campus.night(line(PRIYA, at="soon"))
    ((what, how),) = told(campus)
    assert what.startswith("the list cannot be compared since 2026-11-23 15:15 UTC")
    assert "done.csv:2: completed" in how


def test_the_lmss_admin_has_it_by_mail(open_office: Callable[..., Office], tmp_path: Path) -> None:
    with MailServer().serving() as post:
        to = {"lms_admin": {"mail": ["lms@lakeside.example"]}}
        office = open_office(notices={"to": to, "mail": post.settings()})
        campus = campus_of(office, tmp_path)
        campus.put(line(OTIS))
        campus.pump.turn()
        office.pump("notices").turn()
        assert any("1 missing from an LMS" in subject for subject in post.subjects)
        mails = b"".join(mail.as_bytes() for mail in post.mails).decode()
    for secret in (OTIS.given_name, OTIS.board_id, str(OTIS.number)):
        assert secret not in mails


def test_figures_say_when_and_how_many(campus: Campus) -> None:
    office = campus.office
    campus.start(publish=False)
    campus.night(line(PRIYA), line(OTIS))
    known = {name: value for name, _, value in figures(office.service.desk) if "list" in name}
    assert known == {
        "moc_list_compared_timestamp_seconds": office.clock.now().timestamp(),
        "moc_list_missing": 1,
        "moc_list_waiting": 1,
        "moc_list_failing_seconds": 0,
    }
    campus.night(line(PRIYA, at="soon"))
    office.clock.advance(600)
    known = {name: value for name, _, value in figures(office.service.desk)}
    assert known["moc_list_failing_seconds"] == 600


def test_the_console_shows_each_list(campus: Campus) -> None:
    assert "nothing is missing" in sources(campus)
    campus.start(publish=False)
    campus.night(line(PRIYA), line(OTIS))
    page = sources(campus)
    assert "waits for a yes" in page
    assert str(OTIS.number) not in page
    campus.night(line(PRIYA, at="soon"))
    assert "cannot be read" in sources(campus)


def test_the_console_shows_a_list_that_never_could_be_read(office: Office, tmp_path: Path) -> None:
    campus = campus_of(office, tmp_path)
    campus.pump.turn()
    assert "no such file" in sources(campus)


def sources(campus: Campus) -> str:
    """The page, for somebody who signs in anew each day."""
    return Visitor(campus.office, Role.VIEWER).see("/sources")


# ---------------------------------------------------------------- the command


def settings(folder: Path, files: str, more: str = "") -> Path:
    config = folder / "moc.toml"
    config.write_text(
        f"""
tables_dir = '{folder / "tables"}'
data_dir = '{folder / "own"}'
[profiles.main]
provider_id = "0009999"
name = "Lakeside Academy"
domain = "lakeside.example"
by_file = true
[profiles.north]
provider_id = "0008888"
name = "Northgate Clinic"
domain = "lakeside.example"
by_file = true
[reconcile.campus]
kind = "csv"
files = '{files}'
{more}
"""
    )
    return config


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(config), "reconcile", *arguments])


def rows(result: Result) -> list[dict[str, Any]]:
    return [orjson.loads(one) for one in result.stdout.splitlines()]


def test_the_plan_comes_first_and_a_yes_has_it_heard(office: Office) -> None:
    file = office.folder / "done.csv"
    file.write_text(HEAD + line(PRIYA) + line(OTIS, at="2026-01-05"))
    config = settings(office.folder, str(file))
    planned = run(config, "campus", "--since", "2026-10-01")
    assert planned.exit_code == 0
    (row,) = rows(planned)
    assert (row["what"], row["name"]) == ("never arrived", "P••• V•••")
    assert "Nothing was changed. Add --yes" in planned.stderr
    assert len(rows(run(config, "--since", "2026-01-01"))) == 2
    assert run(config, "--results").stdout == ""
    done = run(config, "campus", "--since", "2026-10-01", "--yes")
    assert "Done" in done.stderr
    (result,) = rows(run(config, "--results"))
    assert (result["missing"], result["published"]) == (1, 1)


def test_a_list_that_cannot_be_read_does_not_hold_up_the_others(office: Office) -> None:
    file, other = office.folder / "done.csv", office.folder / "other.csv"
    file.write_text(HEAD + line(PRIYA, at="soon"))
    other.write_text(HEAD + line(OTIS))
    more = f"[reconcile.other]\nkind = 'csv'\nfiles = '{other}'\n"
    config = settings(office.folder, str(file), more)
    done = run(config, "--since", "2026-10-01", "--yes")
    assert done.exit_code == 1
    assert "campus: done.csv:2: completed: no time" in done.stderr
    assert [row["list"] for row in rows(done)] == ["other"]


def test_who_asks_for_a_list_that_there_is_not_is_told(office: Office) -> None:
    config = settings(office.folder, "nowhere.csv")
    assert "there are: campus" in run(config, "moodle").stderr
    assert "name a list that the settings have no more" in run(config, "campus", "--forget").stderr
    assert "moodle was not known" in run(config, "moodle", "--forget").stderr
    assert "no such file: nowhere.csv" in run(config).stderr


def test_who_said_yes_stands_in_the_trail(campus: Campus) -> None:
    campus.start(publish=False)
    campus.night(line(PRIYA), line(OTIS))
    desk = campus.desk()
    desk.publish_for("mora", desk.compare(), campus.office.publisher)
    trail = [(row.who, row.what, row.subject) for row in campus.office.rows(audit)]
    assert ("mora", "reconcile.published", "campus") in trail
