"""What an office calls its columns: known names, what it says once, and what is asked for."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from consumer.desk.tablelines import column_lines
from consumer.tables.csvfile import TableProblems
from consumer.tables.heading import SYNONYMS, Said, plain
from consumer.tables.kind import KINDS
from tests.unit.tables.samples import ADA, HEAD, brought, csv_file, excel, previewed, table

OFFICE = ("User ID", "First Name", "Last Name", "D.O.B.", "ABIM #", "Consent")


def problems(folder: Path, *head: str, said: Said | None = None, **wish: object) -> list[str]:
    path = csv_file(folder, head, ADA)
    with pytest.raises(TableProblems) as raised:
        previewed(folder, path, said=said or Said(), **wish)
    return [f"{one.column}: {one.message}" for one in raised.value.problems]


def test_names_that_offices_use_are_known_and_shown(tmp_path: Path) -> None:
    preview = previewed(tmp_path, csv_file(tmp_path, OFFICE, ADA))
    (change,) = preview.comparison.changes()
    assert change.after["board_id"] == "012345"
    assert next(column_lines(preview)) == "column learner: User ID (known)"


@pytest.mark.parametrize("name", KINDS)
def test_no_name_is_known_for_two_columns(name: str) -> None:
    spelled = {(plain(one), column) for column in KINDS[name].columns
               for one in (column, *SYNONYMS[name][column].split(";"))}  # fmt: skip
    assert len(spelled) == len({one for one, _ in spelled})
    assert {*SYNONYMS[name]} == {*KINDS[name].columns}


def test_an_unknown_name_is_asked_for_with_what_to_type(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, *HEAD[:4], "Diplomate number", "consent")[:1]
    assert problem.startswith('column 5: unknown heading: say --column "Diplomate number"=COLUMN')


def test_what_was_said_once_is_remembered_for_this_table(tmp_path: Path) -> None:
    head = (*HEAD[:4], "Diplomate number", "consent", "Phone")
    path = csv_file(tmp_path, head, (*ADA, "1"))
    brought(tmp_path, path, said=Said({"Diplomate number": "board_id", "Phone": ""}))
    file = tmp_path / "learners.columns.yaml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "Diplomate number: board_id" in file.read_text()
    preview = previewed(tmp_path, path)
    assert preview.counts()["unchanged"] == 1
    assert "column board_id: Diplomate number (remembered)" in column_lines(preview)
    assert "not taken: Phone" in column_lines(preview)


def test_others_can_be_left_out_at_once(tmp_path: Path) -> None:
    path = csv_file(tmp_path, (*HEAD, "Phone", "Fax"), (*ADA, "1", "2"))
    brought(tmp_path, path, said=Said(ignore_others=True))
    assert previewed(tmp_path, path).headings.left_out == ("Phone", "Fax")


def test_a_whole_name_is_never_split(tmp_path: Path) -> None:
    (first, *_) = problems(tmp_path, "learner", "Name", *HEAD[3:])
    assert "a whole name is not split" in first


def test_two_headings_for_one_column_are_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, *HEAD, "ABIM ID")
    assert "board_id stands twice: board_id and ABIM ID" in problem


def test_a_missing_column_says_what_to_type(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, *HEAD[:5])
    assert problem.startswith("consent: column is missing")
    assert "--set consent=VALUE" in problem


def test_a_column_that_there_is_not_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, *HEAD, "x", said=Said({"x": "boardid"}))
    assert "boardid: no such column" in problem


def test_a_value_for_all_rows(tmp_path: Path) -> None:
    preview = previewed(
        tmp_path, csv_file(tmp_path, HEAD[:5], ADA[:5]), constants={"consent": "yes", "site": "lms"}
    )
    (change,) = preview.comparison.changes()
    assert (change.after["site"], change.after["consent"]) == ("lms", "yes")
    (both,) = problems(tmp_path, *HEAD, constants={"consent": "yes"})
    assert "in --set too" in both


def test_a_file_without_a_site_beside_a_table_with_sites_is_asked_about(tmp_path: Path) -> None:
    table(tmp_path, ("lms.example", *ADA), head=("site", *HEAD))
    (problem,) = problems(tmp_path, *HEAD)
    assert "--set site=lms.example" in problem
    path = csv_file(tmp_path, HEAD, ADA)
    assert previewed(tmp_path, path, constants={"site": "lms.example"}).counts()["unchanged"] == 1


def test_a_remembered_file_that_is_broken_is_said(tmp_path: Path) -> None:
    (tmp_path / "learners.columns.yaml").write_text("columns: [")
    with pytest.raises(TableProblems) as raised:
        previewed(tmp_path, excel(tmp_path, HEAD, ADA))
    assert "learners.columns.yaml" in str(raised.value.problems[0])
