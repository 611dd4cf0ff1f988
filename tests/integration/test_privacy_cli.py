"""`privacy export` and `privacy purge`, as an officer types them; nothing printed names anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from consumer.cli import main
from consumer.ledger.schema import audit
from tests.integration.office import SEALING_KEY, SECRET, Office
from tests.integration.people import OTIS, PRIYA, moodle
from tests.integration.test_purging import words_of

WHY = "asked for it in writing, case 12"
PROFILE = """
[profiles.{0}]
provider_id = "{1}"
name = "Lakeside Academy"
domain = "lakeside.example"
url = "http://127.0.0.1:9"
user = "demo"
password = "demo"
"""


@pytest.fixture
def folder(office: Office, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The office's folder, with settings and keys, where the program runs."""
    profiles = PROFILE.format("main", "0009999") + PROFILE.format("north", "0008888")
    (office.folder / "moc-consumer.toml").write_text(profiles, encoding="utf-8")
    keys = f'secret = "{SECRET.decode()}"\nsealing_key = "{SEALING_KEY.decode()}"\n'
    (office.folder / "data" / "keys.toml").write_text(keys, encoding="utf-8")
    monkeypatch.chdir(office.folder)
    office.hear(moodle(PRIYA), moodle(OTIS))
    return office.folder


def run(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, [*words])
    assert done.exit_code == code, done.output
    assert not [word for word in words_of(PRIYA) if word in done.output]
    return done


def rows(*words: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in run(*words).stdout.splitlines()]


def test_a_plan_first_then_a_purge_then_nothing_is_left(office: Office, folder: Path) -> None:
    planned = run("privacy", "purge", "p1")
    assert "Nothing was changed" in planned.stderr
    assert "stays: PARS and the board" in planned.stderr
    counts = {row["place"]: row["count"] for row in rows("privacy", "purge", "p1")}
    assert counts["completions"] == counts["of these not sent"] == counts["credits"] == 1
    assert "say why" in run("privacy", "purge", "p1", "--yes", code=2).stderr
    assert "names the person" in run(
        "privacy", "purge", "p1", "--yes", "--why", f"for {PRIYA.number}", code=2
    ).stderr  # fmt: skip
    assert office.completions[0].purged_at is None
    assert "Done: p1" in run("privacy", "purge", "p1", "--yes", "--why", WHY).stderr
    assert office.completions[0].purged_at is not None
    assert PRIYA.board_id not in (folder / "tables" / "learners.csv").read_text(encoding="utf-8")
    assert OTIS.board_id in (folder / "tables" / "learners.csv").read_text(encoding="utf-8")
    (shown,) = rows("person", "show", "p1")
    assert "purged on" in shown["cases"][0]["happened"][0]
    assert rows("audit", "verify")[0]["good"] == "yes"
    assert "Nothing of a purged person" in run("privacy", "purge", "--again").stderr
    assert (folder / "data" / "purged.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("folder")
def test_what_is_under_way_is_named_with_the_next_step(office: Office) -> None:
    office.take_for_sent()
    said = run("privacy", "purge", "p1", "--yes", "--why", WHY, code=1).stderr
    assert f"{office.credits[0].credit_id}, Sent to PARS: wait until" in said


@pytest.mark.usefixtures("folder")
def test_a_person_who_is_not_there_and_no_person_at_all() -> None:
    assert "person find" in run("privacy", "purge", "p77", code=1).stderr
    assert "is needed" in run("privacy", "purge", code=2).stderr
    assert "is needed" in run("privacy", "purge", "p1", "--again", code=2).stderr
    assert "person find" in run("privacy", "export", "p77", "x.zip", code=1).stderr


def test_an_export_prints_counts_and_is_remembered(office: Office, folder: Path) -> None:
    (told,) = rows("privacy", "export", "p1", "theirs.zip")
    assert (told["file"], told["completions"], told["credits"]) == ("theirs.zip", 1, 1)
    assert (folder / "theirs.zip").stat().st_mode & 0o777 == 0o600
    assert office.rows(audit)[-1].what == "learner.exported"
    assert "is there already" in run("privacy", "export", "p1", "theirs.zip", code=1).stderr


@pytest.mark.usefixtures("folder")
def test_a_restore_tells_what_came_back(office: Office) -> None:
    run("ledger", "backup", "old.db")
    run("privacy", "purge", "p1", "--yes", "--why", WHY)
    office.stop()
    office.ledger.close()
    said = run("ledger", "restore", "old.db", "--yes").stderr
    assert "1 completions and 1 credits of people who were purged came back" in said
    assert "moc-consumer privacy purge --again" in said
    # PARS is asked first whether the credit, which was not sent, is there after all.
    assert "PARS is asked about it first" in run(
        "privacy", "purge", "--again", "--yes", "--why", WHY, code=1
    ).stderr  # fmt: skip
