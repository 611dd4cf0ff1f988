"""The office's pages to look at: tables, uploads, rows."""

from __future__ import annotations

from playwright.sync_api import FilePayload, Page

from tests.console.cases import HEART
from tests.console.views import View

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
    """Once said, it is remembered: the second time nobody asks."""
    _uploads(page)
    page.get_by_text("How the file is taken").click()
    if page.get_by_label("Diplomate").is_hidden():
        page.get_by_text("How the file is taken").click()
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


def _tries(page: Page) -> None:
    """The first example of the first mapping, all the way."""
    page.locator("tbody a").first.click()
    page.locator("main details summary").first.click()
    page.get_by_role("link", name="Try it").first.click()
    page.get_by_role("button", name="Try it").first.click()
    page.get_by_role("heading", level=2).first.wait_for()


def _opens_the_first(page: Page) -> None:
    page.locator("tbody a").first.click()
    page.get_by_role("heading", level=1).wait_for()


LEARNERS = "/tables/learners"
OFFICE = [
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
    View("mappings", "/mappings"),
    View("mapping", "/mappings/{name:path}", "/mappings", _opens_the_first),
    View("mapping-try", "/mappings/try"),
    View("mapping-tried", "/mappings/try", "/mappings", _tries),
    View("sources", "/sources"),
    View("source", "/sources/{name}", "/sources", _opens_the_first),
    View("activities", "/activities"),
    View("activity", "/activities/{name:path}", "/activities", _opens_the_first),
    View("activity-release", "/activities/{name:path}/release", f"/activities/{HEART}/release"),
    View("audit", "/audit"),
    View("audit-row", "/audit/{number:int}", "/audit", _opens_the_first),
]
