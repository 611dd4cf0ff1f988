"""Boards as data: what ships, what an office's own file changes, and every fault of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.board import Board, Deadlines, Mark
from consumer.candidate import Candidate, YearPolicy, draft
from consumer.fate import Held, Ready, Refused
from consumer.journey import Provider, judge
from consumer.licence import STATES, Licence, state_code
from consumer.pars.document import UniqueID, unique_ids
from consumer.rules import board_id_rules, licence_rules, plain_board_id, points_rules
from consumer.tables.activities import Repeats
from consumer.tables.boards import load_boards, shipped_boards
from tests.unit.samples import ACTIVITY, LEARNER, NOW, PROVIDER, activity, house, learner, said

BOARDS = shipped_boards()
ABIM, ABP = BOARDS["ABIM"], BOARDS["ABP"]
EVERY_BOARD = st.sampled_from(list(BOARDS.values()))
COMPLETED = date(2026, 11, 20)


def codes(fate: object) -> list[str]:
    assert isinstance(fate, Held | Refused), fate
    return [reason.code for reason in fate.reasons]


def drafted(board: Board, points: Decimal | None = None, **person: str) -> Ready | Held | Refused:
    """Ada's credit of this board, of a course of 2 points."""
    types = (next(iter(board.certifications), "CME"),)
    basis = "registered" if points is None else "claimed"
    row = activity(board=board.name, credit_types=types, max_points=Decimal(2), points_basis=basis)
    told = Candidate(
        said(points=points), row, COMPLETED, learner(board=board.name, **person), board
    )
    return draft(told, PROVIDER, NOW)


# ---------------------------------------------------------------- what ships


def test_every_board_of_accmes_activity_schema_ships_and_abim_is_first() -> None:
    assert sorted(BOARDS) == "ABA ABIM ABOHNS ABOS ABP ABPATH ABS ABTS".split()
    assert next(iter(BOARDS)) == "ABIM"


def test_abims_rules_are_known_and_strict() -> None:
    assert [*ABIM.certifications] == ["Medical Knowledge", "Practice Assessment", "Patient Safety"]
    assert ABIM.certification("Medical knowledge") is None
    assert [*board_id_rules(ABIM, "12345")]


@given(
    EVERY_BOARD.filter(lambda one: one is not ABIM), st.from_regex("[!-~]{1,30}", fullmatch=True)
)
def test_law_an_id_of_unknown_form_is_let_through(board: Board, number: str) -> None:
    assert not [*board_id_rules(board, number)]


@pytest.mark.parametrize("number", ["", "x" * 31, "12\x0034", "Żółw", "12 34"])
def test_an_id_that_no_report_can_carry_is_refused_for_every_board(number: str) -> None:
    for board in BOARDS.values():
        assert [one.code for one in board_id_rules(board, number)] == ["board_id_form"]


@pytest.mark.parametrize("typed", ["ABPath 77-1", "abpath77-1", "ABPATH 77-1", " 77-1"])
def test_an_id_loses_its_boards_name_however_it_is_written(typed: str) -> None:
    assert plain_board_id(BOARDS["ABPATH"], typed) == "77-1"


def test_a_board_without_known_credit_types_takes_any() -> None:
    assert BOARDS["ABTS"].certification("Whatever ABTS says") == "Whatever ABTS says"
    assert ABP.certification("Whatever ABP says") is None


def test_people_read_a_boards_prose_spelling_and_pars_its_own() -> None:
    pathologist = learner(board="ABPATH", board_id="p1", consent="")
    course = activity(board="ABPATH", credit_types=("Lifelong Learning",))
    waiting = judge(said(), house([pathologist], [course]), NOW)
    assert isinstance(waiting, Held)
    assert [reason.detail for reason in waiting.reasons] == ["ABPath"]
    fate = judge(said(), house([replace(pathologist, consent="yes")], [course]), NOW)
    assert isinstance(fate, Ready)
    assert unique_ids(fate.records[0]) == (UniqueID("ABPATH", "p1"),)


# ---------------------------------------------------------------- points, for every board


@given(EVERY_BOARD, st.integers(1, 8))
def test_law_quarter_points_up_to_the_maximum_make_a_record(board: Board, quarters: int) -> None:
    fate = drafted(board, Decimal(quarters) / 4, board_id="123456")
    assert isinstance(fate, Ready)
    assert [one.points for one in fate.records] == [Decimal(quarters) / 4]


WRONG_POINTS = st.one_of(
    st.decimals(max_value=0, allow_nan=False),
    st.decimals(min_value=Decimal("2.000001"), allow_nan=False),
    st.decimals(0, 2, places=3).filter(lambda one: one % Decimal("0.25") != 0),
    st.sampled_from([Decimal(x) for x in ("NaN", "sNaN", "Infinity", "-Infinity", "-0")]),
)


@given(EVERY_BOARD, WRONG_POINTS)
def test_law_no_points_off_the_rules_make_a_record(board: Board, points: Decimal) -> None:
    fate = drafted(board, points, board_id="123456")
    (code,) = codes(fate)
    assert code in {"points_not_positive", "points_above_maximum", "points_off_grid"}


@given(st.integers(1, 400), st.integers(1, 8))
def test_law_a_coarser_grid_takes_its_multiples_alone(quarters: int, step: int) -> None:
    points, grid = Decimal(quarters) / 4, Decimal(step) / 4
    fits = not list(points_rules(points, Decimal(100), grid))
    assert fits == (quarters % step == 0)


def test_a_board_may_count_in_whole_points(tmp_path: Path) -> None:
    boards, _ = load_boards(own(tmp_path, '[ABP]\npoints_step = "1"\n'))
    assert codes(drafted(boards["ABP"], Decimal("1.5"))) == ["points_off_grid"]
    assert isinstance(drafted(boards["ABP"], Decimal(1)), Ready)


def test_a_board_that_gives_the_whole_or_nothing_refuses_a_part() -> None:
    whole = replace(ABP, partial=False)
    assert codes(drafted(whole, Decimal(1))) == ["points_partial"]
    assert isinstance(drafted(whole, Decimal(2)), Ready)


# ---------------------------------------------------------------- who the learner is


def test_a_board_that_wants_the_birth_year_waits_for_it_whatever_the_profile_says() -> None:
    strict = replace(ABIM, marks=frozenset(Mark))
    course = Candidate(said(), ACTIVITY, COMPLETED, learner(birth_date="02/29"), strict)
    assert codes(draft(course, replace(PROVIDER, without_birth_year=YearPolicy.OMIT), NOW)) == [
        "no_birth_year"
    ]


def test_a_board_that_wants_no_birth_date_gets_a_report_without() -> None:
    lax = replace(ABIM, marks=frozenset({Mark.NAMES}))
    fate = draft(Candidate(said(), ACTIVITY, COMPLETED, learner(birth_date=""), lax), PROVIDER, NOW)
    assert isinstance(fate, Ready)
    assert fate.records[0].birth_date is None


# ---------------------------------------------------------------- licences


@pytest.mark.parametrize("state", ["ME", "me", "Maine", " MAINE "])
def test_a_licence_goes_beside_board_id_and_npi(state: str) -> None:
    fate = drafted(ABIM, npi="1234567893", licence_state=state, licence="MD 12-345")
    assert isinstance(fate, Ready)
    assert unique_ids(fate.records[0]) == (
        UniqueID("ABIM", "012345"),
        UniqueID("NPI", "1234567893"),
        UniqueID("ME", "MD 12-345"),
    )


def test_a_board_may_be_told_its_own_id_alone() -> None:
    alone = replace(ABIM, certificates=frozenset())
    fate = drafted(alone, npi="1234567893", licence_state="ME", licence="MD12345")
    assert isinstance(fate, Ready)
    assert unique_ids(fate.records[0]) == (UniqueID("ABIM", "012345"),)


@pytest.mark.parametrize(
    ("state", "number", "found"),
    [
        ("", "12345", ["licence_state_unknown"]),
        ("Ontario", "12345", ["licence_state_unknown"]),
        ("ME", "", ["licence_form"]),
        ("ME", " 1", ["licence_form"]),
        ("ME", "1" * 31, ["licence_form"]),
        ("ME", "12\x0034", ["licence_form"]),
        ("XX", "", ["licence_state_unknown", "licence_form"]),
    ],
)
def test_a_licence_without_its_half_or_of_no_form_is_refused(
    state: str, number: str, found: list[str]
) -> None:
    assert [reason.code for reason in licence_rules(state, number)] == found
    assert codes(drafted(ABIM, licence_state=state, licence=number)) == found


def test_all_states_are_known_by_letters_and_by_name() -> None:
    assert len(STATES) == 56
    assert all(state_code(code) == state_code(name) == code for code, name in STATES.items())
    assert "12345" not in repr(Licence("ME", "12345"))


# ---------------------------------------------------------------- deadlines


@pytest.mark.parametrize(
    ("board", "completed", "deadline"),
    [
        ("ABIM", date(2026, 3, 1), date(2026, 3, 31)),
        ("ABIM", date(2026, 12, 5), date(2026, 12, 31)),
        ("ABP", date(2026, 11, 20), date(2026, 12, 1)),
        ("ABP", date(2026, 12, 1), date(2026, 12, 1)),
        # The year's day has gone: no later one than thirty days.
        ("ABP", date(2026, 12, 2), date(2027, 1, 1)),
    ],
)
def test_each_board_has_its_own_deadline(board: str, completed: date, deadline: date) -> None:
    assert BOARDS[board].deadlines.report_by(completed) == deadline


@pytest.mark.parametrize(
    ("completed", "closes"),
    [
        (date(2023, 5, 1), date(2024, 4, 1)),  # 31 March 2024 was a Sunday; ACCME moved it so
        (date(2025, 5, 1), date(2026, 3, 31)),  # a Tuesday
        (date(2027, 5, 1), date(2028, 3, 31)),  # a Friday
        (date(2028, 5, 1), date(2029, 4, 2)),  # 31 March 2029 is a Saturday
    ],
)
def test_the_years_close_moves_off_a_weekend(completed: date, closes: date) -> None:
    assert Deadlines().closes_on(completed) == closes


@given(EVERY_BOARD, st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_law_a_deadline_is_no_earlier_than_the_day_nor_later_than_thirty_days(
    board: Board, completed: date
) -> None:
    report_by = board.deadlines.report_by(completed)
    assert completed <= report_by <= completed + timedelta(30)
    assert report_by < board.deadlines.closes_on(completed)
    assert board.deadlines.closes_on(completed).weekday() < 5


# ---------------------------------------------------------------- an office's own file


def own(folder: Path, text: str) -> Path:
    path = folder / "boards.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_office_changes_one_thing_and_adds_a_board(tmp_path: Path) -> None:
    boards, problems = load_boards(
        own(
            tmp_path,
            """
            [ABP]
            partial = false
            deadlines = { days = 20 }
            [ABO]
            title = "American Board of Ophthalmology"
            credit_types = { "Lifelong Learning" = "Lifelong Learning" }
            """,
        )
    )
    assert problems == []
    assert boards["ABP"].deadlines == Deadlines(20, (12, 1))  # its own year's end stays
    assert (boards["ABP"].partial, boards["ABP"].title) == (False, ABP.title)
    assert boards["ABO"].certification("Lifelong Learning") == "Lifelong Learning"
    assert (boards["ABIM"], boards["ABO"].source) == (ABIM, "boards.toml")
    assert shipped_boards()["ABP"].partial


def test_everything_wrong_with_an_offices_file_is_told_at_once_by_entry(tmp_path: Path) -> None:
    boards, problems = load_boards(
        own(
            tmp_path,
            """
            ABIM = 7
            [ABP]
            id_pattern = "(["
            points_step = "0.3"
            colour = "blue"
            [ABP.deadlines]
            year_end = "02-29"
            days = 0
            [ABO]
            identity = ["birth_day"]
            [abx]
            title = "x"
            [ABS.spelling]
            json = "Abs"
            """,
        )
    )
    places = [
        "ABIM", "ABP.id_pattern", "ABP.points_step", "ABP.colour", "ABP.deadlines.year_end",
        "ABP.deadlines.days", "ABO.title", "ABO.identity", "abx", "ABS.spelling.json",
    ]  # fmt: skip
    assert sorted(problem.split(": ")[1] for problem in problems) == sorted(places)
    assert all(problem.startswith("boards.toml: ") for problem in problems)
    # Boards as they ship stay, and a new one is there, so that no table is blamed for it.
    assert {name: boards[name] for name in BOARDS} == {**BOARDS}
    assert "ABO" in boards


@pytest.mark.parametrize("text", ["[ABP", "ABP", None])
def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path, text: str | None) -> None:
    path = own(tmp_path, text) if text else tmp_path / "absent.toml"
    boards, (problem,) = load_boards(path)
    assert (boards, problem.startswith(path.name)) == (BOARDS, True)


# ---------------------------------------------------------------- several boards at once

BOTH = (ACTIVITY, activity(board="ABP", credit_types=("Lifelong Learning and Self-Assessment",)))


def test_a_learner_with_two_boards_has_a_record_of_each() -> None:
    fate = judge(said(), house([LEARNER, learner(board="ABP", board_id="p1")], BOTH), NOW)
    assert isinstance(fate, Ready)
    assert [(one.board, one.board_id, one.certification) for one in fate.records] == [
        ("ABIM", "012345", "Medical Knowledge"),
        ("ABP", "p1", "Lifelong Learning and Self-Assessment"),
    ]
    assert (fate.waiting, fate.unfinished) == ((), False)
    assert [one.report_by for one in fate.records] == [date(2026, 12, 20), date(2026, 12, 1)]


@pytest.mark.parametrize(
    ("second", "code"),
    [
        ({"board_id": "p1", "consent": ""}, "no_consent"),
        ({"board_id": "p1", "birth_date": ""}, "no_birth_date"),
        ({"board_id": ""}, "no_board_id"),
    ],
)
def test_one_board_is_ready_while_another_waits(second: dict[str, str], code: str) -> None:
    fate = judge(said(), house([LEARNER, learner(board="ABP", **second)], BOTH), NOW)
    assert isinstance(fate, Ready)
    assert [one.board for one in fate.records] == ["ABIM"]
    assert [(one.code, one.detail) for one in fate.waiting] == [(code, "ABP")]
    assert fate.unfinished


def test_a_learner_of_one_board_waits_for_nothing_and_may_yet_join_the_other() -> None:
    fate = judge(said(), house([LEARNER], BOTH), NOW)
    assert isinstance(fate, Ready)
    assert (fate.waiting, fate.unfinished) == ((), True)


def test_json_may_spell_a_board_otherwise_than_its_name() -> None:
    spelled = replace(ABP, spelling={"json": "ABPEDS"})
    course = Candidate(said(), BOTH[1], COMPLETED, learner(board="ABP", board_id="p1"), spelled)
    for transport, domain in [("json", "ABPEDS"), ("xml", "ABP")]:
        fate = draft(course, Provider("0009999", "Example", transport=transport), NOW)
        assert isinstance(fate, Ready)
        assert unique_ids(fate.records[0])[0] == UniqueID(domain, "p1")
        assert fate.records[0].board == "ABP"


# ---------------------------------------------------------------- occurrences


def occurrence(repeats: Repeats, text: str) -> str:
    """What the credit's occurrence is, or the code of the rule that is broken."""
    fate = judge(said(occurrence=text), house(activities=[activity(repeats=repeats)]), NOW)
    return fate.records[0].occurrence if isinstance(fate, Ready) else codes(fate)[0]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("2026-05-01", "2026-05-01"),
        ("2026-05-01T22:00:00-04:00", "2026-05-01"),
        ("2026-05-02T03:30:00Z", "2026-05-01"),  # half past eleven in New York
        ("2026-05-02T03:30:00", "2026-05-02"),  # no zone: as it is written
        ("1777000000", "occurrence_no_date"),
        ("session 4", "occurrence_no_date"),
        ("", "occurrence_missing"),
    ],
)
def test_a_days_occurrence_comes_from_what_the_event_says_it_is(text: str, made: str) -> None:
    assert occurrence(Repeats.DATE, text) == made


def test_a_day_is_never_taken_from_the_time_that_a_reemission_changes() -> None:
    assert occurrence(Repeats.DATE, "") == "occurrence_missing"


@pytest.mark.parametrize("repeats", [Repeats.SESSION, Repeats.CLAIM])
def test_a_session_or_claim_is_what_the_event_calls_it(repeats: Repeats) -> None:
    assert occurrence(repeats, "s-1") == "s-1"
    assert occurrence(repeats, "") == "occurrence_missing"


def test_a_city_with_a_row_of_its_own_has_its_own_pars_activity() -> None:
    cities = house(
        activities=[
            activity(occurrence="boston", pars_activity_id="202600011"),
            activity(occurrence="denver", pars_activity_id="202600012"),
        ]
    )
    for city, number in [("boston", "202600011"), ("denver", "202600012")]:
        fate = judge(said(occurrence=city), cities, NOW)
        assert isinstance(fate, Ready)
        (made,) = fate.records
        # One course, whatever the city: repeats is none.
        assert (made.pars_activity_id, made.occurrence, made.activity) == (number, "", "HF-UPDATE")
    assert codes(judge(said(occurrence="salem"), cities, NOW)) == ["activity_not_found"]
