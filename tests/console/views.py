"""What there is to look at: each page by its name, and how somebody gets there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import FilePayload, Page

Way = Callable[[Page], None]


def _here(_: Page) -> None:
    """Nothing more to do."""


@dataclass(frozen=True, slots=True)
class View:
    """A page of the table: where the way begins, and what to click until it is there."""

    name: str
    path: str
    start: str = ""
    then: Way = field(default=_here)

    def open(self, page: Page) -> None:
        """Go there."""
        page.goto(self.start or self.path)
        self.then(page)


def _first_in_the_table(page: Page) -> None:
    page.locator("tbody a").first.click()


def _its_credit(page: Page) -> None:
    _first_in_the_table(page)
    page.get_by_role("heading", level=2).get_by_role("link").first.click()


VIEWS = [
    View("overview", "/"),
    View("account", "/me"),
    View("people", "/people", "/people?q=HF-UPDATE"),
    View("person", "/people/{key}", "/people?q=Rahmani", _first_in_the_table),
    View("credit", "/credits/{name}", "/people?q=Rahmani", _its_credit),
_SHEET = b"""User ID,First Name,Last Name,DOB,Diplomate,Consent,Phone
2001,Ada,Abara,09/10/1971,310041,yes,5
9051,Noor,Smith,1980-02-29,123456,yes,1
9061,=Bad,Smith,10-Sep,123,yes,1
"""


def _uploads(page: Page) -> None:
    """A file with two headings that nobody knows, and a wrong row."""
    file = FilePayload(name="roster.csv", mimeType="text/csv", buffer=_SHEET)
    page.get_by_label("Excel or CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload and look").click()
    page.wait_for_url("**/uploads/*")


def _says_what_columns_are(page: Page) -> None:
    _uploads(page)
    page.get_by_label("Diplomate").select_option("board_id")
    page.get_by_label("Phone").select_option("-")
    page.get_by_role("button", name="Look again").click()
    page.get_by_role("heading", name="Wrong rows").wait_for()


def _edits(page: Page) -> None:
    page.get_by_label("Edit row 2", exact=True).click()
    page.wait_for_url("**/rows/*")


def _consents(page: Page) -> None:
    """Another consent of one learner, the other way round each time."""
    _edits(page)
    consent = page.get_by_label("Consent needed")
    consent.fill("no" if consent.input_value() == "yes" else "yes")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/learners?outcome=*")


def _puts_back(page: Page) -> None:
    _consents(page)
    page.get_by_role("link", name="Put version 1 back").click()
    page.wait_for_url("**/versions/1")


def _asks_what_went(page: Page) -> None:
    _consents(page)
    page.goto(page.url.replace("?outcome=", "/outcome/"))


LEARNERS = "/tables/learners"
VIEWS = [
    View("overview", "/"),
    View("account", "/me"),
    View("tables", "/tables"),
    View("learners", "/tables/{table}", LEARNERS),
    View("learners-changed", "/tables/{table}", LEARNERS, _consents),
    View("activities-table", "/tables/{table}", "/tables/activities"),
    View("table-faults", "/tables/{table}/faults", f"{LEARNERS}/faults"),
    View("table-upload-asks", "/tables/{table}/uploads/{token}", LEARNERS, _uploads),
    View("table-upload", "/tables/{table}/uploads/{token}", LEARNERS, _says_what_columns_are),
    View("table-version", "/tables/{table}/versions/{number:int}", LEARNERS, _puts_back),
    View("table-outcome", "/tables/{table}/outcome/{token}", LEARNERS, _asks_what_went),
    View("row-new", "/tables/{table}/rows/new", f"{LEARNERS}/rows/new"),
    View("row", "/tables/{table}/rows/{name}", LEARNERS, _edits),
]
