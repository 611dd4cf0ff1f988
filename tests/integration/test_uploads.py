"""Reports by file: uploaded to the simulator, judged row by row, and the results downloaded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from consumer.pars.contract import Transport
from consumer.pars.port import Action
from consumer.pars.simulator import Policy, running
from consumer.participant import BirthDate, Record
from consumer.reports.entry import Entry
from consumer.reports.excel import HEADINGS, ExcelTemplate
from consumer.reports.files import Format, write_report
from consumer.reports.result import Verdict
from consumer.reports.results import read_results
from consumer.reports.xmlfile import XmlReport
from tests.fakes import MORNING, FakeClock
from tests.unit.pars.samples import ADA, CREDIT, SCHEMAS, record, simulator
from tests.unit.pars.scripted import client
from tests.unit.reports.samples import workbook

BEN = record(
    given_name="Ben", family_name="Sample", board_id="000123", birth_date=BirthDate(2, 29, 1972)
)
CY = record(
    given_name="Cy", family_name="Stray", board_id="000456", birth_date=BirthDate(1, 2, 1980)
)
FORMS: dict[str, Format[Any]] = {"excel": ExcelTemplate(), "xml": XmlReport(SCHEMAS, MORNING)}
CAME = {"excel": "excel file", "xml": "xml file"}
FIRST_ROW = {"excel": 3, "xml": 1}
# Ada's row as the template holds it; tests bend one cell.
CELLS: dict[str, Any] = dict(
    zip(
        HEADINGS,
        ("Add", "202612345", datetime(2026, 5, 14), "Ada", "Example", "09/10", None, None, None,  # noqa: DTZ001  a cell has no zone
         "ABIM", "099999", 1.5, "Medical Knowledge", 1.5),
        strict=True,
    )
)  # fmt: skip


class Page:
    """PARS's upload page, its books, and the web service beside it."""

    def __init__(self, url: str, clock: FakeClock, folder: Path) -> None:
        self.url, self.clock, self.folder = url, clock, folder
        self.http = httpx.Client(base_url=url, params={"provider": "0009999"}, trust_env=False)

    def written(self, form: str, *records: Record, action: Action = Action.ADD) -> bytes:
        """The file our own writer makes; CreditIDs count from 1."""
        self.folder.mkdir(exist_ok=True)
        entries = (
            Entry(one, action, f"{CREDIT[:-1]}{number}") for number, one in enumerate(records, 1)
        )
        report = write_report(entries, FORMS[form], self.folder, "moc-report")
        assert not report.refused
        (file,) = report.files
        return file.path.read_bytes()

    def upload(self, data: bytes) -> list[dict[str, Any]]:
        """The lines of the answer."""
        answer = self.http.post("/_upload", content=data)
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["rows"]
        return rows

    def refused(self, data: bytes) -> str:
        """Why a file as such was not taken."""
        answer = self.http.post("/_upload", content=data)
        assert (answer.status_code, self.books()["totals"]["stored"]) == (400, 0)
        return str(answer.json()["message"])

    def cells(self, *rows: dict[str, Any]) -> bytes:
        """A workbook of rows that our writer would not make."""
        path = workbook(
            self.folder.with_suffix(".xlsx"), [[*row.values()] for row in rows], HEADINGS
        )
        return path.read_bytes()

    def books(self) -> dict[str, Any]:
        books: dict[str, Any] = self.http.get("/_books").json()
        return books

    def results(self, form: str = "xlsx") -> list[tuple[Verdict, str]]:
        """The result sheet as the office reads it."""
        path = self.folder.with_name(f"results.{form}")
        path.write_bytes(self.http.get(f"/_results.{form}").content)
        return [(one.verdict, one.reason) for one in read_results(path)]


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    clock = FakeClock()
    with running(simulator(clock, board_delay_seconds=3600)) as url:
        yield Page(url, clock, tmp_path / "reports")


BOTH = pytest.mark.parametrize("form", FORMS)


@BOTH
def test_our_own_report_is_taken_and_the_board_decides(page: Page, form: str) -> None:
    lines = page.upload(page.written(form, ADA, BEN, CY))
    assert [one["accepted_into_pars"] for one in lines] == [True] * 3
    assert [one["row"] for one in lines] == [FIRST_ROW[form] + at for at in range(3)]
    assert {one["came"] for one in page.books()["records"]} == {CAME[form]}
    assert page.results() == [(Verdict.PENDING, "")] * 3
    page.clock.advance(3600)
    decided = [
        (Verdict.ACCEPTED, ""),
        (Verdict.ACCEPTED, ""),
        (Verdict.REJECTED, "Name does not match roster"),
    ]
    assert page.results() == page.results("csv") == decided


@BOTH
def test_a_row_that_breaks_a_rule_is_refused_and_its_neighbours_are_not(
    page: Page, form: str
) -> None:
    wrong = [record(board_id="000000"), record(pars_activity_id="202699999")]
    lines = page.upload(page.written(form, ADA, *wrong, BEN))
    assert [one.get("error", "") for one in lines] == [
        "",
        "Learner data does not match the board's records",
        "Activity does not exist",
        "",
    ]
    assert page.books()["totals"] | {"stored": 2, "refused": 2} == page.books()["totals"]
    page.clock.advance(3600)
    assert [verdict for verdict, _ in page.results()] == [
        Verdict.ACCEPTED,
        Verdict.ERROR,
        Verdict.ERROR,
        Verdict.ACCEPTED,
    ]


@BOTH
def test_what_was_uploaded_can_be_deleted_by_file(page: Page, form: str) -> None:
    page.upload(page.written(form, ADA))
    (line,) = page.upload(page.written(form, ADA, action=Action.DELETE))
    (stored,) = page.books()["records"]
    assert (line["accepted_into_pars"], stored["history"]) == (True, ["add", "delete"])
    assert page.results() == [(Verdict.ACCEPTED, "")]
    (again,) = page.upload(page.written(form, ADA, action=Action.DELETE))
    assert again["error"] == "Credit record does not exist"


def test_the_four_fields_find_what_came_without_a_credit_id(page: Page) -> None:
    (line,) = page.upload(page.written("excel", ADA))
    assert line["credit_id"].startswith("ccid:pars.example:")
    for transport in Transport:
        with client(page.url, transport, clock=page.clock) as pars:
            (found,) = pars.status_by_learner(ADA).credits
            assert (found.credit_id, found.status) == (line["credit_id"], "Pending")
            assert pars.status(line["credit_id"]).status == 200


@BOTH
@pytest.mark.parametrize("policy", ["refusal", "success"])
def test_the_same_file_again_stores_nothing_twice(page: Page, form: str, policy: str) -> None:
    assert page.http.put("/_manners", json={"duplicate": policy}).status_code == 204
    data = page.written(form, ADA, BEN)
    first, again = page.upload(data), page.upload(data)
    totals = page.books()["totals"]
    assert (totals["stored"], totals["doubled"]) == (2, 0)
    page.clock.advance(3600)
    assert page.results() == [(Verdict.ACCEPTED, "")] * 2
    if policy == "success":
        assert again == first
    else:
        assert {one["error"] for one in again} == {"Record already exists"}


def test_uploaded_and_sent_by_the_web_service_too_it_is_doubled(page: Page) -> None:
    with client(page.url, clock=page.clock) as pars:
        pars.save(ADA, CREDIT, Action.ADD)
        page.upload(page.written("xml", ADA))
        assert page.books()["totals"]["doubled"] == 0  # one CreditID is one credit
        page.upload(page.written("excel", ADA))
    assert page.books()["totals"]["doubled"] == 1
    (line,) = page.upload(page.written("excel", ADA, action=Action.DELETE))
    assert line["error"] == "More than one credit fits the row"


def test_a_form_of_a_browser_is_taken_as_raw_bytes_are(page: Page) -> None:
    data = page.written("excel", ADA)
    answer = page.http.post("/_upload", files={"file": ("report.xlsx", data)})
    assert (answer.status_code, answer.json()["taken"]) == (200, 1)
    empty = page.http.post("/_upload", files={"file": ("", b"")}, data={"other": "1"})
    assert empty.status_code == 400


def test_whose_file_it_is_must_be_clear(page: Page) -> None:
    data = page.written("excel", ADA)
    for query in ("", "?provider=0000000"):
        answer = httpx.post(f"{page.url}/_upload{query}", content=data, trust_env=False)
        assert answer.status_code == 400
    stranger = httpx.post(f"{page.url}/_upload?provider=0001111", content=data, trust_env=False)
    assert stranger.json()["rows"][0]["error"] == "Activity belongs to another provider"


# ------------------------------------------------------------------ strictly


@pytest.mark.parametrize(
    ("heading", "value"),
    [
        ("Record Action", "add it"),
        ("Record Action", None),
        ("ACCME Activity ID", "20261234"),
        ("Completion Date", "05/14/2026"),
        ("Completion Date", datetime(2026, 5, 14, 9, 30)),  # noqa: DTZ001
        ("Completion Date", 46156),
        ("Completion Date", "2026-02-31"),
        ("First Name", None),
        ("Last Name", "  "),
        ("Date of Birth", "9/10"),
        ("Date of Birth", "13/10"),
        ("Date of Birth", datetime(1971, 9, 10)),  # noqa: DTZ001
        ("Date of Birth", None),
        ("Certifying Board", "abim"),
        ("Certifying Board ID", None),
        ("Credit Type", None),
        ("Total Board Credits", 1.3),
        ("Total Board Credits", "1.5"),
        ("Total Board Credits", 2),
        ("Credits Awarded for Credit Type", 0),
        ("Credits Awarded for Credit Type", None),
    ],
)
def test_a_cell_of_another_form_refuses_its_row_and_names_the_column(
    page: Page, heading: str, value: object
) -> None:
    (line, good) = page.upload(page.cells(CELLS | {heading: value}, CELLS))
    assert heading in line["error"]
    assert str(value) not in line["error"] or not value
    assert (good["accepted_into_pars"], page.books()["totals"]["stored"]) == (True, 1)


def test_numbers_where_texts_belong_have_lost_their_zeros(page: Page) -> None:
    numbers = {"ACCME Activity ID": 202612345, "Certifying Board ID": 99999}
    (line,) = page.upload(page.cells(CELLS | numbers))
    assert line["error"] == "Learner data does not match the board's records"


def test_a_cell_beyond_the_template_refuses_its_row(page: Page) -> None:
    (line,) = page.upload(page.cells(CELLS | {"Additional Credit Type": "Patient Safety"}))
    assert "to the right" in line["error"]


def test_a_report_that_the_schema_refuses_is_one_line_of_the_answer(page: Page) -> None:
    data = page.written("xml", ADA, BEN)
    lines = page.upload(data.replace(b">1.5<", b">1.3<", 1))
    assert [one["accepted_into_pars"] for one in lines] == [False, True]
    assert "numberOfCredits" in lines[0]["error"]


@pytest.mark.parametrize(
    "data",
    [b"", b"PK\x03\x04", b"Record Action,ACCME Activity ID", b"<a/>", b"<ACCMELearnerReports/>",
     b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
     b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"],
)  # fmt: skip
def test_what_is_no_report_is_refused_as_a_whole(page: Page, data: bytes) -> None:
    assert page.refused(data)


def test_headings_of_another_order_are_no_template(page: Page) -> None:
    swapped = {name: CELLS[name] for name in (HEADINGS[1], HEADINGS[0], *HEADINGS[2:])}
    path = workbook(page.folder.with_suffix(".xlsx"), [[*swapped.values()]], [*swapped])
    assert "headings" in page.refused(path.read_bytes())
    path = workbook(path, [], HEADINGS)
    assert "no rows" in page.refused(path.read_bytes())


# ------------------------------------------------------------------ results


@BOTH
def test_a_row_corrected_and_uploaded_again_stands_once_in_the_results(
    page: Page, form: str
) -> None:
    page.upload(page.written(form, record(family_name="Other")))
    assert [verdict for verdict, _ in page.results()] == [Verdict.ERROR]
    page.upload(page.written(form, ADA))
    assert page.results() == [(Verdict.PENDING, "")]


def test_the_result_sheet_holds_what_the_template_held(page: Page) -> None:
    page.upload(page.written("excel", replace(ADA, npi="1234567893", points=Decimal("2.75"))))
    page.upload(page.written("xml", BEN))
    text = page.http.get("/_results.csv").content.decode("utf-8-sig")
    excel, xml = csv.DictReader(io.StringIO(text))
    assert (excel["Certifying Board ID"], excel["Licensing ID or NPI"]) == ("099999", "1234567893")
    assert (excel["Date of Birth"], excel["Credits Awarded for Credit Type"]) == ("09/10", "2.75")
    assert (excel["Credit ID"], xml["Credit ID"]) == ("", f"{CREDIT[:-1]}1")
    assert date.fromisoformat(xml["Completion Date"]) == BEN.completed_on


def test_before_any_upload_there_is_nothing_to_read(page: Page) -> None:
    assert page.http.get("/_results.csv").content.count(b"\n") == 1
    assert page.http.get("/_results.xlsx").content.startswith(b"PK")


def test_the_page_too_has_bad_days(page: Page) -> None:
    data = page.written("excel", ADA)
    rules = [{"kind": "status", "on": "upload", "status": 500}]
    assert page.http.put("/_faults", json={"faults": rules}).status_code == 204
    assert page.http.post("/_upload", content=data).status_code == 500
    assert page.books()["totals"]["stored"] == 0
    assert page.upload(data)[0]["accepted_into_pars"]


def test_its_policies_change_while_it_runs_and_nonsense_changes_nothing() -> None:
    with running(simulator(FakeClock(), duplicate=Policy.SUCCESS)) as url, client(url) as pars:
        pars.save(ADA, CREDIT, Action.ADD)
        for wrong in ({"duplicate": "store"}, {"duplicated": "refusal"}, [], {"duplicate": 1}):
            answer = httpx.put(f"{url}/_manners", json=wrong, trust_env=False)
            assert answer.status_code == 400
        assert pars.save(ADA, CREDIT, Action.ADD).status == 200
        httpx.put(f"{url}/_manners", json={"duplicate": "refusal"}, trust_env=False)
        assert pars.save(ADA, CREDIT, Action.ADD).status == 400
        httpx.put(f"{url}/_manners", json={"second_credit": "refusal"}, trust_env=False)
        assert pars.save(ADA, CREDIT[:-1] + "2", Action.ADD).status == 400
