"""Reports by file: marked before they are written, answered once, taken back without doubling."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from consumer.desk.adoption import Adoption
from consumer.desk.reporting import Reporting, UndoneAlready, Wanted
from consumer.desk.results import Results
from consumer.desk.withdrawing import withdraw
from consumer.ledger.correction import Corrector
from consumer.ledger.reportbook import Form, entries
from consumer.ledger.schema import attempts
from consumer.pars.port import Action
from consumer.tables.csvfile import TableProblems
from tests.integration.office import OUTCOMES, Office, SimulatedPars
from tests.integration.people import COURSES, DAY, LENA, NOON, OTIS, PRIYA, Physician, moodle

OpenOffice = Callable[..., Office]
WEEK = 7 * 86_400


def desk(office: Office) -> Reporting:
    """The desk that writes reports."""
    return Reporting(office.ledger, office.settings, office.clock)


def quiet(_what: str, _done: int) -> None:
    """Nobody watches."""


def export(office: Office, form: Form = Form.EXCEL, **wanted: Any) -> list[Path]:
    """Export what is ready; gives the files."""
    folder = office.folder / "reports"
    folder.mkdir(exist_ok=True)
    done = desk(office).export(Wanted(form, **wanted), folder, "mora", quiet)
    return [file.path for one in done for file in one.report.files]


def rows(path: Path) -> list[list[Any]]:
    """The data of an exported workbook."""
    with closing(load_workbook(path, read_only=True)) as book:
        return [list(row) for row in book["Sheet1"].iter_rows(min_row=3, values_only=True)]


def answered(office: Office, path: Path, verdicts: dict[str, tuple[str, str]]) -> Path:
    """The exported file with a Status and a Reason beside each row, by board ID."""
    with closing(load_workbook(path)) as book:
        sheet = book["Sheet1"]
        sheet.cell(2, 15, "Status")
        sheet.cell(2, 16, "Reason")
        for number, row in enumerate(sheet.iter_rows(min_row=3, values_only=True), 3):
            status, reason = verdicts.get(str(row[10]), ("", ""))
            sheet.cell(number, 15, status)
            sheet.cell(number, 16, reason)
        result = office.folder / f"result-{path.name}"
        book.save(result)
    return result


def results(office: Office, report: int | None = None, activity: str = "") -> Results:
    """The desk that reads result sheets."""
    return Results(office.ledger, desk(office).claims(), office.clock, report, activity)


def bring(office: Office, sheet: Path, **asked: Any) -> int:
    """Import a result sheet; gives how many credits it settled."""
    reader = results(office, **asked)
    return reader.apply(reader.read(sheet).answers, "mora", "")


def problems(office: Office, sheet: Path, **asked: Any) -> list[str]:
    """Why a sheet is not taken; nothing has changed by it."""
    before = office.credits
    with pytest.raises(TableProblems) as found:
        results(office, **asked).read(sheet)
    assert office.credits == before
    return [problem.message for problem in found.value.problems]


def by_credit_id(office: Office, *said: tuple[str, str, str]) -> Path:
    """A result sheet as CSV, by CreditID."""
    path = office.folder / "result.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("Credit ID", "Status", "Reason"), *said])
    return path


def upload(office: Office, number: int, pars: SimulatedPars, *, strange: bool) -> None:
    """PARS takes the report's rows, under CreditIDs of its own if `strange`."""
    way = office.service.parts.pars("main")
    with office.ledger.read() as db, closing(way):
        for count, entry in enumerate(entries(db, office.ledger, number)):
            credit_id = f"ccid:pars.example:{count:08d}" if strange else entry.credit_id
            assert way.save(entry.record, credit_id, entry.action).status == 200
    assert pars.totals["doubled"] == 0


@pytest.fixture
def filing(open_office: OpenOffice) -> Office:
    """An office without credentials: it has three ready credits and no PARS to ask."""
    office = open_office(by_file=True)
    office.hear(moodle(PRIYA), moodle(OTIS), moodle(LENA))
    return office


# ---------------------------------------------------------------- without credentials


def test_what_is_ready_is_written_once_and_nothing_is_posted(filing: Office) -> None:
    (path,) = export(filing)
    assert sorted(row[10] for row in rows(path)) == ["000963", "041327", "052441"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert filing.states() == ["reported"] * 3
    assert export(filing) == []
    filing.pass_time(WEEK)
    assert filing.states() == ["reported"] * 3
    assert {one.action for one in filing.rows(attempts)} == {"file_add"}


def test_a_result_sheet_settles_what_it_names(filing: Office) -> None:
    (path,) = export(filing)
    said = {
        PRIYA.board_id: ("Accepted", ""),
        OTIS.board_id: ("Rejected", "Credit was already granted"),
        LENA.board_id: ("Error", "Activity does not exist"),
    }
    assert bring(filing, answered(filing, path, said)) == 3
    assert filing.states() == ["accepted", "rejected", "attention"]
    codes = {row["reason"] for row in filing.open_letters()}
    assert codes == {"board_already_credited", "activity_unknown"}
    filing.publish()
    told = b"".join(message.value or b"" for message in filing.published(OUTCOMES))
    assert all(f'"state":"{s}"'.encode() in told for s in ("reported", "accepted", "rejected"))


def test_the_same_sheet_again_changes_nothing_and_the_rest_later_does(filing: Office) -> None:
    (path,) = export(filing)
    first = {PRIYA.board_id: ("accepted", "")}
    assert bring(filing, answered(filing, path, first)) == 1
    sheet = results(filing).read(answered(filing, path, first))
    assert (sheet.answers, sheet.settled_before, sheet.pending) == ((), 1, 2)
    later = first | {person.board_id: ("accepted", "") for person in (OTIS, LENA)}
    assert bring(filing, answered(filing, path, later)) == 2
    assert filing.states() == ["accepted"] * 3


def test_an_answer_that_contradicts_an_earlier_one_is_not_taken(filing: Office) -> None:
    (path,) = export(filing)
    bring(filing, answered(filing, path, {PRIYA.board_id: ("accepted", "")}))
    sheet = answered(filing, path, {PRIYA.board_id: ("rejected", "Not eligible")})
    assert problems(filing, sheet) == ["something else is known of this credit already"]


def test_one_foreign_row_and_nothing_of_the_sheet_is_taken(filing: Office) -> None:
    export(filing, Form.XML)
    ours = [row.credit_id for row in filing.credits]
    lines = [(one, "accepted", "") for one in ours]
    foreign = ("ccid:lakeside.example:aaaa-r1", "accepted", "")
    assert problems(filing, by_credit_id(filing, *lines, foreign)) == [
        "no file of ours reported such a credit"
    ]
    twice = problems(filing, by_credit_id(filing, *lines, lines[0]))
    assert twice == ["the same credit as in line 2"]
    assert bring(filing, by_credit_id(filing, *lines)) == 3


def test_a_sheet_about_one_report_may_not_speak_of_another(filing: Office) -> None:
    export(filing, Form.XML)
    filing.hear(moodle(PRIYA, "102"))
    export(filing, Form.XML)
    first, other = filing.credits[0], filing.credits[-1]
    sheet = by_credit_id(filing, *((one.credit_id, "accepted", "") for one in (first, other)))
    assert len(problems(filing, sheet, report=first.report_id)) == 1
    assert len(problems(filing, sheet, activity=other.activity)) == 1
    assert bring(filing, sheet) == 2


def test_a_report_is_settled_by_a_person_where_there_is_no_sheet(filing: Office) -> None:
    export(filing)
    reader = results(filing, report=1)
    said = [row.id for row in filing.credits]
    assert reader.unanswered() == said
    (path,) = filing.folder.glob("reports/*")
    bring(filing, answered(filing, path, {PRIYA.board_id: ("rejected", "")}))
    assert reader.unanswered() == said[1:]


def test_a_report_taken_back_can_be_written_again(filing: Office) -> None:
    (path,) = export(filing)
    assert desk(filing).undo(1, "mora", "never uploaded") == 3
    assert filing.states() == ["ready"] * 3
    with pytest.raises(UndoneAlready):
        desk(filing).undo(1, "mora", "")
    assert problems(filing, answered(filing, path, {PRIYA.board_id: ("accepted", "")}))
    (again,) = export(filing)
    assert rows(again) == rows(path)
    assert again != path


def test_what_pars_says_it_has_is_not_given_back(filing: Office) -> None:
    export(filing, Form.XML)
    credit_id = filing.credits[0].credit_id
    assert bring(filing, by_credit_id(filing, (credit_id, "pending", ""))) == 1
    assert filing.states() == ["submitted", "reported", "reported"]
    assert desk(filing).undo(1, "mora", "") == 2
    (row,) = desk(filing).listed()
    assert row["unanswered"] == 1
    assert bring(filing, by_credit_id(filing, (credit_id, "accepted", ""))) == 1
    assert filing.states() == ["accepted", "ready", "ready"]


def test_undo_gives_back_only_what_nobody_answered(filing: Office) -> None:
    (path,) = export(filing)
    bring(filing, answered(filing, path, {PRIYA.board_id: ("accepted", "")}))
    assert desk(filing).undo(1, "mora", "") == 2
    assert filing.states() == ["accepted", "ready", "ready"]


def test_a_report_that_was_never_finished_is_told_and_posts_nothing(
    filing: Office, tmp_path: Path
) -> None:
    gone = tmp_path / "not there"
    with pytest.raises(FileNotFoundError):
        list(desk(filing).export(Wanted(), gone, "mora", quiet))
    assert filing.states() == ["reported"] * 3
    (row,) = desk(filing).listed()
    assert row["standing"] == "not finished: undo it"
    assert desk(filing).undo(1, "mora", "") == 3


def test_a_rejected_credit_is_deleted_by_file_before_it_is_added_again(filing: Office) -> None:
    (path,) = export(filing)
    bring(filing, answered(filing, path, {PRIYA.board_id: ("rejected", "Birth date")}))
    first = filing.credits[0].credit_id
    filing.replay()
    (deletion,) = export(filing)
    assert [row[0] for row in rows(deletion)] == ["Delete"]
    assert (filing.states()[0], export(filing)) == ("withdrawing", [])
    bring(filing, answered(filing, deletion, {PRIYA.board_id: ("accepted", "")}))
    (added,) = export(filing)
    assert [row[0] for row in rows(added)] == ["Add"]
    assert filing.credits[0].credit_id == first.removesuffix("-r1") + "-r2"


def test_a_deletion_that_pars_refused_needs_a_person_and_is_written_again(filing: Office) -> None:
    (path,) = export(filing)
    bring(filing, answered(filing, path, {PRIYA.board_id: ("rejected", "Birth date")}))
    filing.replay()
    (deletion,) = export(filing)
    bring(filing, answered(filing, deletion, {PRIYA.board_id: ("error", "Record locked")}))
    assert (filing.states()[0], filing.letter["reason"]) == ("withdrawing", "refused_by_pars")
    assert len(export(filing)) == 1


def test_what_the_lms_says_of_a_reported_credit_is_a_persons_decision(filing: Office) -> None:
    export(filing)
    filing.hear(moodle(PRIYA))
    assert filing.open_letters() == []
    filing.hear(moodle(OTIS, at=NOON - DAY))
    assert filing.letter["reason"] == "changed_after_sending"
    assert filing.states() == ["reported"] * 3


def test_what_stands_in_a_file_is_neither_withdrawn_nor_corrected(filing: Office) -> None:
    export(filing)
    credit = filing.credits[0]
    (told,) = withdraw(filing.ledger, [credit.credit_id], "mora", "", filing.clock)
    assert "undo the report" in str(told["what_happens"])
    filing.put_activities(*(row | {"max_points": "1.0"} for row in COURSES))
    filing.look()
    with filing.ledger.begin() as db:
        corrector = Corrector(db, filing.ledger, filing.service.premises.house, filing.clock.now())
        (obstacle,) = corrector.case(credit.id).obstacles
    assert obstacle.code == "stands_in_a_file"
    assert filing.states() == ["reported"] * 3


def test_of_a_learner_only_the_files_themselves_tell(filing: Office) -> None:
    (path,) = export(filing)
    said = {PRIYA.board_id: ("rejected", "Vantongeren, Priya 041327 is not on the roster")}
    bring(filing, answered(filing, path, said))
    desk(filing).undo(1, "mora", "Dr Vantongeren called")
    export(filing, Form.XML)
    filing.publish()
    told = b"".join(one.value or b"" for one in filing.published(OUTCOMES))
    held = b"".join(file.read_bytes() for file in filing.ledger_path.parent.glob("ledger.db*"))
    names = " ".join(str(file) for file in filing.folder.rglob("*")).encode()
    shown = repr([desk(filing).listed(), filing.open_letters()]).encode()
    everything = told + held + names + shown
    marks = [b"vantongeren", b"priya", b"041327", b"1971-09-10", b"09/10"]
    assert [mark for mark in marks if mark in everything.lower()] == []


# ---------------------------------------------------------------- once there are credentials


def sent_by_file(office: Office, people: Sequence[Physician], form: Form) -> None:
    """These people's credits, reported by file."""
    office.hear(*(moodle(person) for person in people))
    export(office, form)
    assert office.states() == ["reported"] * len(people)


@pytest.mark.parametrize("form", Form)
def test_pars_is_asked_what_became_of_an_uploaded_file(
    reporting: Office, pars: SimulatedPars, form: Form
) -> None:
    sent_by_file(reporting, [PRIYA, OTIS], form)
    upload(reporting, 1, pars, strange=form is Form.EXCEL)
    reporting.drive_to("accepted", "accepted")
    assert (pars.totals["live"], pars.totals["posts"]) == (2, 2)


@pytest.mark.parametrize("form", Form)
def test_an_uploaded_file_that_was_undone_is_found_and_not_posted(
    reporting: Office, pars: SimulatedPars, form: Form
) -> None:
    sent_by_file(reporting, [PRIYA], form)
    upload(reporting, 1, pars, strange=form is Form.EXCEL)
    desk(reporting).undo(1, "mora", "")
    reporting.drive_to("accepted")
    assert (pars.totals["live"], pars.totals["posts"]) == (1, 1)


@pytest.mark.parametrize("form", Form)
def test_a_file_that_was_undone_before_it_was_uploaded_is_posted(
    reporting: Office, pars: SimulatedPars, form: Form
) -> None:
    sent_by_file(reporting, [PRIYA], form)
    desk(reporting).undo(1, "mora", "")
    reporting.drive_to("accepted")
    (record,) = pars.live
    assert (record["posts"], record["credit_id"]) == (1, reporting.credit.credit_id)
    assert reporting.credit.four_fields is None


@pytest.mark.parametrize("form", Form)
def test_a_file_that_nobody_uploads_is_told_after_a_week_and_posts_nothing(
    reporting: Office, pars: SimulatedPars, form: Form
) -> None:
    sent_by_file(reporting, [PRIYA], form)
    reporting.drive_to("attention")
    assert reporting.letter["reason"] == "not_uploaded"
    assert pars.records == []


def test_a_credit_uploaded_under_a_strange_id_is_withdrawn_under_that_id(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"))
    sent_by_file(reporting, [PRIYA], Form.EXCEL)
    upload(reporting, 1, pars, strange=True)
    reporting.drive_to("rejected")
    pars.put_roster(PRIYA.diplomate())
    reporting.replay()
    reporting.drive_to("accepted")
    deleted, added = pars.records
    assert (deleted["state"], added["state"]) == ("deleted", "accepted")
    assert added["credit_id"] == reporting.credit.credit_id
    assert pars.totals["doubled"] == 0


def test_of_two_credit_types_neither_is_settled_while_pars_shows_one(reporting: Office) -> None:
    reporting.hear(moodle(PRIYA, "103"))
    export(reporting)
    assert reporting.states() == ["reported"] * 2
    number = reporting.credits[0].report_id
    way = reporting.service.parts.pars("main")
    with reporting.ledger.read() as db, closing(way):
        first, second = entries(db, reporting.ledger, number)
        way.save(first.record, "ccid:pars.example:1", Action.ADD)
        reporting.pass_time(3 * 86_400)
        assert reporting.states() == ["reported"] * 2
        way.save(second.record, "ccid:pars.example:2", Action.ADD)
    reporting.drive_to("accepted", "accepted")


# ---------------------------------------------------------------- the first weeks


def by_another_hand(office: Office, credit: int) -> None:
    """Somebody reports one of the office's credits to PARS by another way than this service."""
    record = office.ledger.seal.open_record(office.credits[credit].record)
    with closing(office.service.parts.pars("main")) as way:
        assert way.save(record, "ccid:old-system.example:77", Action.ADD).status == 200


def test_what_is_in_pars_already_is_followed_and_not_posted(
    open_office: OpenOffice, pars: SimulatedPars
) -> None:
    office = open_office(url=pars.url, ask_first=True)
    office.hear(moodle(PRIYA), moodle(OTIS))
    by_another_hand(office, 0)
    office.drive_to("accepted", "accepted")
    assert sorted(pars.accepted) == [PRIYA.board_id, OTIS.board_id]
    assert (pars.totals["live"], pars.totals["doubled"]) == (2, 0)


def test_of_two_credit_types_one_in_pars_settles_neither(
    open_office: OpenOffice, pars: SimulatedPars
) -> None:
    office = open_office(url=pars.url, ask_first=True)
    office.hear(moodle(PRIYA, "103"))
    by_another_hand(office, 1)
    office.drive_to("attention", "attention")
    assert {row["reason"] for row in office.open_letters()} == {"cannot_tell_which"}
    assert pars.totals["live"] == 1


def before_our_time(
    office: Office, *rows: tuple[Physician, str], activity: str = "202600001"
) -> Path:
    """A sheet of what PARS has, as an office gets it from its pages."""
    path = office.folder / "known.csv"
    head = ["ACCME Activity ID", "Completion Date", "Date of Birth", "Certifying Board"]
    head += ["Certifying Board ID", "Credit Type", "Status"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for person, status in rows:
            day = person.birth_date[5:].replace("-", "/")
            facts = [activity, "2026-11-20", day, "ABIM", person.board_id, "Medical Knowledge"]
            writer.writerow([*facts, status])
    return path


def adopt(office: Office, sheet: Path) -> int:
    """Take the sheet over; gives how many credits it brought."""
    adoption = Adoption(office.ledger, office.service.premises.house, office.clock)
    return adoption.apply(adoption.read(sheet), "mora", "go-live")


@pytest.mark.parametrize("heard_before", [True, False])
def test_a_backfill_sends_nothing_that_was_taken_over(
    reporting: Office, pars: SimulatedPars, heard_before: bool
) -> None:
    said = [moodle(PRIYA), moodle(OTIS), moodle(LENA)]
    reporting.hear(*(said if heard_before else []))
    sheet = before_our_time(reporting, (PRIYA, "accepted"), (OTIS, "error"))
    assert (adopt(reporting, sheet), adopt(reporting, sheet)) == (1, 0)
    reporting.hear(*([] if heard_before else said))
    reporting.drive(lambda: reporting.states() == ["accepted"] * 3)
    assert sorted(pars.accepted) == sorted([OTIS.board_id, LENA.board_id])
    assert reporting.letters == []


def test_what_was_pending_when_it_was_taken_over_is_decided_by_a_later_sheet(
    filing: Office,
) -> None:
    adopt(filing, before_our_time(filing, (PRIYA, "pending")))
    assert filing.states() == ["submitted", "ready", "ready"]
    assert bring(filing, before_our_time(filing, (PRIYA, "accepted"))) == 1
    assert filing.states() == ["accepted", "ready", "ready"]


def test_a_row_that_fits_no_activity_takes_nothing_over(reporting: Office) -> None:
    sheet = before_our_time(reporting, (PRIYA, "accepted"), activity="202699999")
    with pytest.raises(TableProblems) as found:
        adopt(reporting, sheet)
    (problem,) = found.value.problems
    assert (problem.line, "activities table" in problem.message) == (2, True)
    assert reporting.credits == []
