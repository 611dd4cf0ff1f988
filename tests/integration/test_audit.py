"""The audit pack of one activity: what the files say of what happened, and to whom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from consumer.desk.audit import AuditDesk
from consumer.desk.auditscope import NoSuchActivity
from consumer.desk.deadletters import reveal_letter
from consumer.desk.reporting import Reporting, Wanted
from consumer.desk.trail import remember
from consumer.ledger.reportbook import Form
from consumer.ledger.schema import audit
from consumer.tables import load_tables
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import (
    COURSES,
    DAY,
    LENA,
    MOODLE,
    NOON,
    OTIS,
    PRIYA,
    Physician,
    canvas,
    course,
    moodle,
    openedx,
    revoked,
)

OpenPars = Callable[..., SimulatedPars]
Sheet = list[dict[str, Any]]
REPORTED, OPEN = "Reported to PARS", "Not reported"


def pack(office: Office, activity: str, **days: date) -> tuple[Path, Sheet, Sheet]:
    """The workbook, and its two sheets, a dict per row."""
    tables = load_tables(office.tables, office.settings.profiles)
    desk = AuditDesk(office.ledger, tables, office.settings.profiles, office.clock)
    folder = office.folder / f"pack{len(list(office.folder.glob('pack*')))}"
    folder.mkdir()
    excel, pdf = desk.write(activity, folder, "mora", **days)
    reported, open_ = (rows(excel.file, sheet) for sheet in (REPORTED, OPEN))
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        excel.file.name: 0o600,
        pdf.file.name: 0o600,
    }
    assert (excel.reported, excel.not_reported) == (len(reported), len(open_))
    assert (pdf.reported, pdf.not_reported) == (len(reported), len(open_))
    return excel.file, reported, open_


def rows(file: Path, sheet: str) -> Sheet:
    head, *lines = load_workbook(file)[sheet].iter_rows(values_only=True)
    return [dict(zip(map(str, head), line, strict=True)) for line in lines]


def local(at: datetime) -> datetime:
    """As the sheet shows an instant: Chicago's, without its zone."""
    return (at - timedelta(hours=6)).replace(tzinfo=None)


def learners(found: Sheet) -> list[str]:
    return [str(line["Learner"]) for line in found]


# ---------------------------------------------------------------- what was reported


def test_what_was_reported_is_told_with_the_answer_and_the_consent(reporting: Office) -> None:
    consent = {"consent_on": "2026-01-05", "consent_how": "registration form"}
    reporting.put_learners(PRIYA.row(**consent, consent_boards="ABIM"))
    reporting.look()
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    _, (line,), open_ = pack(reporting, "HF-UPDATE")
    credit = reporting.credit
    assert line == {
        "Learner": "Priya Vantongeren", "Board": "ABIM", "Board ID": "041327",
        "Credit type": "Medical Knowledge", "Points": 1.5, "Completed on": datetime(2026, 11, 20),  # noqa: DTZ001
        "Reported at": local(credit.submitted_at), "Reported by way of": "web service",
        "Corrected by": None, "Corrected at": None, "Board's answer": "Accepted by the board",
        "Answered at": local(credit.decided_at), "Consent": "yes",
        "Consent on": datetime(2026, 1, 5), "Consent how": "registration form",  # noqa: DTZ001
        "Consent for boards": "ABIM",
    }  # fmt: skip
    assert open_ == []


def test_who_put_it_right_is_told_and_when_and_not_who_only_looked(reporting: Office) -> None:
    reporting.put_learners(PRIYA.row(birth_date="1970-01-01"), OTIS.row())
    reporting.look()
    reporting.hear(moodle(PRIYA), moodle(OTIS))
    reporting.drive_to("attention", "accepted")
    letter = str(reporting.letter["letter_id"])
    reveal_letter(reporting.ledger, letter, "peeping tom", reporting.clock)
    _, before, (waiting,) = pack(reporting, "202600001")
    assert learners(before) == ["Otis Fjällström-Nwosu"]
    assert waiting["Standing"] == "Needs attention"
    assert waiting["Why"].startswith("PARS could not match the learner")
    assert (waiting["Who acts"], waiting["Board ID"]) == ("coordinator", "041327")
    reporting.put_learners(PRIYA.row(), OTIS.row())
    reporting.look()
    reporting.clock.advance(3600)
    reporting.replay(who="mora")
    acted = local(reporting.clock.now())
    reporting.drive_to("accepted", "accepted")
    reveal_letter(reporting.ledger, letter, "peeping tom", reporting.clock)
    _, (priya, otis), open_ = pack(reporting, "202600001")
    assert (priya["Corrected by"], otis["Corrected by"]) == ("mora", None)
    assert abs(priya["Corrected at"] - acted) < timedelta(seconds=1)
    assert open_ == []


@pytest.mark.parametrize(
    ("what", "corrected"), [("credit.corrected", "mora"), ("letter.declined", None)]
)
def test_a_correction_by_the_number_of_the_completion_is_told_too(
    office: Office, what: str, corrected: str | None
) -> None:
    office.hear(moodle(OTIS), moodle(PRIYA))
    number = office.completions[1].id
    with office.ledger.begin() as db:
        remember(db, office.ledger, office.clock.now(), "mora", what, f"c{number}")
    office.take_for_sent()
    _, lines, _ = pack(office, "HF-UPDATE")
    told = {line["Learner"]: line["Corrected by"] for line in lines}
    assert told == {"Otis Fjällström-Nwosu": None, "Priya Vantongeren": corrected}


def test_a_rejection_says_what_the_board_meant(reporting: Office, pars: SimulatedPars) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"), OTIS.diplomate())
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("rejected")
    reporting.hear(moodle(OTIS))
    reporting.drive_to("rejected", "submitted")
    _, (priya, otis), open_ = pack(reporting, "HF-UPDATE")
    assert priya["Board's answer"] == "Rejected by the board: the board rejected it"
    assert (otis["Board's answer"], otis["Answered at"]) == ("none yet", None)
    assert otis["Reported at"] is not None
    assert open_ == []


def test_what_was_withdrawn_was_reported_once(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(openedx(PRIYA))
    reporting.drive_to("submitted")
    reporting.hear(revoked(PRIYA, NOON + DAY))
    reporting.replay()
    reporting.drive_to("withdrawn")
    _, (line,), open_ = pack(reporting, "RENAL")
    assert line["Board's answer"] == "Withdrawn"
    assert line["Answered at"] >= line["Reported at"]
    assert open_ == []
    assert pars.totals["live"] == 0


def test_what_pars_has_is_told_and_not_what_it_will_be_given(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.put_roster(PRIYA.diplomate(board_rejects="Not eligible"))
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("rejected")
    reporting.put_learners(PRIYA.row(given_name="Prijamvada"))
    reporting.look()
    reporting.replay()
    assert reporting.states() == ["withdrawing"]
    _, (line,), _ = pack(reporting, "HF-UPDATE")
    assert (line["Learner"], line["Board's answer"]) == ("Priya Vantongeren", "Being withdrawn")


def test_what_went_by_file_is_told_so(reporting: Office) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    reporting.hear(moodle(OTIS))
    folder = reporting.folder / "reports"
    folder.mkdir()
    desk = Reporting(reporting.ledger, reporting.settings, reporting.clock)
    list(desk.export(Wanted(Form.EXCEL), folder, "mora", lambda *_: None))
    _, (priya, otis), open_ = pack(reporting, "HF-UPDATE")
    assert (priya["Reported by way of"], otis["Reported by way of"]) == ("web service", "file")
    assert (otis["Board's answer"], otis["Answered at"]) == ("none yet", None)
    assert otis["Reported at"] == local(reporting.clock.now()).replace(microsecond=0)
    assert (otis["Corrected by"], open_) == (None, [])


def test_two_lmss_that_report_one_credit_make_one_line(reporting: Office) -> None:
    reporting.hear(moodle(PRIYA), canvas(PRIYA))
    reporting.drive_to("accepted")
    assert learners(pack(reporting, "HF-UPDATE")[1]) == ["Priya Vantongeren"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"consent_on": "5 January"}, ("yes", "5 January", None, "all boards")),
        ({"consent": "no", "consent_how": "e-mail"}, ("no", None, "e-mail", "all boards")),
        ({"consent_boards": "ABP ABIM"}, ("yes", None, None, "ABIM, ABP")),
        ({"consent_boards": "ABP"}, ("no", None, None, "ABP")),
        ({"learner": "0"}, ("not in the learners table", None, None, None)),
    ],
)
def test_consent_is_told_as_the_office_keeps_it(
    office: Office, row: dict[str, str], told: tuple[str | None, ...]
) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent()
    office.put_learners(
        PRIYA.row(**{"consent_on": "", "consent_how": "", "consent_boards": ""} | row)
    )
    _, (line,), _ = pack(office, "HF-UPDATE")
    names = ("Consent", "Consent on", "Consent how", "Consent for boards")
    assert tuple(line[name] for name in names) == told


# ---------------------------------------------------------------- what was not


def test_what_was_not_reported_says_why_and_what_to_do(office: Office) -> None:
    office.put_learners(PRIYA.row(consent="no"), LENA.row(npi="123"))
    office.look()
    office.hear(moodle(PRIYA), moodle(OTIS), moodle(LENA))
    _, reported, open_ = pack(office, "HF-UPDATE")
    assert reported == []
    told = {line["Learner"]: (line["Standing"], line["Why"], line["Who acts"]) for line in open_}
    assert told == {
        "Priya Vantongeren": (
            "Waiting for learner", "no consent to share with the board is on file", "learner"
        ),
        "LMS user 4413308": (
            "Waiting for learner", "the learner is not in the learners table", "coordinator"
        ),
        "Lena Quillfeather": (
            "Needs attention", "the NPI is not ten digits beginning with 1 or 2", "coordinator"
        ),
    }  # fmt: skip
    assert {line["Completed on"] for line in open_} == {datetime(2026, 11, 20)}  # noqa: DTZ001
    assert {line["Heard from"] for line in open_} == {"moodle"}
    assert all(line["Next step"] for line in open_)


def test_what_another_provider_reports_is_told_in_its_own_pack(office: Office) -> None:
    office.put_activities(
        course(MOODLE, "101", activity="GUEST", pars_activity_id="", profile="not ours")
    )
    office.look()
    office.hear(moodle(PRIYA))
    file, reported, (line,) = pack(office, "GUEST")
    assert (reported, line["Standing"]) == ([], "Not reportable")
    assert file.name == "audit-not-ours-2026-11-22.xlsx"


def test_a_board_that_is_still_waited_for_is_told_beside_the_credit_of_another(
    office: Office,
) -> None:
    pediatric = {"board": "ABP", "credit_types": "Lifelong Learning and Self-Assessment"}
    internal, both = {"board": "ABIM"}, {"activity": "BOTH"}
    office.put_activities(
        course(MOODLE, "101", **internal, **both), course(MOODLE, "101", **pediatric, **both)
    )
    office.put_learners(
        PRIYA.row(**internal), PRIYA.row(board="ABP", board_id="P-77", consent="no")
    )
    office.look()
    office.hear(moodle(PRIYA))
    office.take_for_sent()
    _, (credited,), (waiting,) = pack(office, "BOTH")
    assert (credited["Board"], credited["Consent"]) == ("ABIM", "yes")
    assert (waiting["Board"], waiting["Board ID"]) == ("ABP", "P-77")
    assert waiting["Credit type"] == pediatric["credit_types"]
    assert waiting["Standing"] == "Waiting for learner"
    assert waiting["Why"] == "no consent to share with the board is on file"


def test_nobody_stands_in_the_pack_of_another_activity(reporting: Office) -> None:
    reporting.put_learners(PRIYA.row(), OTIS.row(consent="no"))
    reporting.look()
    reporting.hear(moodle(PRIYA, "102"), moodle(OTIS, "102"), moodle(PRIYA), moodle(OTIS))
    reporting.take_for_sent()
    for activity in ("SEPSIS", "HF-UPDATE"):
        _, reported, open_ = pack(reporting, activity)
        assert (learners(reported), learners(open_)) == (
            ["Priya Vantongeren"],
            ["Otis Fjällström-Nwosu"],
        )


def test_each_credit_type_is_a_line(office: Office) -> None:
    office.hear(moodle(PRIYA, "103"))
    _, reported, open_ = pack(office, "SAFETY")
    assert reported == []
    assert [line["Credit type"] for line in open_] == ["Medical Knowledge", "Patient Safety"]
    assert {line["Standing"] for line in open_} == {"Ready"}


# ---------------------------------------------------------------- which activity, which days


def test_a_number_means_its_period_and_a_name_all_of_them(office: Office) -> None:
    year = {"starts": "2026-01-01", "ends": "2026-12-31"}
    last = {"starts": "2025-01-01", "ends": "2025-12-31", "pars_activity_id": "202500001"}
    office.put_activities(course(MOODLE, "101", **last), course(MOODLE, "101", **year))
    office.put_learners(PRIYA.row(), OTIS.row(), LENA.row(consent="no"))
    office.look()
    office.hear(moodle(PRIYA, at=NOON - 365 * DAY), moodle(OTIS), moodle(LENA))
    office.take_for_sent()
    both, everyone, (lena,) = pack(office, "hf-update")
    assert learners(everyone) == ["Priya Vantongeren", "Otis Fjällström-Nwosu"]
    assert both.name == "audit-202500001-and-1-more-2026-11-22.xlsx"
    head = {str(k): v for k, v in load_workbook(both)["Activity"].iter_rows(values_only=True)}
    assert head["ACCME activity ID"] == "202500001, 202600001"
    assert head["Period"] == "2025-01-01 to 2026-12-31"
    assert head["Provider"] == "Lakeside Academy (0009999)"
    _, now, open_ = pack(office, "202600001")
    assert (learners(now), open_) == (["Otis Fjällström-Nwosu"], [lena])
    _, then, open_ = pack(office, "202500001")
    assert (learners(then), open_) == (["Priya Vantongeren"], [])


def test_a_completion_outside_all_periods_stands_in_each_pack_of_its_course(office: Office) -> None:
    office.put_activities(course(MOODLE, "101", starts="2026-01-01"))
    office.look()
    office.hear(moodle(PRIYA, at=NOON - 400 * DAY))
    _, reported, (line,) = pack(office, "202600001")
    assert (reported, line["Why"]) == ([], "the completion is outside the activity's dates")


def test_only_the_days_that_were_asked_for(office: Office) -> None:
    office.put_learners(*(one.row() for one in (PRIYA, OTIS)), LENA.row(consent=""))
    office.look()
    office.hear(moodle(PRIYA), moodle(OTIS, at=NOON - DAY), moodle(LENA, at=NOON - DAY))
    office.take_for_sent()
    day = date(2026, 11, 20)
    file, late, open_ = pack(office, "HF-UPDATE", since=day)
    assert (learners(late), open_) == (["Priya Vantongeren"], [])
    assert "from 2026-11-20" in {str(r[1]) for r in load_workbook(file)["Activity"].values}
    _, early, (lena,) = pack(office, "HF-UPDATE", until=day - timedelta(days=1))
    assert (learners(early), lena["Learner"]) == (["Otis Fjällström-Nwosu"], "Lena Quillfeather")
    assert len(pack(office, "HF-UPDATE", since=day - timedelta(days=1), until=day)[1]) == 2


def test_an_activity_that_left_the_table_still_has_its_pack(office: Office) -> None:
    office.hear(moodle(PRIYA, "104"))
    office.take_for_sent()
    office.put_activities(*(row for row in COURSES if row["activity"] != "NORTH"))
    file, (line,), _ = pack(office, "202600101")
    assert line["Learner"] == "Priya Vantongeren"
    head = {str(k): v for k, v in load_workbook(file)["Activity"].iter_rows(values_only=True)}
    assert (head["Activity"], head["Provider"]) == (
        "Northern Rounds",
        "Northgate Clinic (0008888)",
    )


@pytest.mark.parametrize("wanted", ["", "HF", "20260000", "Heart Failure Update"])
def test_an_unknown_activity_is_told_which_there_are(office: Office, wanted: str) -> None:
    with pytest.raises(NoSuchActivity) as found:
        pack(office, wanted)
    assert "HF-UPDATE (202600001)" in found.value.known
    assert "NORTH (202600101)" in found.value.known


def test_a_file_that_is_there_is_not_replaced_and_none_is_written_beside_it(
    office: Office,
) -> None:
    tables = load_tables(office.tables, office.settings.profiles)
    desk = AuditDesk(office.ledger, tables, office.settings.profiles, office.clock)
    office.hear(moodle(PRIYA))
    taken = office.folder / "audit-202600001-2026-11-22.pdf"
    taken.write_text("mine")
    with pytest.raises(FileExistsError, match=taken.name):
        list(desk.write("HF-UPDATE", office.folder, "mora"))
    assert [path.name for path in office.folder.glob("audit*")] == [taken.name]
    assert taken.read_text() == "mine"


def test_who_took_the_data_out_is_remembered(office: Office) -> None:
    office.hear(moodle(PRIYA))
    pack(office, "HF-UPDATE")
    (act,) = office.rows(audit)
    assert (act.who, act.what, act.subject) == ("mora", "audit.written", "202600001")


def test_more_people_than_are_read_at_once_all_stand_in_it(office: Office) -> None:
    people = [Physician(n, f"Ada{n}", "Abara", "1970-01-01", f"3{n:05d}") for n in range(100, 550)]
    waiting = [replace(one, number=one.number + 1000) for one in people]
    office.put_learners(*(one.row() for one in people), *(one.row(consent="no") for one in waiting))
    office.look()
    office.hear(*map(moodle, people), *map(moodle, waiting))
    office.take_for_sent()
    _, reported, open_ = pack(office, "HF-UPDATE")
    everyone = sorted(f"Ada{n} Abara" for n in range(100, 550))
    assert sorted(learners(reported)) == sorted(learners(open_)) == everyone
