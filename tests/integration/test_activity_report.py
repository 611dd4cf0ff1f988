"""The report of one activity: every standing counted once, by period, and why the others wait."""

from __future__ import annotations

import stat
from pathlib import Path

import openpyxl
import pytest

from consumer.desk.activities import list_activities, read_lines
from consumer.desk.activityfile import write_report
from consumer.desk.activityreport import ActivityReport, Standing, report_on
from consumer.desk.auditscope import NoSuchActivity
from consumer.desk.creditfilter import CreditFilter
from consumer.desk.credits import list_credits
from consumer.desk.switching import Switching
from consumer.ledger.schema import audit
from consumer.release import Mode, Subject
from consumer.tables.boards import load_boards
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import (
    COURSES,
    LENA,
    MOODLE,
    NOON,
    OTIS,
    PRIYA,
    Physician,
    canvas,
    course,
    moodle,
)

HF = "HF-UPDATE"
NEW_ID = "202600099"
NO_ID = Physician(4413310, "Ines", "Marchetti", "1977-04-01", "")
NO_CONSENT = Physician(4413311, "Jonas", "Weidlich", "1969-07-15", "077123")


@pytest.fixture
def busy(reporting: Office, pars: SimulatedPars) -> Office:
    """One activity with something of nearly every kind, in two periods."""
    new_period = course(MOODLE, "201", pars_activity_id=NEW_ID)
    reporting.put_activities(*COURSES, new_period)
    reporting.put_learners(
        *(one.row() for one in (PRIYA, OTIS, LENA, NO_ID)), NO_CONSENT.row(consent="no")
    )
    reporting.look()
    pars.put_roster(PRIYA.diplomate(), OTIS.diplomate(board_rejects="Not eligible"))
    reporting.hear(moodle(PRIYA), moodle(OTIS), moodle(NO_ID), moodle(NO_CONSENT))
    reporting.drive(lambda: {*reporting.states()} == {"accepted", "rejected"})
    reporting.hear(moodle(PRIYA), canvas(PRIYA), moodle(NO_ID))
    turn(reporting, Mode.HOLD)
    reporting.hear(moodle(LENA, "201"))
    return reporting


def turn(office: Office, mode: Mode) -> None:
    Switching(office.ledger, office.clock, "mora", "to look").turn(Subject.ACTIVITY, (HF,), mode)


def report(office: Office, wanted: str = HF) -> ActivityReport:
    return report_on(office.ledger, office.service.premises.house.tables, wanted, office.clock)[0]


def counts(found: ActivityReport, number: str) -> dict[str, int]:
    return {one.value: count for one, count in found.periods[number].items() if count}


def test_every_standing_is_counted_once_by_period(busy: Office) -> None:
    found = report(busy)
    assert counts(found, "202600001") == {
        "eligible": 2,
        "waiting_for_learner": 2,
        "accepted": 1,
        "rejected": 1,
        "duplicates": 3,
    }
    assert counts(found, NEW_ID) == {"eligible": 1, "waiting_for_release": 1}
    assert (found.totals[Standing.ELIGIBLE], found.release) == (3, Mode.HOLD)
    turn(busy, Mode.SHADOW)
    assert counts(report(busy), NEW_ID) == {"eligible": 1, "rehearsal": 1}


def test_why_they_wait_is_told_with_a_next_step_and_no_person(busy: Office) -> None:
    found = report(busy)
    told = {one.happened: one.count for one in found.because}
    assert told.pop("no board ID is known") == 1
    assert len([text for text in told if "consent" in text]) == 1
    assert all(one.next_step and one.who for one in found.because)
    assert not {PRIYA.board_id, OTIS.family_name, NO_ID.family_name} & {*repr(found).split("'")}


def test_an_activity_is_found_by_its_pars_id_and_one_that_is_none_is_told(busy: Office) -> None:
    assert [*report(busy, NEW_ID).periods] == [NEW_ID]
    with pytest.raises(NoSuchActivity) as told:
        report(busy, "NOTHING")
    assert f"{HF} ({NEW_ID})" in told.value.known


def test_what_left_by_a_correction_is_not_counted_as_withdrawn(busy: Office) -> None:
    """A board ID put right before anything left: one credit takes the place of another."""
    busy.put_learners(PRIYA.row(), OTIS.row(), LENA.row(board_id="000964"))
    busy.look()
    assert len(busy.credits) == 4
    assert counts(report(busy), NEW_ID) == {"eligible": 1, "waiting_for_release": 1}


def test_the_list_of_activities_counts_too(busy: Office) -> None:
    boards, _ = load_boards(busy.settings.boards_file)
    lines, _ = read_lines(busy.tables, busy.settings.profiles, boards)
    rows = list_activities(busy.ledger, lines, {})
    (new,) = (row for row in rows if row["pars_activity_id"] == NEW_ID)
    assert (new["release"], new["waiting_for_release"]) == ("hold", 1)
    assert new["credits"] == "1 waiting for release"


# ---------------------------------------------------------------- the file


def test_a_file_without_learners_holds_nothing_personal(busy: Office, tmp_path: Path) -> None:
    file = tmp_path / "report.xlsx"
    written(busy, file, with_learners=False)
    sheets = openpyxl.load_workbook(file)
    assert sheets.sheetnames == ["Figures", "Reasons"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = {row[0]: row[1:] for row in sheets["Figures"].values}
    assert rows["Waiting for release"] == (0, 1, 1)
    assert rows["Accepted by the board"] == (1, 0, 1)
    assert [row.what for row in busy.rows(audit)] == ["activity.held"]


def test_who_took_the_learners_out_is_remembered_and_no_name_is_a_formula(
    busy: Office, tmp_path: Path
) -> None:
    busy.put_learners(
        PRIYA.row(), OTIS.row(), LENA.row(given_name='=HYPERLINK("x")', family_name="+1")
    )
    busy.look()
    file = tmp_path / "report.xlsx"
    written(busy, file, with_learners=True)
    sheet = openpyxl.load_workbook(file)["Learners"]
    cells = {row[0].value: row[0].data_type for row in sheet.iter_rows(min_row=2)}
    assert cells['=HYPERLINK("x") +1'] == "s"
    assert f"{PRIYA.given_name} {PRIYA.family_name}" in cells
    assert busy.rows(audit)[-1].what == "activity.report_written"
    with pytest.raises(FileExistsError):
        written(busy, file, with_learners=True)


def written(office: Office, file: Path, *, with_learners: bool) -> None:
    tables = office.service.premises.house.tables
    args = (office.ledger, tables, HF, office.clock, file, "mora")
    write_report(*args, with_learners=with_learners)


# ---------------------------------------------------------------- filters


def listed(office: Office, **wanted: object) -> int:
    return len(list_credits(office.ledger, CreditFilter(**wanted)))  # type: ignore[arg-type]


def test_filters_choose_by_reason_stage_source_board_and_day(busy: Office) -> None:
    everything = listed(busy)
    assert listed(busy, stage="board") == 1
    assert listed(busy, reason="no_board_id") == 1
    assert listed(busy, reason="no%board_id") == 0
    assert listed(busy, source="canvas") == 1
    assert listed(busy, source="moodle") == everything - 1
    assert listed(busy, board="abim") == everything - listed(busy, state="held")
    day = NOON.date()
    assert listed(busy, since=day, until=day) == everything
    assert listed(busy, since=day.replace(day=21)) == 0
    assert listed(busy, until=day.replace(day=19)) == 0
    assert listed(busy, since=day, limit=2) == 2
