"""What counts of several steps, and the day and points they give, whatever order they came in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from consumer.fate import Held, Judgement, NotReportable, Ready, Refused
from consumer.journey import House, judge, judge_again
from consumer.mapping.said import Kind, Said
from consumer.steps import DateRule, counting
from consumer.tables.activities import Activity
from tests.unit.samples import NOW, activity, house, learner, said

DAY = timedelta(days=1)
BEGUN = datetime(2026, 11, 10, 18, 0, tzinfo=UTC)
ALL = (Kind.COMPLETION, Kind.EVALUATION, Kind.CLAIM)


def step(kind: Kind, days: float = 0, points: str | None = None) -> Said:
    """One step of the learner's course, so many days after the first."""
    claimed = None if points is None else Decimal(points)
    return said(kind=kind, completed=BEGUN + days * DAY, points=claimed)


DONE = step(Kind.COMPLETION)
EVALUATED = step(Kind.EVALUATION, 1)
CLAIMED = step(Kind.CLAIM, 2, "0.75")


def asking(*requires: Kind, **changed: object) -> Activity:
    """A course that requires these; what is claimed counts."""
    return activity(**{"requires": requires or ALL, "points_basis": "claimed"} | changed)


def judged(base: Said, *heard: Said, row: Activity | None = None, **changed: object) -> Judgement:
    """What all that was heard comes to."""
    return judge(base, house(activities=[row or asking(**changed)]), NOW, heard)


def codes(judgement: Judgement) -> list[str]:
    """What is waited for."""
    assert isinstance(judgement, Held)
    return [reason.code for reason in judgement.reasons]


def day_and_points(judgement: Judgement) -> tuple[date, Decimal]:
    """Of the one record that is ready."""
    assert isinstance(judgement, Ready)
    (record,) = judgement.records
    return record.completed_on, record.points


def test_what_is_missing_is_awaited_in_the_order_of_the_course() -> None:
    assert codes(judged(DONE)) == ["evaluation_awaited", "claim_awaited"]
    assert codes(judged(DONE, CLAIMED)) == ["evaluation_awaited"]
    assert codes(judged(EVALUATED, EVALUATED)) == ["completion_awaited", "claim_awaited"]
    assert isinstance(judged(DONE, CLAIMED, EVALUATED), Ready)


def test_what_is_awaited_names_its_board_and_deadlines() -> None:
    held = judged(DONE)
    assert isinstance(held, Held)
    assert {reason.detail for reason in held.reasons} == {"ABIM"}
    assert (held.report_by, held.closes_on) == (date(2026, 12, 10), date(2027, 3, 31))


def test_where_a_later_step_dates_the_credit_the_row_ends_the_waiting() -> None:
    year = {"starts": date(2026, 1, 1), "ends": date(2026, 12, 31)}
    held = judged(DONE, date_rule=DateRule.CLAIM, **year)
    assert isinstance(held, Held)
    assert held.closes_on == date(2026, 12, 31)
    held = judged(DONE, **year)
    assert isinstance(held, Held)
    assert held.closes_on == date(2027, 3, 31)


def test_steps_are_awaited_beside_what_a_table_lacks() -> None:
    for people, first in [((), "learner_not_found"), ([learner(board_id="")], "no_board_id")]:
        held = judge(DONE, house(people, [asking(Kind.COMPLETION, Kind.CLAIM)]), NOW)
        assert codes(held) == [first, "claim_awaited"]
    no_consent = house([learner(consent="")], [asking(Kind.COMPLETION, Kind.CLAIM)])
    assert codes(judge(DONE, no_consent, NOW)) == ["claim_awaited", "no_consent"]


@pytest.mark.parametrize(
    ("rule", "days"),
    [(DateRule.COMPLETION, 0), (DateRule.LAST_STEP, 2), (DateRule.CLAIM, 2)],
)
def test_the_rule_dates_the_credit(rule: DateRule, days: int) -> None:
    fate = judged(DONE, CLAIMED, EVALUATED, date_rule=rule)
    assert day_and_points(fate) == ((BEGUN + days * DAY).date(), Decimal("0.75"))


def test_the_last_step_may_be_the_completion() -> None:
    late = step(Kind.COMPLETION, 5)
    fate = judged(late, CLAIMED, EVALUATED, date_rule=DateRule.LAST_STEP)
    assert day_and_points(fate)[0] == (BEGUN + 5 * DAY).date()


def test_law_the_newest_claim_counts_from_the_first_day_of_its_points() -> None:
    claims = [step(Kind.CLAIM, days, points) for days, points in
              [(1, "1"), (2, "0.5"), (3, "1"), (4, "1.0")]]  # fmt: skip
    for order in permutations(claims):
        assert counting(DONE, order)[Kind.CLAIM].completed == BEGUN + 3 * DAY


def test_law_the_first_evaluation_counts() -> None:
    again = [step(Kind.EVALUATION, days) for days in (1, 2, 3)]
    for order in permutations(again):
        assert counting(DONE, order)[Kind.EVALUATION].completed == BEGUN + DAY


def test_of_two_claims_of_one_moment_the_one_made_later_counts() -> None:
    first, second = step(Kind.CLAIM, 1, "1"), step(Kind.CLAIM, 1, "0.5")
    made = [replace(first, occurred_at=BEGUN + 2 * DAY), replace(second, occurred_at=BEGUN + DAY)]
    assert counting(DONE, made)[Kind.CLAIM].points == 1
    assert counting(DONE, [first, second])[Kind.CLAIM].points == Decimal("0.5")


def test_points_of_the_completion_count_where_no_claim_is_required() -> None:
    row = asking(Kind.COMPLETION, Kind.EVALUATION)
    fate = judged(replace(DONE, points=Decimal("1.25")), EVALUATED, CLAIMED, row=row)
    assert day_and_points(fate)[1] == Decimal("1.25")
    unsaid = step(Kind.CLAIM, 2)
    fate = judged(replace(DONE, points=Decimal("1.25")), EVALUATED, unsaid)
    assert day_and_points(fate)[1] == Decimal("1.25")


def test_claimed_points_are_judged_once_everything_is_there() -> None:
    much = step(Kind.CLAIM, 2, "99")
    assert codes(judged(DONE, much)) == ["evaluation_awaited"]
    fate = judged(DONE, much, EVALUATED)
    assert isinstance(fate, Refused)
    assert [reason.code for reason in fate.reasons] == ["points_above_maximum"]


def test_what_nobody_requires_says_nothing() -> None:
    alone = judged(EVALUATED, EVALUATED, row=asking(Kind.COMPLETION, Kind.CLAIM))
    assert isinstance(alone, NotReportable)
    assert alone.reason.code == "step_not_required"
    assert isinstance(judged(DONE, row=asking(Kind.CLAIM)), NotReportable)
    fate = judged(CLAIMED, CLAIMED, row=asking(Kind.CLAIM, date_rule=DateRule.LAST_STEP))
    assert day_and_points(fate) == ((BEGUN + 2 * DAY).date(), Decimal("0.75"))


def test_a_credit_goes_to_the_period_of_the_day_that_its_rule_gives() -> None:
    old = asking(date_rule=DateRule.CLAIM, ends=date(2026, 11, 10))
    new = replace(old, pars_activity_id="202700001", starts=date(2026, 11, 11), ends=date.max)
    fate = judge(DONE, house(activities=[old, new]), NOW, [EVALUATED, CLAIMED])
    assert isinstance(fate, Ready)
    assert fate.records[0].pars_activity_id == "202700001"


def test_a_completion_outside_every_period_may_still_wait_for_the_step_that_dates_it() -> None:
    row = asking(date_rule=DateRule.CLAIM, starts=date(2026, 11, 11))
    assert codes(judged(DONE, row=row)) == ["evaluation_awaited", "claim_awaited"]
    assert isinstance(judged(DONE, CLAIMED, EVALUATED, row=row), Ready)
    late = replace(row, starts=date(2026, 12, 1))
    fate = judged(DONE, CLAIMED, EVALUATED, row=late)
    assert isinstance(fate, Refused)
    assert fate.reasons[0].code == "date_outside_activity"


def test_what_was_heard_before_is_judged_again_without_a_fault_that_stops_a_batch() -> None:
    class Broken(House):
        """Tables that nobody foresaw."""

        @property
        def tables(self) -> object:  # type: ignore[override]
            raise RuntimeError("of a learner")

    fate = judge_again(DONE, Broken.__new__(Broken), NOW, [CLAIMED])
    assert isinstance(fate, Refused)
    assert [(one.code, one.detail) for one in fate.reasons] == [("internal", "RuntimeError")]
