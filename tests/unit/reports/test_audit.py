"""The audit pack: everything about an activity, in Excel and on paper."""

from __future__ import annotations

import logging
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from pypdf import PdfReader

from consumer.reports import paper
from consumer.reports.audit import Activity, Line, Unreported, write_excel, write_pdf
from consumer.reports.paper import PaperFull
from consumer.reports.spreadsheet import read_tables
from tests.unit.reports.samples import HOSTILE, listed, modes

ACTIVITY = Activity(
    title="Heart Failure Update",
    pars_activity_id="202600001",
    provider_name="Example Academy of Medicine",
    provider_id="0009999",
    starts=date(2026, 1, 1),
    ends=date(2026, 12, 31),
    prepared_at=datetime(2026, 11, 22, 15, tzinfo=UTC),
    zone=ZoneInfo("America/New_York"),
)
LINE = Line(
    learner="Åse Østergaard",
    board="ABIM",
    board_id="012345",
    credit_type="Medical Knowledge",
    points=Decimal("1.50"),
    completed_on=date(2026, 11, 20),
    reported_at=datetime(2026, 11, 21, 3, 30, tzinfo=UTC),
    reported_way="web service",
    corrected_by="coordinator",
    corrected_at=datetime(2026, 11, 22, 14, tzinfo=UTC),
    answer="rejected: the name does not match the board's roster",
    answered_at=datetime(2026, 11, 22, 13, tzinfo=UTC),
    consent="yes",
    consent_on=date(2026, 1, 5),
    consent_how="registration form",
    consent_boards="ABIM",
)
NEVER = Line("Ben Søndergaard", "ABIM", "000123", "Patient Safety", Decimal(10), date(2026, 5, 14))
WAITING = Unreported(
    learner="Chidi Abara",
    board="ABIM",
    board_id="000777",
    credit_type="Medical Knowledge",
    completed_on=date(2026, 6, 1),
    standing="Waiting for learner",
    since=datetime(2026, 6, 2, 3, 30, tzinfo=UTC),
    why="no consent to share with the board is on file",
    who="learner",
    next_step="ask the learner, then fill in the row in the learners table",
    source="moodle",
)


def lines(count: int) -> Iterator[Line]:
    """So many learners."""
    for number in range(count):
        yield replace(LINE, learner=f"Åse Østergaard {number}", board_id=f"{number:06d}")


def pages(path: Path) -> list[str]:
    """The text of each page."""
    return [page.extract_text() for page in PdfReader(path).pages]


def said(path: Path) -> str:
    """All the text in one line, as a reader's eye joins it."""
    return " ".join(" ".join(pages(path)).split())


def test_the_workbook_holds_everything_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pack.xlsx"
    assert write_excel(ACTIVITY, [LINE, NEVER], [WAITING], path) == (2, 1)
    book = load_workbook(path)
    assert [[cell.value for cell in row] for row in book["Activity"].iter_rows()] == [
        ["Activity", "Heart Failure Update"],
        ["ACCME activity ID", "202600001"],
        ["Provider", "Example Academy of Medicine (0009999)"],
        ["Period", "2026-01-01 to 2026-12-31"],
        ["Completions", "all"],
        ["Prepared", "2026-11-22 10:00 (America/New_York)"],
    ]
    head, *rows = [[cell.value for cell in row] for row in book["Reported to PARS"].iter_rows()]
    assert dict(zip(head, rows[0], strict=True)) == {
        "Learner": "Åse Østergaard", "Board": "ABIM", "Board ID": "012345",
        "Credit type": "Medical Knowledge", "Points": 1.5, "Completed on": at(2026, 11, 20),
        "Reported at": at(2026, 11, 20, 22, 30), "Reported by way of": "web service",
        "Corrected by": "coordinator", "Corrected at": at(2026, 11, 22, 9),
        "Board's answer": "rejected: the name does not match the board's roster",
        "Answered at": at(2026, 11, 22, 8), "Consent": "yes", "Consent on": at(2026, 1, 5),
        "Consent how": "registration form", "Consent for boards": "ABIM",
    }  # fmt: skip
    assert rows[1] == ["Ben Søndergaard", "ABIM", "000123", "Patient Safety", 10,
                       at(2026, 5, 14), *[None] * 10]  # fmt: skip
    assert book["Reported to PARS"].freeze_panes == "A2"
    head, *rows = [[cell.value for cell in row] for row in book["Not reported"].iter_rows()]
    assert [dict(zip(head, row, strict=True)) for row in rows] == [{
        "Learner": "Chidi Abara", "Board": "ABIM", "Board ID": "000777",
        "Credit type": "Medical Knowledge", "Completed on": at(2026, 6, 1),
        "Standing": "Waiting for learner", "Since": at(2026, 6, 1, 23, 30),
        "Why": "no consent to share with the board is on file", "Who acts": "learner",
        "Next step": "ask the learner, then fill in the row in the learners table",
        "Heard from": "moodle",
    }]  # fmt: skip


def at(*parts: int) -> datetime:
    """As Excel gives a date or an instant: without a zone."""
    return datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001


@pytest.mark.parametrize("name", [*HOSTILE, "A\x00da", "A" * 50_000])
def test_no_learner_breaks_the_workbook_or_becomes_a_formula(name: str, tmp_path: Path) -> None:
    path = tmp_path / "pack.xlsx"
    write_excel(ACTIVITY, [replace(LINE, learner=name)], [], path)
    cell = load_workbook(path)["Reported to PARS"]["A2"]
    assert (cell.data_type, cell.number_format) == ("s", "@")
    shown = str(read_tables(path)[1][1].cells[0])
    assert shown == (name.replace("\x00", "\ufffd") if len(name) < 4_000 else "A" * 3_999 + "…")


@settings(max_examples=30)
@given(
    learner=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cn"]), min_size=1),
    quarters=st.integers(1, 4_000),
    completed_on=st.dates(date(1990, 1, 1), date(2099, 12, 31)),
    minutes=st.integers(0, 10_000_000),
)  # fmt: skip
def test_the_workbook_is_read_back(
    learner: str, quarters: int, completed_on: date, minutes: int
) -> None:
    instant = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    points = Decimal(quarters) / 4
    line = replace(LINE, learner=learner, points=points, completed_on=completed_on,
                   reported_at=instant)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pack.xlsx"
        write_excel(ACTIVITY, [line], [], path)
        cells = read_tables(path)[1][1].cells
    assert (cells[0], Decimal(str(cells[4]))) == (learner, points)
    assert cells[5] == at(*completed_on.timetuple()[:3])
    local = instant.astimezone(ACTIVITY.zone).replace(tzinfo=None)
    assert isinstance(cells[6], datetime)
    assert abs(cells[6] - local) < timedelta(seconds=1)


def test_the_paper_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "pack.pdf"
    assert write_pdf(ACTIVITY, [LINE, NEVER], [WAITING], path) == (2, 1)
    text = said(path)
    for wanted in (
        "Heart Failure Update", "202600001", "Example Academy of Medicine (0009999)",
        "2026-01-01 to 2026-12-31", "2026-11-22 10:00 (America/New_York)", "Åse Østergaard",
        "Ben Søndergaard", "012345", "000123", "Medical Knowledge", "1.5", "2026-11-20 22:30",
        "web service", "coordinator", "2026-11-22 09:00", "2026-11-22 08:00",
        "rejected: the name does not match the board's roster", "2026-01-05",
        "registration form", "yes 2026-01-05", "Reported to PARS", "Not reported", "Chidi Abara",
        "Waiting for learner", "2026-06-01 23:30", "no consent to share with the board is on file",
        "learner: ask the learner, then fill in the row", "Page 1 of 1",
    ):  # fmt: skip
        assert wanted in text, wanted


def test_each_page_is_a4_landscape_with_its_head_and_number(tmp_path: Path) -> None:
    path = tmp_path / "pack.pdf"
    write_pdf(ACTIVITY, lines(100), [], path)
    texts = pages(path)
    assert len(texts) > 3
    for number, (text, page) in enumerate(zip(texts, PdfReader(path).pages, strict=True), 1):
        assert "Board ID Credit type Points" in text
        assert f"Page {number} of {len(texts)}" in text
        assert [round(float(side)) for side in page.mediabox[2:]] == [842, 595]
    found = re.findall(r"Åse Østergaard (\d+) ABIM (\d{6})", " ".join(" ".join(texts).split()))
    assert found == [(str(number), f"{number:06d}") for number in range(100)]


NAMES = st.text(
    st.characters(codec="utf-8", max_codepoint=0x17F, exclude_categories=["C", "Z"]),
    min_size=1, max_size=24,
)  # fmt: skip


@settings(max_examples=25)
@given(st.lists(NAMES, min_size=1, max_size=20))
def test_names_in_latin_letters_are_read_back_from_paper(names: list[str]) -> None:
    people = [replace(NEVER, learner=f"({name})") for name in names]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pack.pdf"
        write_pdf(ACTIVITY, people, [], path)
        text = "".join("".join(pages(path)).split())
    for person in people:
        assert "".join(person.learner.split()) in text


@pytest.mark.parametrize("name", [*HOSTILE, "", " ", "李 小龙", "שלום", "A\x00\x07da", "W" * 50_000,
                                  "\n" * 500, "a b " * 4_000, "\ud800", "e\u0301"])  # fmt: skip
def test_no_learner_breaks_the_page(name: str, tmp_path: Path) -> None:
    path = tmp_path / "pack.pdf"
    write_pdf(ACTIVITY, [replace(LINE, learner=name), NEVER], [], path)
    texts = pages(path)
    assert len(texts) == 1
    assert "Ben Søndergaard" in texts[0]
    assert "Page 1 of 1" in texts[0]


def test_a_character_that_cannot_be_printed_is_a_box_and_explained(tmp_path: Path) -> None:
    write_pdf(ACTIVITY, [replace(LINE, learner="Li 李 ({total})")], [], tmp_path / "with.pdf")
    assert "Li □ ({total})" in said(tmp_path / "with.pdf")
    assert "□ stands for a character" in said(tmp_path / "with.pdf")
    write_pdf(ACTIVITY, [LINE], [], tmp_path / "without.pdf")
    assert "□" not in said(tmp_path / "without.pdf")


def test_an_activity_that_nobody_took_has_a_pack_too(tmp_path: Path) -> None:
    open_ = replace(ACTIVITY, starts=None, ends=None, since=date(2026, 6, 1))
    assert write_pdf(open_, [], [], tmp_path / "pack.pdf") == (0, 0)
    assert said(tmp_path / "pack.pdf").count("none") == 2
    assert "Period not limited Completions from 2026-06-01" in said(tmp_path / "pack.pdf")


def test_more_than_anybody_prints_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "MOST_ROWS", 3)
    with pytest.raises(PaperFull, match="more than 3 rows"):
        write_pdf(ACTIVITY, lines(4), [], tmp_path / "pack.pdf")
    assert listed(tmp_path) == []


@pytest.mark.parametrize("write", [write_excel, write_pdf])
def test_a_pack_is_private_from_its_first_byte_and_replaces_nothing(
    write: Any, tmp_path: Path
) -> None:
    def watched() -> Iterator[Line]:
        for line in lines(5):
            assert all(name.startswith(".") for name in listed(tmp_path))
            assert modes(tmp_path) <= {0o600}
            yield line

    previous = os.umask(0)
    try:
        write(ACTIVITY, watched(), [WAITING], tmp_path / "pack")
    finally:
        os.umask(previous)
    assert modes(tmp_path) == {0o600}
    before = (tmp_path / "pack").read_bytes()
    with pytest.raises(FileExistsError):
        write(ACTIVITY, lines(1), [], tmp_path / "pack")
    assert (tmp_path / "pack").read_bytes() == before
    assert listed(tmp_path) == ["pack"]


def test_no_log_line_and_no_property_names_a_learner(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "pack.pdf"
    write_pdf(ACTIVITY, [replace(LINE, learner="Secretly 李 Østergaard")], [], path)
    assert not [one for one in caplog.records if "Secretly" in one.getMessage()]
    assert not [one for one in caplog.records if "李" in one.getMessage()]
    assert "Secretly" not in str(PdfReader(path).metadata) + repr(LINE)
    assert "Østergaard" not in repr(LINE)
    assert "Abara" not in repr(WAITING)


def test_nothing_is_drawn_off_the_page(tmp_path: Path) -> None:
    path = tmp_path / "pack.pdf"
    long = replace(WAITING, learner="W" * 3_000, why="why " * 500, next_step="step" * 500)
    write_pdf(ACTIVITY, [replace(LINE, learner="M" * 3_000)] * 9, [long, WAITING], path)
    places: list[tuple[float, float]] = []

    def seen(text: str, _cm: Any, tm: list[float], *_: Any) -> None:
        if text.strip():
            places.append((tm[4], tm[5]))

    for page in PdfReader(path).pages:
        page.extract_text(visitor_text=seen)
    assert len(places) > 100
    assert all(20 < x < 842 - 20 and 20 < y < 595 - 20 for x, y in places)
