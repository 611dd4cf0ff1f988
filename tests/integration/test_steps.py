"""Courses that ask for more than their completion: several events, one credit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import permutations

import pytest

from consumer.bus.port import Outgoing
from consumer.credit import State
from consumer.desk.answering import Answering
from consumer.desk.auditlines import AuditLines
from consumer.desk.auditscope import find_scope
from consumer.desk.correcting import Correcting, Outcome, Wanted
from consumer.desk.credits import CreditFilter, list_credits, show_credit
from consumer.ledger.rereading import reread
from consumer.ledger.schema import steps
from consumer.reason import unpack_reasons
from tests.integration.academy import asking, events_of, settle_in, told, voided
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import DAY, NOON, OTIS, PRIYA, raw

BEGUN = NOON - 9 * DAY
COMPLETED = told("completion", PRIYA, BEGUN)
EVALUATED = told("evaluation", PRIYA, BEGUN + DAY)
CLAIMED = told("claim", PRIYA, BEGUN + 2 * DAY, points="1.25")
CLAIMED_LESS = told("claim", PRIYA, BEGUN + 2 * DAY, points="0.5")
TAKEN_BACK = told("retraction", PRIYA, BEGUN + 2 * DAY)


@pytest.fixture
def asked(office: Office) -> Office:
    """An office whose course asks for an evaluation and a claim."""
    return settle_in(office)


def waits_for(office: Office) -> list[str]:
    """What the one completion waits for."""
    (row,) = office.completions
    return [reason.code for reason in unpack_reasons(row.reasons)]


def record(office: Office) -> tuple[date, Decimal]:
    """Day and points of the one credit."""
    one = office.ledger.seal.open_record(office.credit.record)
    return one.completed_on, one.points


# ---------------------------------------------------------------- what is awaited


def test_a_completion_waits_for_the_steps_that_its_course_requires(asked: Office) -> None:
    assert asked.hear(COMPLETED) == {"held": 1}
    assert waits_for(asked) == ["evaluation_awaited", "claim_awaited"]
    assert asked.hear(EVALUATED) == {"held": 1}
    assert waits_for(asked) == ["claim_awaited"]
    assert asked.hear(CLAIMED) == {"ready": 1}
    assert waits_for(asked) == []
    assert record(asked) == (date(2026, 11, 11), Decimal("1.25"))


def test_what_is_waited_for_and_until_when_is_shown(asked: Office) -> None:
    asked.hear(COMPLETED)
    (row,) = list_credits(asked.ledger, CreditFilter(state="held"))
    assert row["standing"] == "Waiting for learner"
    assert (row["report_by"], row["closes_on"]) == ("2026-12-11", "2027-03-31")
    assert row["waits_for"] == "evaluation, claim until 2027-03-31"
    shown = show_credit(asked.ledger, str(row["id"]))
    assert shown["waits_for"] == "evaluation, claim until 2027-03-31"
    asked.hear(EVALUATED)
    (row,) = list_credits(asked.ledger, CreditFilter(learner=PRIYA.family_name))
    assert row["waits_for"] == "claim until 2027-03-31"


@pytest.mark.parametrize("batches", [1, 3])
@pytest.mark.parametrize("order", list(permutations([COMPLETED, EVALUATED, CLAIMED])))
def test_the_order_of_the_steps_makes_no_difference(
    asked: Office, order: tuple[Outgoing, ...], batches: int
) -> None:
    for first in range(0, 3, 3 // batches):
        asked.hear(*order[first : first + 3 // batches])
    assert (asked.states(), len(asked.completions), asked.letters) == (["ready"], 1, [])
    assert record(asked) == (date(2026, 11, 11), Decimal("1.25"))
    assert asked.hear(*order) == {"duplicate": 3}
    assert (asked.states(), len(asked.completions), asked.letters) == (["ready"], 1, [])


@pytest.mark.parametrize(
    ("rule", "day"),
    [("", 11), ("completion", 11), ("last_step", 13), ("claim", 13)],
)
def test_the_date_rule_says_which_step_dates_the_credit(
    office: Office, rule: str, day: int
) -> None:
    settle_in(office, asking(date_rule=rule))
    office.hear(CLAIMED, COMPLETED, EVALUATED)
    assert record(office)[0] == date(2026, 11, day)


def test_a_course_may_need_no_completion(office: Office) -> None:
    settle_in(office, asking("claim; no completion"))
    assert office.hear(CLAIMED) == {"ready": 1}
    assert record(office) == (date(2026, 11, 13), Decimal("1.25"))
    assert office.hear(COMPLETED, EVALUATED) == {"duplicate": 2}
    assert office.states() == ["ready"]


def test_a_completion_alone_gives_no_credit_where_none_is_needed(office: Office) -> None:
    settle_in(office, asking("claim; no completion"))
    assert office.hear(COMPLETED) == {"not_reportable": 1}
    assert waits_for(office) == ["step_not_required"]
    assert office.hear(CLAIMED) == {"ready": 1}


def test_a_step_that_nobody_requires_is_kept_and_counts_once_a_row_names_it(
    office: Office,
) -> None:
    settle_in(office, asking("", points_basis="registered"))
    assert office.hear(EVALUATED) == {"not_reportable": 1}
    settle_in(office, asking("evaluation; no completion", points_basis="registered"))
    assert office.states() == ["ready"]


def test_a_set_aside_step_is_none(asked: Office) -> None:
    failed = told("evaluation", PRIYA, BEGUN + DAY, failed=True)
    asked.hear(COMPLETED)
    assert asked.hear(failed) == {"not_reportable": 1}
    assert waits_for(asked) == ["evaluation_awaited", "claim_awaited"]


def test_an_unreadable_step_is_a_letter_and_counts_once_it_is_replayed(asked: Office) -> None:
    asked.hear(COMPLETED, EVALUATED)
    broken = told("claim", PRIYA, BEGUN + 2 * DAY, points="a lot")
    assert asked.hear(broken, raw(b"{")) == {"refused": 2}
    assert waits_for(asked) == ["claim_awaited"]
    a_lot = {"points": "{from: body.points, map: {a lot: '1.5'}, number: true}"}
    taught(asked, claim=a_lot)
    (letter,) = asked.open_letters(reason="number_not_understood")
    assert asked.replay(letter["letter_id"]) == "ready"
    assert record(asked)[1] == Decimal("1.5")


def test_points_above_the_maximum_are_a_letter_and_go_once_the_table_is_right(
    asked: Office,
) -> None:
    asked.hear(COMPLETED, EVALUATED)
    assert asked.hear(told("claim", PRIYA, BEGUN + 2 * DAY, points="3")) == {"refused": 1}
    assert (asked.letter["reason"], asked.states()) == ("points_above_maximum", [])
    asked.put_activities(asking(max_points="4"))
    asked.look()
    assert asked.replay() == "ready"
    assert (record(asked)[1], asked.open_letters()) == (Decimal(3), [])


def test_another_claim_puts_a_refused_one_right(asked: Office) -> None:
    asked.hear(COMPLETED, EVALUATED, told("claim", PRIYA, BEGUN + 2 * DAY, points="3"))
    assert asked.hear(told("claim", PRIYA, BEGUN + 3 * DAY, points="1")) == {"ready": 1}
    assert (record(asked)[1], asked.open_letters()) == (Decimal(1), [])


# ---------------------------------------------------------------- read again


def taught(office: Office, **rows: dict[str, str]) -> None:
    """The office's mappings are others now."""
    office.events = events_of(**rows)
    office.start()


def reread_all(office: Office) -> list[str]:
    """Every completion, as its bytes are read today."""
    house, now = office.service.premises.house, office.clock.now()
    with office.ledger.begin() as db:
        return [reread(db, office.ledger, house, row, now) for row in office.completions]


@pytest.mark.parametrize("sent", [False, True])
def test_steps_are_read_again_by_a_mended_mapping(asked: Office, sent: bool) -> None:
    wrong = told("claim", PRIYA, BEGUN + 2 * DAY, points="0.25", hours="1.5")
    asked.hear(wrong, COMPLETED, EVALUATED)
    assert record(asked)[1] == Decimal("0.25")
    taught(asked, claim={"points": "{from: body.hours, number: true}"})
    if not sent:
        assert reread_all(asked) == ["ready"]
        assert record(asked)[1] == Decimal("1.5")
        return
    asked.take_for_sent()
    desk = Correcting(asked.ledger, asked.service.premises.house, asked.clock)
    (finding,) = desk.correct(desk.select(Wanted(activity="ETHICS")))
    assert finding.outcome is Outcome.CORRECTED
    assert (record(asked)[1], asked.states()) == (Decimal("1.5"), ["withdrawing"])
    (step,) = [row for row in asked.rows(steps) if row.kind == "claim"]
    assert asked.ledger.seal.open_said(step.said).points == Decimal("1.5")


def test_a_step_that_is_about_another_course_today_goes_there(asked: Office) -> None:
    asked.hear(told("claim", PRIYA, BEGUN, points="1", really="OTHER"), COMPLETED, EVALUATED)
    assert asked.states() == ["ready"]
    elsewhere = {"course": "{first_of: [body.really, body.course]}"}
    taught(asked, claim=elsewhere)
    reread_all(asked)
    (first, other) = sorted(asked.completions, key=lambda row: row.course)
    assert (first.course, first.state) == ("EVAL", "held")
    assert (other.course, other.state) == ("OTHER", "held")
    assert "claim_awaited" in first.reasons
    assert asked.states() == ["withdrawn"]


def test_a_step_that_cannot_be_read_today_is_a_letter_and_not_lost(asked: Office) -> None:
    asked.hear(COMPLETED, EVALUATED, CLAIMED)
    taught(asked, claim={"points": "{from: body.hours, number: true}"})
    assert reread_all(asked) == ["refused"]
    assert asked.letter["reason"] == "value_missing"
    taught(asked)
    assert asked.replay() == "ready"
    assert record(asked)[1] == Decimal("1.25")


# ---------------------------------------------------------------- again, other, taken back


def test_the_newest_claim_counts_and_the_same_again_changes_nothing(asked: Office) -> None:
    more = told("claim", PRIYA, BEGUN + 3 * DAY, points="1.5")
    asked.hear(COMPLETED, EVALUATED, more)
    assert record(asked)[1] == Decimal("1.5")
    asked.hear(CLAIMED)
    assert record(asked)[1] == Decimal("1.5")
    assert asked.hear(more) == {"duplicate": 1}
    asked.hear(told("claim", PRIYA, BEGUN + 4 * DAY, points="0.5"))
    assert (record(asked)[1], asked.states()) == (Decimal("0.5"), ["ready"])


@pytest.mark.parametrize("rule", ["completion", "claim"])
@pytest.mark.parametrize("later", [0, 3])
def test_another_claim_after_sending_is_for_a_person_to_decide(
    reporting: Office, pars: SimulatedPars, rule: str, later: int
) -> None:
    office = settle_in(reporting, asking(date_rule=rule))
    office.hear(COMPLETED, EVALUATED, CLAIMED)
    office.drive_to("accepted")
    other = told("claim", PRIYA, BEGUN + (2 + later) * DAY, points="0.5")
    office.hear(other)
    assert office.letter["reason"] == "changed_after_sending"
    assert [one["points"] for one in pars.live] == ["1.25"]
    desk = Answering(office.ledger, office.service.premises.house, office.clock, "mora", "right")
    desk.agree(str(office.letter["letter_id"]))
    office.drive(lambda: office.states() == ["accepted"] and office.credit.revision == 2)
    assert ([one["points"] for one in pars.live], pars.totals["doubled"]) == (["0.5"], 0)
    assert office.open_letters() == []


def test_a_retracted_completion_takes_the_credit_back_and_its_steps_stay(asked: Office) -> None:
    asked.hear(COMPLETED, EVALUATED, CLAIMED)
    asked.hear(TAKEN_BACK)
    assert asked.states() == ["withdrawn"]
    asked.hear(told("evaluation", PRIYA, BEGUN + 3 * DAY))
    assert (asked.states(), asked.letters) == (["withdrawn"], [])
    asked.hear(told("completion", PRIYA, BEGUN + 3 * DAY))
    assert (asked.states(), record(asked)) == (["ready"], (date(2026, 11, 14), Decimal("1.25")))


def test_a_retraction_between_the_steps_leaves_no_credit(asked: Office) -> None:
    asked.hear(EVALUATED, TAKEN_BACK, CLAIMED, COMPLETED)
    assert asked.states() == []
    assert asked.letter["reason"] == "completed_after_withdrawal"


def test_a_claim_after_a_retraction_is_not_lost_where_no_completion_is_needed(
    office: Office,
) -> None:
    settle_in(office, asking("claim; no completion"))
    office.hear(CLAIMED, told("retraction", PRIYA, BEGUN + 3 * DAY))
    assert office.states() == ["withdrawn"]
    office.hear(told("claim", PRIYA, BEGUN + 4 * DAY, points="1"))
    assert (office.states(), office.letter["reason"]) == (
        ["withdrawn"],
        "completed_after_withdrawal",
    )
    assert office.replay() == "ready"
    assert record(office) == (date(2026, 11, 15), Decimal(1))


@pytest.mark.parametrize("late", [False, True])
def test_a_claim_that_is_taken_back_by_its_id_counts_no_more(asked: Office, late: bool) -> None:
    claimed = told("claim", PRIYA, BEGUN + 2 * DAY, points="1", id="claim-1")
    events = [voided("claim-1", BEGUN + 3 * DAY), claimed]
    asked.hear(COMPLETED, EVALUATED, *(events if late else reversed(events)))
    assert waits_for(asked) == ["claim_awaited"]
    assert set(asked.states()) <= {"withdrawn"}
    asked.hear(claimed)
    assert waits_for(asked) == ["claim_awaited"]
    asked.hear(told("claim", PRIYA, BEGUN + 4 * DAY, points="0.5", id="claim-2"))
    assert (asked.states(), record(asked)[1], asked.letters) == (["ready"], Decimal("0.5"), [])


def test_an_evaluation_taken_back_after_sending_is_for_a_person_to_decide(
    reporting: Office, pars: SimulatedPars
) -> None:
    office = settle_in(reporting)
    office.hear(COMPLETED, told("evaluation", PRIYA, BEGUN, id="evaluation-1"), CLAIMED)
    office.drive_to("accepted")
    assert office.hear(voided("evaluation-1", BEGUN + 3 * DAY)) == {"review": 1}
    assert (office.states(), len(pars.live)) == (["accepted"], 1)
    desk = Answering(office.ledger, office.service.premises.house, office.clock, "mora", "right")
    desk.agree(str(office.letter["letter_id"]))
    office.drive_to("withdrawn")
    assert (pars.live, office.open_letters()) == ([], [])


def test_a_claim_of_a_part_is_a_credit_of_its_own(office: Office) -> None:
    row = asking("claim; no completion", repeats="claim", date_rule="claim")
    settle_in(office, row)
    for part, points in [("a", "0.5"), ("b", "0.75"), ("c", "0.5")]:
        office.hear(told("claim", PRIYA, BEGUN, part=part, points=points))
    assert office.states() == ["ready", "ready"]
    assert office.letter["reason"] == "claims_above_maximum"
    office.hear(told("claim", PRIYA, BEGUN + DAY, part="c", points="0.25"))
    assert (office.states(), office.open_letters()) == (["ready"] * 3, [])


# ---------------------------------------------------------------- tables, mappings, restores


def test_a_step_required_since_is_waited_for_before_sending(asked: Office) -> None:
    settle_in(asked, asking("claim"))
    asked.hear(COMPLETED, CLAIMED)
    assert asked.states() == ["ready"]
    settle_in(asked)
    assert (asked.states(), waits_for(asked)) == (["withdrawn"], ["evaluation_awaited"])
    (row,) = list_credits(asked.ledger, CreditFilter(state="held"))
    assert row["standing"] == "Waiting for learner"
    assert row["waits_for"] == "evaluation until 2027-03-31"
    assert asked.hear(EVALUATED) == {"ready": 1}
    assert (asked.states(), asked.letters) == (["ready"], [])


def test_a_step_required_since_takes_nothing_back_from_pars(
    reporting: Office, pars: SimulatedPars
) -> None:
    office = settle_in(reporting, asking("claim"))
    office.hear(COMPLETED, CLAIMED)
    office.drive_to("accepted")
    settle_in(office)
    office.clock.advance(90_000)
    office.look()
    office.hear(told("claim", PRIYA, BEGUN + 4 * DAY, points="1.25"))
    assert (office.states(), office.open_letters()) == (["accepted"], [])
    assert len(pars.live) == 1
    office.hear(EVALUATED)
    assert (office.states(), office.open_letters()) == (["accepted"], [])


def test_a_step_no_longer_required_is_not_waited_for(asked: Office) -> None:
    asked.hear(COMPLETED, CLAIMED)
    settle_in(asked, asking("claim"))
    assert asked.states() == ["ready"]


def test_from_the_completion_to_the_books_of_pars(reporting: Office, pars: SimulatedPars) -> None:
    office = settle_in(reporting, asking(date_rule="last_step"))
    office.hear(COMPLETED)
    (row,) = list_credits(office.ledger, CreditFilter())
    assert row["standing"] == "Waiting for learner"
    assert row["waits_for"] == "evaluation, claim until 2027-03-31"
    office.pass_time(3600)
    assert pars.records == []
    office.hear(EVALUATED)
    office.hear(told("claim", PRIYA, BEGUN + 2 * DAY, points="1.25"), EVALUATED, COMPLETED)
    office.drive_to("accepted")
    (sent,) = pars.records
    assert (sent["points"], sent["completed_on"], sent["board_id"]) == (
        "1.25",
        "2026-11-13",
        PRIYA.board_id,
    )
    assert (pars.totals["doubled"], office.letters) == (0, [])


def test_the_audit_pack_says_what_is_awaited_and_until_when(asked: Office) -> None:
    asked.hear(COMPLETED)
    tables = asked.service.premises.house.tables
    with asked.ledger.read() as db:
        scope = find_scope(db, tables, "ETHICS", None, None)
        (line,) = AuditLines(db, asked.ledger, tables, scope).unreported()
    assert line.standing == "Waiting for learner"
    assert line.why.endswith("waits for evaluation, claim until 2027-03-31")
    assert "the learner's evaluation is awaited" in line.why


def test_a_ledger_put_back_hears_again_what_it_forgot(asked: Office) -> None:
    asked.hear(EVALUATED, told("evaluation", OTIS, BEGUN))
    asked.lose_ledger()
    asked.hear(COMPLETED, CLAIMED)
    assert State(asked.credit.state) is State.READY
    assert len(asked.completions) == 2
