"""What PARS and the boards require: every rule, all at once, and never a value."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.candidate import Candidate, YearPolicy, draft
from consumer.fate import Held, Ready, Refused
from consumer.participant import BirthDate
from consumer.rules import (
    board_id_rules,
    completion_date,
    completion_rules,
    name_rules,
    npi_rules,
    parse_birth_date,
    plain_board_id,
    points_rules,
)
from consumer.tables.activities import Repeats
from consumer.tables.boards import shipped_boards
from tests.unit.samples import NEW_YORK, NOW, PROVIDER, activity, learner, said

BOARDS = shipped_boards()
ABIM = BOARDS["ABIM"]
TODAY = date(2026, 11, 22)


def candidate(
    claimed: dict[str, Any] | None = None,
    completed_on: date = date(2026, 11, 20),
    repeats: Repeats = Repeats.NONE,
    basis: str = "registered",
    **person: Any,
) -> Candidate:
    course = activity(points_basis=basis, repeats=repeats)
    return Candidate(said(**(claimed or {})), course, completed_on, learner(**person), ABIM)


def codes(fate: Ready | Held | Refused) -> list[tuple[str, str]]:
    assert not isinstance(fate, Ready)
    return [(reason.field, reason.code) for reason in fate.reasons]


# ---------------------------------------------------------------- NPI


def test_the_npi_of_the_dossier_passes_and_one_digit_more_is_caught() -> None:
    assert not list(npi_rules("1234567893"))
    assert [reason.code for reason in npi_rules("1234567890")] == ["npi_check_digit"]


@given(st.from_regex(r"[12][0-9]{8}", fullmatch=True))
def test_law_exactly_one_check_digit_fits(nine: str) -> None:
    assert sum(not list(npi_rules(f"{nine}{digit}")) for digit in range(10)) == 1


@given(st.from_regex(r"[12][0-9]{8}", fullmatch=True), st.integers(0, 9), st.integers(1, 9))
def test_law_one_mistyped_digit_is_always_caught(nine: str, place: int, step: int) -> None:
    right = next(f"{nine}{d}" for d in range(10) if not list(npi_rules(f"{nine}{d}")))
    digit = (int(right[place]) + step) % 10
    assert list(npi_rules(right[:place] + str(digit) + right[place + 1 :]))


@pytest.mark.parametrize(
    "npi",
    ["", "123456789", "12345678930", "3234567893", "0234567893", "12345 67893", "١٢٣٤٥٦٧٨٩٣"],
)
def test_an_npi_of_another_form_is_refused_as_such(npi: str) -> None:
    assert [reason.code for reason in npi_rules(npi)] == ["npi_form"]


# ---------------------------------------------------------------- board IDs


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        ("012345", "012345"),
        ("ABIM 012345", "012345"),
        ("ABIM012345", "012345"),
        ("abim 012345", "012345"),
        (" 012 345\t", "012345"),
        ("000000", "000000"),
    ],
)
def test_a_board_id_loses_blanks_and_its_boards_name_and_keeps_its_zeros(
    typed: str, plain: str
) -> None:
    assert plain_board_id(ABIM, typed) == plain
    assert not list(board_id_rules(ABIM, plain))


@pytest.mark.parametrize(
    "typed", ["", "12345", "0123456", "01234A", "ABP 012345", "01234.5", "-12345", "٠١٢٣٤٥"]
)
def test_a_board_id_of_another_form_is_refused(typed: str) -> None:
    (reason,) = board_id_rules(ABIM, plain_board_id(ABIM, typed))
    assert (reason.code, reason.field) == ("board_id_form", "board_id")


# ---------------------------------------------------------------- birth dates


@pytest.mark.parametrize(
    ("text", "date_"),
    [
        ("02/29", BirthDate(2, 29)),
        ("2/9", BirthDate(2, 9)),
        ("02-09", BirthDate(2, 9)),
        ("02/29/1972", BirthDate(2, 29, 1972)),
        ("2/9/1972", BirthDate(2, 9, 1972)),
        ("1972-02-29", BirthDate(2, 29, 1972)),
        ("1972-2-9", BirthDate(2, 9, 1972)),
        (" 1972-02-29 ", BirthDate(2, 29, 1972)),
    ],
)
def test_a_birth_date_is_read_in_every_form_of_the_office(text: str, date_: BirthDate) -> None:
    assert parse_birth_date(text) == date_


@pytest.mark.parametrize(
    "text",
    [
        "",
        "02/29/1971",  # no leap year
        "1900-02-29",  # nor is this one
        "02/30",
        "04/31/1980",
        "13/01/1980",  # day first
        "00/10",
        "10/00",
        "0000-01-01",
        "19720229",
        "02/29/72",
        "29 February",
        "1972-02-29T00:00",
        "02.29.1972",
        "٠٢/٠٩",
    ],
)
def test_what_is_no_date_is_no_birth_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|day|month|year"):
        parse_birth_date(text)


@given(st.dates())
def test_law_a_written_birth_date_reads_back(born: date) -> None:
    whole = BirthDate(born.month, born.day, born.year)
    without_year = BirthDate(born.month, born.day)
    assert parse_birth_date(str(whole)) == whole
    assert parse_birth_date(str(without_year)) == without_year


# ---------------------------------------------------------------- points


@given(st.integers(1, 400), st.integers(0, 400))
def test_law_quarter_points_up_to_the_maximum_pass(quarters: int, spare: int) -> None:
    points, maximum = Decimal(quarters) / 4, Decimal(quarters + spare) / 4
    assert not list(points_rules(points, maximum))


@given(st.decimals(min_value=0, max_value=100).filter(lambda points: (points * 4) % 1 != 0))
@example(Decimal("0.3"))
@example(Decimal("0.1"))
@example(Decimal("1.4999999999999999999999999999999999999999"))
@example(Decimal("0.2500000000000000000000000000000000000001"))
def test_law_points_off_the_grid_are_refused_and_never_rounded(points: Decimal) -> None:
    assert [reason.code for reason in points_rules(points, Decimal(100))] == ["points_off_grid"]


@pytest.mark.parametrize("points", ["0", "-0", "-1.5", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_points_that_are_no_positive_number_are_refused(points: str) -> None:
    found = [reason.code for reason in points_rules(Decimal(points), Decimal(10))]
    assert found == ["points_not_positive"]


@pytest.mark.parametrize("points", ["1.75", "1000", "1e300", "9e999999", "1.6"])
def test_points_above_the_maximum_are_refused_however_large(points: str) -> None:
    found = [reason.code for reason in points_rules(Decimal(points), Decimal("1.5"))]
    assert found == ["points_above_maximum"]


def test_equal_points_are_equal_however_written() -> None:
    assert not list(points_rules(Decimal("1.50"), Decimal("1.5")))
    assert not list(points_rules(Decimal("1E+1"), Decimal("10.00")))


# ---------------------------------------------------------------- dates


def test_a_completion_just_after_midnight_utc_is_still_last_year_in_new_york() -> None:
    completed = datetime(2027, 1, 1, 3, 38, tzinfo=UTC)
    assert completion_date(completed, NEW_YORK) == date(2026, 12, 31)
    assert completion_date(completed, ZoneInfo("Asia/Tokyo")) == date(2027, 1, 1)


def test_a_plain_date_is_not_moved_by_any_zone() -> None:
    assert completion_date(date(2026, 12, 31), ZoneInfo("Pacific/Auckland")) == date(2026, 12, 31)


def test_the_future_begins_at_the_activitys_own_midnight() -> None:
    late_evening = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)  # 22:00 of the 22nd in New York
    assert not list(completion_rules(TODAY, late_evening, NEW_YORK))
    (reason,) = completion_rules(TODAY + timedelta(days=1), late_evening, NEW_YORK)
    assert (reason.code, reason.field) == ("date_in_future", "completed")


@pytest.mark.parametrize(
    ("completed", "deadline"),
    [
        (date(2026, 3, 1), date(2026, 3, 31)),
        (date(2026, 12, 1), date(2026, 12, 31)),
        (date(2026, 12, 2), date(2026, 12, 31)),
        (date(2026, 12, 31), date(2026, 12, 31)),
        (date(2027, 1, 1), date(2027, 1, 31)),
    ],
)
def test_the_deadline_is_thirty_days_or_the_years_end(completed: date, deadline: date) -> None:
    assert ABIM.deadlines.report_by(completed) == deadline


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name", ["Ada", "O'Neill", "Grüner", "小林", "A & B <Abara>", '"Ada"', "x" * 100, "Ada\u2028"]
)
def test_a_name_may_hold_whatever_xml_can_carry(name: str) -> None:
    assert not list(name_rules("given_name", name))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "name_missing"),
        (" \u00a0", "name_missing"),
        ("Ada\x00", "unwritable_character"),
        ("A\x1bda", "unwritable_character"),
        ("A\tda", "unwritable_character"),
        ("Ada\x85Abara", "unwritable_character"),
        ("Ada\ufffe", "unwritable_character"),
        ("Ada\ud800", "unwritable_character"),
        ("x" * 101, "too_long"),
    ],
)
def test_a_name_that_cannot_be_sent_is_refused(name: str, code: str) -> None:
    (reason,) = name_rules("family_name", name)
    assert (reason.code, reason.field) == (code, "family_name")


# ---------------------------------------------------------------- all together


def test_all_broken_rules_are_told_at_once_by_their_fields() -> None:
    wrong = candidate(
        {"points": Decimal("1.6")},
        completed_on=TODAY + timedelta(days=2),
        repeats=Repeats.SESSION,
        basis="claimed",
        given_name="",
        family_name="Ab\x07ara",
        board_id="1",
        npi="1234567890",
        birth_date="31/31",
        consent="",
    )
    assert codes(draft(wrong, PROVIDER, NOW)) == [
        ("given_name", "name_missing"),
        ("family_name", "unwritable_character"),
        ("board_id", "board_id_form"),
        ("npi", "npi_check_digit"),
        ("birth_date", "birth_date_form"),
        ("points", "points_above_maximum"),
        ("completed", "date_in_future"),
        ("occurrence", "occurrence_missing"),
    ]


@pytest.mark.parametrize(
    "person",
    [
        {"given_name": "Zebra\x07Zebra"},
        {"family_name": "Zebra" * 30},
        {"board_id": "ABIM Zebra987654321"},
        {"npi": "1987654321"},
        {"npi": "Zebra987654321"},
        {"birth_date": "Zebra987654321"},
        {"birth_date": "98/76/5432"},
    ],
    ids=lambda person: "-".join(person),
)
def test_a_reason_never_holds_a_value(person: dict[str, str]) -> None:
    fate = draft(candidate(**person), PROVIDER, NOW)
    assert isinstance(fate, Refused)
    for reason in fate.reasons:
        assert not any(piece in str(reason) + repr(reason) for piece in ("Zebra", "87654", "98/7"))


def test_points_and_dates_of_the_learner_stay_out_of_reasons_too() -> None:
    wrong = candidate({"points": Decimal("87.65")}, date(2087, 6, 5), basis="claimed")
    fate = draft(wrong, PROVIDER, NOW)
    assert len(codes(fate)) == 2
    assert not any(piece in repr(fate) for piece in ("87.65", "2087"))


def test_broken_rules_come_before_what_is_missing() -> None:
    both = draft(candidate(board_id="1", consent=""), PROVIDER, NOW)
    assert codes(both) == [("board_id", "board_id_form")]


def test_everything_missing_is_told_at_once() -> None:
    waiting = draft(candidate(consent="", birth_date=""), PROVIDER, NOW)
    assert isinstance(waiting, Held)
    assert codes(waiting) == [("consent", "no_consent"), ("birth_date", "no_birth_date")]


# ---------------------------------------------------------------- the record


def only(fate: Ready | Held | Refused) -> Any:
    assert isinstance(fate, Ready)
    (record,) = fate.records
    return record


def test_a_record_is_the_learner_and_the_activity_as_the_rules_left_them() -> None:
    record = only(draft(candidate(given_name=" Ada ", board_id="ABIM 012345"), PROVIDER, NOW))
    assert (record.given_name, record.board_id, record.npi) == ("Ada", "012345", None)
    assert record.birth_date == BirthDate(2, 29, 1972)
    assert (record.points, record.completed_on) == (Decimal("1.5"), date(2026, 11, 20))
    assert (record.provider_id, record.certification) == ("0009999", "Medical Knowledge")


def test_an_activity_with_two_credit_types_makes_two_records() -> None:
    types = ("Medical Knowledge", "Patient Safety")
    course = activity(credit_types=types)
    fate = draft(Candidate(said(), course, TODAY, learner(), ABIM), PROVIDER, NOW)
    assert isinstance(fate, Ready)
    assert tuple(record.certification for record in fate.records) == types


def test_claimed_points_are_the_learners_and_registered_ones_the_activitys() -> None:
    claim = {"points": Decimal("0.75")}
    assert only(draft(candidate(claim, basis="claimed"), PROVIDER, NOW)).points == Decimal("0.75")
    assert only(draft(candidate(claim), PROVIDER, NOW)).points == Decimal("1.5")


def test_claimed_points_that_nobody_claimed_are_refused() -> None:
    fate = draft(candidate(basis="claimed"), PROVIDER, NOW)
    assert isinstance(fate, Refused)
    assert codes(fate) == [("points", "points_missing")]


@pytest.mark.parametrize(
    ("policy", "shown"),
    [(YearPolicy.OMIT, None), (YearPolicy.PLACEHOLDER, BirthDate(2, 29, 1904))],
)
def test_a_birth_date_without_its_year_is_sent_as_the_office_chose(
    policy: YearPolicy, shown: BirthDate | None
) -> None:
    reporter = type(PROVIDER)("0009999", "Example Academy of Medicine", policy)
    record = only(draft(candidate(birth_date="02/29"), reporter, NOW))
    assert record.birth_date == shown


def test_a_birth_date_without_its_year_waits_unless_the_office_chose() -> None:
    fate = draft(candidate(birth_date="02/29"), PROVIDER, NOW)
    assert isinstance(fate, Held)
    assert codes(fate) == [("birth_date", "no_birth_year")]


@pytest.mark.parametrize("consent", ["yes", "Yes", "Y", "TRUE", "1"])
def test_consent_is_given_in_an_offices_words(consent: str) -> None:
    assert isinstance(draft(candidate(consent=consent), PROVIDER, NOW), Ready)


@pytest.mark.parametrize("consent", ["", "no", "n", "0", "unknown", "yes?"])
def test_without_a_clear_yes_no_record_leaves(consent: str) -> None:
    fate = draft(candidate(consent=consent), PROVIDER, NOW)
    assert isinstance(fate, Held)
    assert codes(fate) == [("consent", "no_consent")]


@pytest.mark.parametrize(("boards", "goes"), [({"ABIM"}, True), ({"ABP"}, False)])
def test_consent_for_another_board_is_none_for_this_one(boards: set[str], goes: bool) -> None:
    fate = draft(candidate(consent_boards=frozenset(boards)), PROVIDER, NOW)
    assert isinstance(fate, Ready) is goes
