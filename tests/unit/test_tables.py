"""The office's tables: what a spreadsheet may look like, and every problem with its line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from consumer.tables import TableProblem, TableProblems, Tables, load_tables, tables_version
from consumer.tables.boards import shipped_boards
from tests.unit.samples import NEW_YORK

LEARNERS = "learner,given_name,family_name,birth_date,board_id,consent"
ADA = "905,Ada,Abara,02/29/1972,012345,yes"
ACTIVITIES = "course,pars_activity_id,title,credit_types,max_points,zone"
HEART = "37,202600001,Heart Failure Update,Medical Knowledge,1.5,America/New_York"


def csv(*lines: str) -> str:
    return "\n".join(lines) + "\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two right tables, to bend."""
    write(tmp_path, learners=csv(LEARNERS, ADA), activities=csv(ACTIVITIES, HEART))
    return tmp_path


def write(folder: Path, **tables: str | bytes) -> None:
    for name, text in tables.items():
        raw = text if isinstance(text, bytes) else text.encode()
        (folder / f"{name}.csv").write_bytes(raw)


def load(folder: Path, profiles: Iterable[str] = ("main",)) -> Tables:
    return load_tables(folder, [*profiles])


def problems(folder: Path, profiles: Iterable[str] = ("main",)) -> list[tuple[str, int, str]]:
    with pytest.raises(TableProblems) as found:
        load(folder, profiles)
    return [(one.file, one.line, one.column) for one in found.value.problems]


def problem(folder: Path, profiles: Iterable[str] = ("main",)) -> TableProblem:
    with pytest.raises(TableProblems) as found:
        load(folder, profiles)
    (only,) = found.value.problems
    return only


# ---------------------------------------------------------------- steps


@pytest.mark.parametrize(
    ("requires", "date_rule", "means"),
    [
        ("", "", (("completion",), "completion")),
        ("completion", "last_step", (("completion",), "last_step")),
        ("claim", "", (("completion", "claim"), "completion")),
        (" Claim ;Evaluation; ", "CLAIM", (("completion", "evaluation", "claim"), "claim")),
        ("no completion; claim", "", (("claim",), "last_step")),
        ("evaluation;no completion", "last_step", (("evaluation",), "last_step")),
    ],
)
def test_a_row_names_the_steps_it_requires(
    folder: Path, requires: str, date_rule: str, means: object
) -> None:
    row = f"{HEART},{requires},{date_rule}"
    write(folder, activities=csv(f"{ACTIVITIES},requires,date_rule", row))
    (activity,) = load(folder).activities.find("", "37")
    assert (activity.requires, activity.date_rule) == means


@pytest.mark.parametrize(
    ("requires", "date_rule", "wrong"),
    [
        ("attendance", "", ["requires"]),
        ("evaluation, claim", "", ["requires"]),
        ("no completion", "", ["requires"]),
        ("completion; claim; no completion", "", ["requires"]),
        ("", "claim", ["date_rule"]),
        ("claim; no completion", "completion", ["date_rule"]),
        ("claim", "first_step", ["date_rule"]),
        ("retraction", "never", ["date_rule", "requires"]),
    ],
)
def test_wrong_steps_are_told_by_row_and_column(
    folder: Path, requires: str, date_rule: str, wrong: list[str]
) -> None:
    row = f'{HEART},"{requires}",{date_rule}'
    write(folder, activities=csv(f"{ACTIVITIES},requires,date_rule", HEART + ",,", row))
    found = [one for one in problems(folder) if one[2] != "starts"]
    assert found == [("activities.csv", 3, column) for column in wrong]


# ---------------------------------------------------------------- what a file may look like


@pytest.mark.parametrize(
    "raw",
    [
        csv(LEARNERS, ADA).encode(),
        b"\xef\xbb\xbf" + csv(LEARNERS, ADA).encode(),
        csv(LEARNERS, ADA).replace("\n", "\r\n").encode(),
        csv(LEARNERS, ADA).replace("\n", "\r").encode(),
        csv(LEARNERS, ADA).replace(",", ";").encode(),
        csv(LEARNERS, ADA).replace(",", "\t").encode(),
        csv(LEARNERS, "", ",,,,,", ADA, " , ").encode(),
        csv(LEARNERS, ADA).rstrip("\n").encode(),
        csv(LEARNERS.title().replace("_", " "), ADA).encode(),
        csv(LEARNERS, ADA.replace(",", " , ")).encode(),
        csv(LEARNERS, '"905","Ada","Abara","02/29/1972","012345","yes"').encode(),
        csv(LEARNERS + ",email", ADA).encode(),
    ],
    ids=[
        "plain",
        "byte_order_mark",
        "crlf",
        "cr",
        "semicolons",
        "tabs",
        "blank_rows",
        "no_last_newline",
        "headings_as_people_type_them",
        "blanks_around_cells",
        "quotes",
        "short_rows",
    ],
)
def test_a_spreadsheet_is_read_however_it_was_saved(folder: Path, raw: bytes) -> None:
    write(folder, learners=raw)
    (ada,) = load(folder).learners.find("learn.example.org", "905")
    assert (ada.given_name, ada.board_id, ada.board, ada.npi) == ("Ada", "012345", "ABIM", "")
    assert ada.consents_to("ABIM")


def test_a_cell_may_hold_separators_and_lines(folder: Path) -> None:
    rows = csv(ACTIVITIES, HEART.replace("Heart Failure Update", '"Hearts, ""new""\nand old"'))
    write(folder, activities=rows)
    (course,) = load(folder).activities.find("", "37")
    assert course.title == 'Hearts, "new"\nand old'


@pytest.mark.parametrize(
    ("name", "raw", "line", "says"),
    [
        ("learners", csv(LEARNERS, ADA, "906,Zoë").encode("latin-1"), 3, "UTF-8"),
        ("learners", csv(LEARNERS, ADA).encode("utf-16"), 1, "UTF-8"),
        ("learners", csv(LEARNERS, ADA, ADA + ",x").encode(), 3, "7 cells under 6 headings"),
        ("activities", csv(ACTIVITIES, '"37"x' + HEART[2:]).encode(), 2, "not a CSV file"),
    ],
    ids=["latin-1", "utf-16", "too_many_cells", "broken_quotes"],
)
def test_a_file_that_cannot_be_read_says_where_and_quotes_nothing(
    folder: Path, name: str, raw: bytes, line: int, says: str
) -> None:
    write(folder, **{name: raw})
    found = problem(folder)
    assert (found.file, found.line) == (f"{name}.csv", line)
    assert says in found.message
    assert not any(value in str(found) for value in ("Ada", "Zo", "905", "Heart"))


def test_a_file_that_is_not_there_is_a_problem(folder: Path) -> None:
    (folder / "learners.csv").unlink()
    assert problems(folder) == [("learners.csv", 0, "")]


@pytest.mark.parametrize(
    ("head", "column", "says"),
    [
        (LEARNERS.replace(",consent", ""), "consent", "missing"),
        (LEARNERS + ",shoe_size", "column 7", "unknown"),
        (LEARNERS + ",", "column 7", "unknown"),
        (LEARNERS + ",learner", "learner", "twice"),
        (LEARNERS + ",Given Name", "given_name", "twice"),
    ],
)
def test_headings_are_checked(folder: Path, head: str, column: str, says: str) -> None:
    write(folder, learners=csv(head))
    found = problem(folder)
    assert (found.line, found.column) == (1, column)
    assert says in found.message


def test_an_empty_file_lacks_every_column_it_needs(folder: Path) -> None:
    write(folder, activities="")
    assert {column for _, _, column in problems(folder)} == set(ACTIVITIES.split(","))


# ---------------------------------------------------------------- learners


def test_a_learner_twice_for_one_board_is_a_problem_and_two_learners_are_not(
    folder: Path,
) -> None:
    write(folder, learners=csv(LEARNERS, ADA, ADA.replace("905", "906"), ADA))
    assert problems(folder) == [("learners.csv", 4, "learner")]


def test_one_learner_id_at_two_sites_is_two_people(folder: Path) -> None:
    head, rows = "site," + LEARNERS, ["a.example," + ADA, "b.example," + ADA.replace("Ada", "Bo")]
    write(folder, learners=csv(head, *rows))
    learners = load(folder).learners
    assert [one.given_name for one in learners.find("a.example", "905")] == ["Ada"]
    assert [one.given_name for one in learners.find("b.example", "905")] == ["Bo"]
    assert learners.find("c.example", "905") == ()


def test_blank_ids_and_unknown_boards_are_problems(folder: Path) -> None:
    head = LEARNERS + ",board"
    write(folder, learners=csv(head, ADA.removeprefix("905"), ADA + ",ABXX"))
    assert problems(folder) == [("learners.csv", 2, "learner"), ("learners.csv", 3, "board")]


@pytest.mark.parametrize("boards", ["ABIM", "abim abp", "ABP;ABIM", "'ABIM, ABP'", ""])
def test_consent_may_name_its_boards_however_they_are_listed(folder: Path, boards: str) -> None:
    row = f"{ADA},{boards}".replace("'", '"')
    write(folder, learners=csv(LEARNERS + ",consent_boards", row))
    (ada,) = load(folder).learners.find("", "905")
    assert ada.consents_to("ABIM")


def test_a_learners_values_are_the_rules_business(folder: Path) -> None:
    write(folder, learners=csv(LEARNERS, "905,,,31/31,x,perhaps"))
    (ada,) = load(folder).learners.find("", "905")
    assert (ada.given_name, ada.birth_date, ada.board_id) == ("", "31/31", "x")
    assert not ada.consents_to("ABIM")


# ---------------------------------------------------------------- activities


def test_an_activity_takes_its_defaults(folder: Path) -> None:
    (course,) = load(folder).activities.find("learn.example.org", "37")
    assert (course.activity, course.profile, course.board) == ("37", "main", "ABIM")
    assert (course.points_basis, course.repeats, course.ours) == ("registered", "none", True)
    assert (course.starts, course.ends) == (date.min, date.max)
    assert (course.max_points, course.zone) == (Decimal("1.5"), NEW_YORK)


def test_a_course_without_an_activitys_name_is_its_sites_own(folder: Path) -> None:
    write(folder, activities=csv("site," + ACTIVITIES, "a.example," + HEART, "b.example," + HEART))
    activities = load(folder).activities
    (one,), (other,) = (activities.find(site, "37") for site in ("a.example", "b.example"))
    assert one.activity != other.activity


FULL = (
    ACTIVITIES + ",profile,board,points_basis,starts,ends,repeats,site,activity"
    ",occurrence,total_points"
)
CELLS = dict(zip(FULL.split(","), [*HEART.split(","), "main", "ABIM", *[""] * 8], strict=True))


def row(**cells: str) -> str:
    return ",".join(f'"{cell}"' for cell in (CELLS | cells).values())


def test_every_column_of_an_activity_is_read(folder: Path) -> None:
    cells = row(
        activity="HF-UPDATE",
        credit_types="Medical Knowledge; Patient Safety",
        points_basis="Claimed",
        starts="2026-01-01",
        ends="2026-12-31",
        repeats="Yes",
        profile="Second",
        board="abim",
        max_points="10.00",
    )
    write(folder, activities=csv(FULL, cells))
    (course,) = load(folder, ["main", "second"]).activities.find("", "37")
    assert (course.activity, course.profile, course.board) == ("HF-UPDATE", "second", "ABIM")
    assert course.credit_types == ("Medical Knowledge", "Patient Safety")
    assert (course.points_basis, course.repeats) == ("claimed", "session")
    assert (course.starts, course.ends) == (date(2026, 1, 1), date(2026, 12, 31))


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"course": ""}, "course"),
        ({"title": ""}, "title"),
        ({"pars_activity_id": ""}, "pars_activity_id"),
        ({"pars_activity_id": "20260000"}, "pars_activity_id"),
        ({"pars_activity_id": "2026000010"}, "pars_activity_id"),
        ({"pars_activity_id": "20260000x"}, "pars_activity_id"),
        ({"board": "ABXX"}, "board"),
        ({"credit_types": ""}, "credit_types"),
        ({"credit_types": "Medical knowledge"}, "credit_types"),
        ({"credit_types": "Medical Knowledge, Patient Safety"}, "credit_types"),
        ({"credit_types": "Medical Knowledge;Medical Knowledge"}, "credit_types"),
        ({"max_points": ""}, "max_points"),
        ({"max_points": "1,5"}, "max_points"),
        ({"max_points": "0"}, "max_points"),
        ({"max_points": "-1"}, "max_points"),
        ({"max_points": "1.3"}, "max_points"),
        ({"max_points": "NaN"}, "max_points"),
        ({"max_points": "Infinity"}, "max_points"),
        ({"max_points": "1e40"}, "max_points"),
        ({"points_basis": "guessed"}, "points_basis"),
        ({"zone": ""}, "zone"),
        ({"zone": "Eastern"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"zone": "America"}, "zone"),
        ({"starts": "01/31/2026"}, "starts"),
        ({"starts": "2026-02-30"}, "starts"),
        ({"ends": "soon"}, "ends"),
        ({"starts": "2026-12-31", "ends": "2026-01-01"}, "ends"),
        ({"repeats": "sometimes"}, "repeats"),
        ({"repeats": "claim"}, "points_basis"),
        ({"total_points": "10"}, "total_points"),
        ({"repeats": "session", "total_points": "1.3"}, "total_points"),
        ({"board": "ABP"}, "credit_types"),
        ({"board": "ABOS", "credit_types": "x" * 121}, "credit_types"),
    ],
    ids=str,
)
def test_a_wrong_activity_is_told_with_its_line_and_column(
    folder: Path, cells: dict[str, str], column: str
) -> None:
    right = row(course="38", activity="right")
    write(folder, activities=csv(FULL, right, "", row(**cells)))
    assert problems(folder) == [("activities.csv", 4, column)]


@pytest.mark.parametrize(
    ("cells", "repeats", "at_most"),
    [
        ({}, "none", None),
        ({"repeats": "no"}, "none", None),
        ({"repeats": "None"}, "none", None),
        ({"repeats": "session"}, "session", None),
        ({"repeats": "session", "total_points": "20"}, "session", Decimal(20)),
        ({"repeats": "claim", "points_basis": "claimed"}, "claim", Decimal("1.5")),
        ({"repeats": "date"}, "date", None),
    ],
)
def test_what_repeats_and_up_to_what(
    folder: Path, cells: dict[str, str], repeats: str, at_most: Decimal | None
) -> None:
    write(folder, activities=csv(FULL, row(**cells)))
    (course,) = load(folder).activities.find("", "37")
    assert (course.repeats, course.at_most) == (repeats, at_most)


def test_a_board_that_gives_one_credit_or_the_whole_forbids_what_repeats(folder: Path) -> None:
    once = {"ABIM": replace(shipped_boards()["ABIM"], repeats=False)}
    whole = {"ABIM": replace(shipped_boards()["ABIM"], partial=False)}
    claims = row(repeats="claim", points_basis="claimed")
    for boards, cells in [(once, row(repeats="session")), (once, claims), (whole, claims)]:
        write(folder, activities=csv(FULL, cells))
        with pytest.raises(TableProblems) as found:
            load_tables(folder, ["main"], boards)
        assert [one.column for one in found.value.problems] == ["repeats"]


def test_rows_of_one_city_stand_beside_each_other_and_before_the_row_of_any(folder: Path) -> None:
    cities = [row(occurrence=city, title=city or "anywhere") for city in ("boston", "denver", "")]
    write(folder, activities=csv(FULL, *cities))
    activities = load(folder).activities
    for asked, title in [("boston", "boston"), ("denver", "denver"), ("salem", "anywhere")]:
        assert [one.title for one in activities.find("", "37", asked)] == [title]
    write(folder, activities=csv(FULL, *cities, cities[0]))
    assert problems(folder) == [("activities.csv", 5, "starts")]


def test_a_licence_is_read_with_its_state(folder: Path) -> None:
    write(folder, learners=csv(LEARNERS + ",licence_state,licence", ADA + ",Maine,MD12345"))
    (ada,) = load(folder).learners.find("", "905")
    assert (ada.licence_state, ada.licence) == ("Maine", "MD12345")


def test_a_row_with_many_faults_tells_them_all(folder: Path) -> None:
    bad = row(title="", pars_activity_id="1", max_points="x", zone="x", starts="x", repeats="x")
    write(folder, activities=csv(FULL, bad))
    columns = {column for _, _, column in problems(folder)}
    assert columns == {"title", "pars_activity_id", "max_points", "zone", "starts", "repeats"}


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        (("", ""), ("", ""), True),
        (("2026-01-01", "2026-12-31"), ("2026-12-31", "2027-12-31"), True),
        (("2026-01-01", "2026-12-31"), ("2026-03-01", "2026-04-01"), True),
        (("2026-01-01", "2026-12-31"), ("", "2026-01-01"), True),
        (("2026-01-01", "2026-12-31"), ("2027-01-01", "2027-12-31"), False),
        (("2026-01-01", "2026-12-31"), ("", "2025-12-31"), False),
    ],
)
def test_two_periods_of_a_course_may_touch_and_not_overlap(
    folder: Path, first: tuple[str, str], second: tuple[str, str], overlap: bool
) -> None:
    rows = [row(starts=starts, ends=ends) for starts, ends in (first, second)]
    write(folder, activities=csv(FULL, *rows))
    if overlap:
        assert problems(folder) == [("activities.csv", 3, "starts")]
    else:
        assert len(load(folder).activities.find("", "37")) == 2


def test_an_unknown_profile_is_a_problem_and_not_ours_is_none(folder: Path) -> None:
    write(folder, activities=csv(FULL, row(profile="elsewhere"), row(course="9")))
    assert problem(folder).column == "profile"
    foreign = row(profile="Not Ours", pars_activity_id="")
    write(folder, activities=csv(FULL, foreign))
    (course,) = load(folder, []).activities.find("", "37")
    assert not course.ours


def test_a_problem_names_no_value(folder: Path) -> None:
    marked = {name: "Zebra987" for name in CELLS if name not in {"profile"}}
    write(folder, activities=csv(FULL, row(**marked)), learners=csv(LEARNERS, "Zebra987,,,,,x,x"))
    with pytest.raises(TableProblems) as found:
        load(folder)
    assert len(found.value.problems) > 5
    assert not any("Zebra987" in str(one) for one in found.value.problems)


# ---------------------------------------------------------------- both together


def test_the_problems_of_both_files_are_told_at_once_in_their_order(folder: Path) -> None:
    write(
        folder,
        learners=csv(LEARNERS, "," + ADA[4:], ADA, ADA),
        activities=csv(FULL, row(title=""), row(course="38", zone="x", repeats="x")),
    )
    assert problems(folder) == [
        ("activities.csv", 2, "title"),
        ("activities.csv", 3, "repeats"),
        ("activities.csv", 3, "zone"),
        ("learners.csv", 2, "learner"),
        ("learners.csv", 4, "learner"),
    ]


def test_the_row_of_a_site_comes_before_the_row_for_every_site(folder: Path) -> None:
    people = ["a.example," + ADA, "," + ADA.replace("Ada", "Bo")]
    write(
        folder,
        learners=csv("site," + LEARNERS, *people),
        activities=csv(FULL, row(title="Everywhere"), row(site="a.example", title="At A")),
    )
    tables = load(folder)
    for site, title, name in [("a.example", "At A", "Ada"), ("b.example", "Everywhere", "Bo")]:
        assert [one.title for one in tables.activities.find(site, "37")] == [title]
        assert [one.given_name for one in tables.learners.find(site, "905")] == [name]


@pytest.mark.parametrize("asked", ["7", "07", "7.0", " 007", "007\u200b"])
def test_ids_are_texts_and_compared_exactly(folder: Path, asked: str) -> None:
    write(
        folder,
        learners=csv(LEARNERS, ADA.replace("905", "007")),
        activities=csv(ACTIVITIES, HEART.replace("37,", "007,", 1)),
    )
    tables = load(folder)
    assert tables.learners.find("", "007")
    assert tables.activities.find("", "007")
    assert tables.learners.find("", asked) == ()
    assert tables.activities.find("", asked) == ()


def test_the_version_changes_with_any_byte_of_either_file(folder: Path) -> None:
    versions = [tables_version(folder)]
    write(folder, learners=csv(LEARNERS, ADA, ""))
    versions.append(tables_version(folder))
    write(folder, activities=csv(ACTIVITIES, HEART, ""))
    versions.append(load(folder).version)
    assert len({*versions}) == 3
    assert all(versions)
    (folder / "activities.csv").unlink()
    assert tables_version(folder) == ""
