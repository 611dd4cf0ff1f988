"""Lists of completions: what is read of a row, what is refused, and the event it becomes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.bus.port import Message
from consumer.event import decode
from consumer.lms.listed import (
    CompletionList,
    Listed,
    ListForm,
    event_of,
    list_counter,
    read_list,
)
from consumer.lms.listmoment import ListMoments
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.loader import load_catalogue
from consumer.mapping.said import Said
from consumer.resources import shipped
from consumer.tables.arrival import open_bytes
from consumer.tables.cell import Arrived, Cell, Line
from consumer.tables.csvfile import TableProblems

SITE = "cme.lakeside.example"
NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(shipped("mappings"), shipped("schemas"))


def read(text: str, form: ListForm | None = None) -> CompletionList:
    form = form or ListForm()
    return read_list(open_bytes("done.csv", text.encode(), "", list_counter(form)), form)


def typed(*cells: Cell, form: ListForm | None = None) -> Listed:
    """One row as a database gives it."""
    lines = [Line(1, ("site", "learner", "course", "completed")), Line(2, (SITE, *cells))]
    (row,) = read_list(Arrived("sql", iter(lines), typed=True), form or ListForm()).rows
    return row


def problems(text: str, form: ListForm | None = None) -> list[str]:
    with pytest.raises(TableProblems) as refused:
        read(text, form)
    return [str(one) for one in refused.value.problems]


def said(catalogue: Catalogue, listed: Listed) -> Said:
    out = event_of(listed, "campus", "lms.events")
    envelope = decode(Message(out.topic, 0, 0, out.key, out.value, out.headers), 10_000)
    found = catalogue.recognise(envelope).read(envelope)
    assert isinstance(found, Said)
    return found


# ---------------------------------------------------------------- what is read


def test_an_lmss_report_is_read_by_its_own_headings() -> None:
    text = "Full name;User ID;Course ID;Time completed\nP. V.;3307;84;2026-03-09T12:00:00Z\n"
    (row,) = read(text, ListForm(set={"site": SITE})).rows
    assert row == Listed(SITE, "3307", "84", NOON, line=2)


def test_headings_that_nobody_knows_are_said_in_the_settings() -> None:
    form = ListForm({"Wer": "learner", "Was": "course", "Wann": "completed"}, {"site": SITE})
    (row,) = read("Wer,Was,Wann\n3307,84,2026-03-09\n", form).rows
    assert (row.learner, row.course, row.completed) == ("3307", "84", date(2026, 3, 9))


def test_who_has_not_completed_it_is_counted_and_no_completion() -> None:
    text = f"site,learner,course,completed\n{SITE},1,84,\n{SITE},2,84,0\n{SITE},3,84,1773057600\n"
    found = read(text)
    assert [row.learner for row in found.rows] == ["3"]
    assert found.not_completed == 2


@pytest.mark.parametrize(
    ("written", "form", "means"),
    [
        ("2026-03-09T12:00:00Z", ListMoments(), NOON),
        ("2026-03-09 08:00:00", ListMoments(NEW_YORK), NOON),
        ("1773057600", ListMoments(), NOON),
        ("1773057600000", ListMoments(), NOON),
        ("2026-03-09", ListMoments(NEW_YORK), date(2026, 3, 9)),
        ("3/9/2026", ListMoments(form="M/D/YYYY"), date(2026, 3, 9)),
        ("03/09/2026 08:00 AM", ListMoments(NEW_YORK, "%m/%d/%Y %I:%M %p"), NOON),
    ],
)
def test_times_as_lmss_export_them(written: str, form: ListMoments, means: datetime | date) -> None:
    text = f"learner,course,completed\n3307,84,{written}\n"
    (row,) = read(text, ListForm(set={"site": SITE}, moments=form)).rows
    assert row.completed == means


def test_a_databases_own_types_are_read() -> None:
    assert typed(3307, 84, NOON) == Listed(SITE, "3307", "84", NOON, line=2)
    assert typed(3307.0, "84", 1773057600).completed == NOON
    assert typed("3307", "84", datetime(2026, 3, 9)).completed == date(2026, 3, 9)  # noqa: DTZ001
    local = datetime(2026, 3, 9, 8)  # noqa: DTZ001
    assert (
        typed("3307", "84", local, form=ListForm(moments=ListMoments(NEW_YORK))).completed == NOON
    )


def test_a_databases_time_without_zone_needs_the_lists() -> None:
    with pytest.raises(TableProblems) as refused:
        typed("3307", "84", datetime(2026, 3, 9, 8))  # noqa: DTZ001
    (told,) = refused.value.problems
    assert told.message.startswith("a time without its zone")


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("3307,84,yesterday", "done.csv:3: completed: no time of completion that is known"),
        ("3307,84,03/09/2026", "done.csv:3: completed: no time of completion that is known"),
        ("3307,84,2026-03-09 08:00:00", "done.csv:3: completed: a time without its zone"),
        ("3307,84,0001-01-01T00:00:00Z", "done.csv:3: completed: no time of completion"),
        (",84,2026-03-09", "done.csv:3: learner: is blank"),
        ("3307,,2026-03-09", "done.csv:3: course: is blank"),
        ("3.307E+03,84,2026-03-09", "done.csv:3: learner: a number that a spreadsheet"),
        ("3307.0,84,2026-03-09", "done.csv:3: learner: a number that a spreadsheet"),
        (f"{'x' * 256},84,2026-03-09", "done.csv:3: learner: longer than 255"),
    ],
)
def test_one_wrong_row_and_nothing_is_taken(row: str, says: str) -> None:
    head = "learner,course,completed\n3308,84,2026-03-09\n"
    (told,) = problems(f"{head}{row}\n", ListForm(set={"site": SITE}))
    assert told.startswith(says)
    value = next(one for one in row.split(",") if one)
    assert f" {value}" not in told


def test_every_wrong_row_is_told_up_to_twenty() -> None:
    rows = "".join(f"{n},84,never\n" for n in range(30))
    assert len(problems(f"learner,course,completed\n{rows}", ListForm(set={"site": SITE}))) == 20


def test_a_column_that_is_missing_is_named() -> None:
    (told,) = problems("learner,course,completed\n3307,84,2026-03-09\n")
    assert told.startswith("done.csv:1: site: no column for it")


def test_a_value_that_is_set_wrongly_is_told_as_such() -> None:
    (told,) = problems(
        "learner,course,completed\n1,84,\n", ListForm(set={"site": SITE, "points": "many"})
    )
    assert told.startswith("done.csv:0: points: the value that is set for every row")


def test_a_form_that_keeps_no_whole_day_is_refused_at_once() -> None:
    for form in ("MM/YYYY", "%m/%d %H:%M"):
        with pytest.raises(ValueError, match=r"year|YYYY"):
            ListMoments(form=form)


# ---------------------------------------------------------------- the event

ids = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=50)
times = st.datetimes(datetime(1991, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
days = st.dates(date(1991, 1, 1), date(2100, 1, 1))


@given(ids, ids, ids, st.one_of(times, days), st.one_of(st.just(""), ids))
def test_the_event_says_what_the_row_says(
    said_of: Callable[[Listed], Said],
    site: str,
    learner: str,
    course: str,
    completed: datetime | date,
    occurrence: str,
) -> None:
    row = Listed(site, learner, course, completed, occurrence)
    heard = said_of(row)
    assert (heard.site, heard.learner, heard.course) == (site, learner, course)
    assert (heard.completed, heard.occurrence) == (completed, occurrence)


@pytest.fixture(scope="module")
def said_of(catalogue: Catalogue) -> Callable[[Listed], Said]:
    return lambda listed: said(catalogue, listed)


def test_nothing_personal_is_in_key_and_headers() -> None:
    out = event_of(Listed(SITE, "3307", "84", NOON), "campus", "lms.events", ("moc-x", b"1"))
    assert out.key == b"campus"
    assert dict(out.headers) == {
        "content-type": b"application/json",
        "moc-list": b"campus",
        "moc-x": b"1",
    }


def test_a_time_is_not_moved_by_the_zone_of_the_list() -> None:
    row = typed(
        "3307", "84", NOON + timedelta(hours=13), form=ListForm(moments=ListMoments(NEW_YORK))
    )
    assert row.completed == NOON + timedelta(hours=13)


def test_a_workbook_is_told_by_its_cell(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["learner", "course", "completed"])
    sheet.append([3307, 84, "soon"])
    book.save(tmp_path / "done.xlsx")
    form = ListForm(set={"site": SITE})
    data = (tmp_path / "done.xlsx").read_bytes()
    with pytest.raises(TableProblems) as refused:
        read_list(open_bytes("done.xlsx", data, "", list_counter(form)), form)
    assert str(refused.value.problems[0]).startswith("done.xlsx:2: completed (C2): no time")
