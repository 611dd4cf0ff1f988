"""The desk on the command line, as processes: found, understood, asked for, and nobody named."""

from __future__ import annotations

import csv
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from consumer.demo.scenario import Scenario
from tests.end_to_end.conftest import OpenOffice
from tests.end_to_end.office import Office
from tests.end_to_end.patience import until
from tests.end_to_end.story import moodle, physician
from tests.end_to_end.test_cli import NOWHERE, on_a_terminal

AT = datetime.now(UTC) - timedelta(days=3)
KNOWN = physician(3001, family_name="Vantongeren")
LACKING = physician(3002, family_name="Okonjo", board_id="")
MISSPELT = {"eventname": "\\core\\event\\course_complete"}


@pytest.fixture
def office(open_office: OpenOffice) -> Office:
    """Three events heard, PARS away: one to be sent, one that waits, one that nobody knows."""
    story = Scenario(datetime.now(UTC))
    story.physicians += [KNOWN, LACKING]
    opened = open_office(NOWHERE, log={"level": "warning"})
    story.write_tables(opened.tables)
    with opened.process("run", "--pump", "intake") as intake:
        opened.publish(
            [moodle(3001, "101", AT), moodle(3002, "101", AT), moodle(3001, "101", AT, **MISSPELT)]
        )
        until(lambda: intake.ended or opened.count("events") == 3, 60, "three events are heard")
        intake.stop()
    return opened


def test_whoever_calls_is_found_and_what_is_to_do_is_done(office: Office, tmp_path: Path) -> None:
    ask = tmp_path / "ask.csv"
    ((letter,),) = office.ledger("SELECT id FROM letters")
    found, waiting, shown, asked = office.run_all(
        [
            ("person", "find", "vantong"), ("work", "list", "waiting"),
            ("deadletter", "show", letter), ("work", "ask-list", str(ask)),
        ]
    )  # fmt: skip
    (person,) = found.rows
    assert (person["name"], person["standing"]) == ("A••• V•••", "Ready")
    assert [(one["reason"], one["who"]) for one in waiting.rows] == [("no_board_id", "A••• O•••")]
    assert shown.rows[0]["nearly"] == (
        "nearly moodle/course_completed:"
        " body.eventname is expected to be \\core\\event\\course_completed"
    )
    assert asked.code == 0
    with ask.open(encoding="utf-8-sig", newline="") as file:
        (line,) = csv.DictReader(file)
    assert (line["family_name"], line["what_is_missing"]) == ("Okonjo", "board ID")
    assert stat.S_IMODE(ask.stat().st_mode) == 0o600
    assert office.ledger("SELECT what FROM audit") == [("asklist.written",)]

    key = waiting.rows[0]["person"]
    work, nothing, page = [
        on_a_terminal(office, *words)
        for words in (("work",), ("work", "list", "rejected"), ("person", "show", key))
    ]
    lines = (work + nothing + page).splitlines()
    assert [one for one in lines if len(one) > 80] == []
    assert "Heard today: 1 to be reported, 1 waiting, 1 for a person" in lines
    assert "Nothing stands here" in nothing
    assert "next, learner: ask the learner, then fill in the row in the learners" in page
    said = "".join([work, nothing, page, *(file.read_text() for file in office.said)])
    assert [one for one in ("antongeren", "konjo", KNOWN.board_id) if one in said] == []
