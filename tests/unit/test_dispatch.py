"""From a claimed credit to PARS and back: every path, with a PARS that answers what it is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.credit import Identity, State
from consumer.dealings import Exchange, Policy, Signal
from consumer.dispatch import Dispatcher
from consumer.ledger.claims import Claim
from consumer.pars.port import Action, Broke, CreditStatus, Reply
from consumer.participant import Record
from consumer.pumps.backoff import Backoff
from consumer.pumps.schedule import Schedule
from consumer.reason import Reason, Stage, Stopped, pack_reasons, unpack_reasons
from tests.fakes import MORNING, FakeClock
from tests.unit.samples import RECORD, record

LEASE, REQUEST, GRACE, MAX_TRIES = 300.0, 60.0, 300.0, 6
HOUR, DAY = 3600.0, 24 * 3600.0
POLICY = Policy(
    backoff=Backoff(60, 6 * HOUR, lambda: 0.5),
    schedule=Schedule(),
    request_seconds=REQUEST,
    grace_seconds=GRACE,
    max_tries=MAX_TRIES,
    max_retry_seconds=DAY,
)
IDENTITY = Identity(b"invented secret of one provider")
KEY = IDENTITY.credit_key(RECORD)
FIRST, SECOND = (IDENTITY.credit_id(KEY, "example.org", revision) for revision in (1, 2))

TAKEN = Reply(status=201, understood=True)
NOT_SENT = Reply(broke=Broke.NOT_SENT)
CUT = Reply(broke=Broke.CUT)
BUSY = Reply(status=503)
NO_RECORD = Reply(status=400, message="Credit record does not exist", understood=True)
MAINTENANCE = Reply(status=200, raw=b"<html>down for maintenance</html>")
UNAUTHORISED = Reply(status=401)
EXISTS = Reply(status=409, understood=True)
NO_MATCH = Reply(status=400, message="No match", understood=True)
ABSENT = Reply(status=404, understood=True)


def each(*answers: Reply) -> pytest.MarkDecorator:
    """One test for each of these answers."""
    names = [answer.broke.value if answer.broke else str(answer.status) for answer in answers]
    return pytest.mark.parametrize("answer", answers, ids=names)


def shows(*words: str, credit_id: str = FIRST, reason: str = "") -> Reply:
    """PARS's answer about this credit."""
    found = tuple(CreditStatus(credit_id, word, reason) for word in words)
    return Reply(status=200, understood=True, credits=found)


@dataclass(frozen=True)
class Slow:
    """An answer that takes its time."""

    reply: Reply
    seconds: float


class ScriptedPars:
    """Gives its answers in the order written, and writes down what reached it."""

    def __init__(self, clock: FakeClock, *answers: Reply | Slow | Stopped) -> None:
        self._clock, self._answers = clock, list(answers)
        self.heard: list[tuple[str, str]] = []
        self.records: list[Record] = []

    def save(self, record: Record, credit_id: str, action: Action) -> Reply:
        reply = self._next()
        if reply.broke is not Broke.NOT_SENT:
            self.heard.append((action.value, credit_id))
            self.records.append(record)
        return reply

    def status(self, credit_id: str) -> Reply:
        reply = self._next()
        self.heard.append(("ask", credit_id))
        return reply

    def close(self) -> None:
        """Nothing to release."""

    def answers(self, *answers: Reply | Slow | Stopped) -> None:
        """What comes next."""
        assert not self._answers, "PARS was not asked everything it had an answer for"
        self._answers = list(answers)

    def _next(self) -> Reply:
        answer = self._answers.pop(0)
        if isinstance(answer, Stopped):
            raise answer
        if isinstance(answer, Slow):
            self._clock.advance(answer.seconds)
            return answer.reply
        return answer


class Credit:
    """One row of the ledger between two exchanges: claimed and settled as `Claims` does it."""

    def __init__(self, clock: FakeClock, pars: Any, **columns: Any) -> None:
        self.clock, self.pars, self.policy = clock, pars, POLICY
        self.row: dict[str, Any] = {
            "state": State.READY,
            "record": RECORD,
            "sent": None,
            "ask": False,
            "resend": False,
            "accepted_too": False,
            "credit_id": None,
            "revision": 1,
            "reasons": "[]",
            "tries": 0,
            "absent_at": None,
            "first_try_at": None,
            "last_try_at": None,
            "submitted_at": None,
            "due_at": clock.now(),
            **columns,
        }
        self.last: Exchange | None = None

    def __getattr__(self, column: str) -> Any:
        return self.row[column]

    @property
    def codes(self) -> list[str]:
        return [reason.code for reason in unpack_reasons(self.row["reasons"])]

    def claim(self) -> Claim:
        """The claim, and on the row what is written before the request leaves."""
        row, now = self.row, self.clock.now()
        claim = Claim(
            row=1,
            fence=1,
            lease_until=now + timedelta(seconds=LEASE),
            profile="main",
            state=row["state"],
            ask=row["ask"],
            credit_id=row["credit_id"] or IDENTITY.credit_id(KEY, "example.org", row["revision"]),
            revision=row["revision"],
            record=row["record"],
            sent=row["sent"] or row["record"],
            resend=row["resend"],
            accepted_too=row["accepted_too"],
            reasons=unpack_reasons(row["reasons"]),
            tries=row["tries"],
            absent_at=row["absent_at"],
            first_try_at=row["first_try_at"],
            last_try_at=row["last_try_at"],
            submitted_at=row["submitted_at"],
        )
        if claim.state is State.READY:
            if not claim.ask:
                row["sent"] = row["record"]
            row.update(state=State.SUBMITTING, credit_id=claim.credit_id, ask=True)
        return claim

    def turn(self, served_others: bool = False) -> Credit:
        """Wait until it is due, then one exchange; others may have been served meanwhile."""
        now = self.clock.now()
        self.clock.advance((self.row["due_at"] - now).total_seconds())
        success = self.clock.now() if served_others else None
        claim = self.claim()
        self.settle(claim, Dispatcher(self.pars, self.policy, self.clock).carry(claim, success))
        # The next success of others, if any, comes after this try.
        self.clock.advance(0.001)
        return self

    def settle(self, claim: Claim, exchange: Exchange) -> None:
        settled = exchange.settlement
        assert settled.claim is claim
        self.row.update(settled.values, state=settled.state)
        if settled.posted:
            self.row["sent"] = self.row["record"]
        if settled.refused:
            self.row["reasons"] = pack_reasons(settled.refused)
        self.last = exchange


def begin(*answers: Reply | Slow | Stopped, **columns: Any) -> Credit:
    clock = FakeClock()
    return Credit(clock, ScriptedPars(clock, *answers), **columns)


def submitted(*answers: Reply | Slow | Stopped, **columns: Any) -> Credit:
    """A credit that PARS took this morning."""
    known = {"credit_id": FIRST, "ask": True, "sent": RECORD, "submitted_at": MORNING}
    due = MORNING + timedelta(seconds=HOUR)
    return begin(*answers, **known | {"state": State.SUBMITTED, "due_at": due} | columns)


def withdrawing(*answers: Reply | Slow | Stopped, **columns: Any) -> Credit:
    """A credit that PARS has and that has to go."""
    return submitted(*answers, **{"state": State.WITHDRAWING, "due_at": MORNING} | columns)


# ---------------------------------------------------------------- sending


def test_what_pars_took_waits_for_the_board() -> None:
    credit = begin(TAKEN).turn()
    assert credit.state is State.SUBMITTED
    assert credit.submitted_at == MORNING
    assert credit.due_at == MORNING + timedelta(seconds=HOUR)
    assert credit.pars.heard == [("add", FIRST)]
    assert credit.last.signal is Signal.WELL


def test_a_duplicate_answer_is_a_success_once_asking_has_found_our_record() -> None:
    credit = begin(EXISTS, shows("Pending")).turn().turn()
    assert credit.state is State.SUBMITTED
    assert credit.codes == []
    assert credit.pars.heard == [("add", FIRST), ("ask", FIRST)]


def test_a_duplicate_answer_without_our_record_needs_a_person() -> None:
    credit = begin(EXISTS, ABSENT, ABSENT).turn().turn().turn()
    assert credit.state is State.ATTENTION
    assert credit.codes == ["duplicate_not_ours"]
    assert credit.pars.heard.count(("add", FIRST)) == 1


def test_a_duplicate_of_what_the_board_accepted_already_is_accepted() -> None:
    assert begin(EXISTS, shows("Accepted")).turn().turn().state is State.ACCEPTED


@each(CUT, BUSY, MAINTENANCE, Reply(status=408))
def test_what_may_have_arrived_is_resent_only_after_two_absences_and_under_its_id(
    answer: Reply,
) -> None:
    credit = begin(answer, ABSENT, ABSENT, TAKEN).turn().turn().turn()
    assert credit.state is State.SUBMITTED
    assert credit.pars.heard == [("add", FIRST), ("ask", FIRST), ("ask", FIRST), ("add", FIRST)]


def test_between_the_two_absences_lies_the_grace() -> None:
    credit = begin(CUT, ABSENT).turn().turn()
    asked_at = credit.absent_at
    assert credit.state is State.SUBMITTING
    assert credit.due_at == asked_at + timedelta(seconds=GRACE)
    # A second absence that comes early proves nothing either.
    credit.pars.answers(ABSENT)
    credit.row["due_at"] = credit.clock.now()
    credit.turn()
    assert (credit.state, credit.absent_at) == (State.SUBMITTING, asked_at)
    assert credit.pars.heard.count(("add", FIRST)) == 1


@each(CUT, BUSY, MAINTENANCE)
def test_what_had_arrived_is_found_and_not_sent_again(answer: Reply) -> None:
    credit = begin(answer, ABSENT, shows("Pending")).turn().turn().turn()
    assert credit.state is State.SUBMITTED
    assert credit.pars.heard.count(("add", FIRST)) == 1


def test_a_crash_between_post_and_settling_is_asked_about_first() -> None:
    credit = begin(TAKEN)
    claim = credit.claim()
    Dispatcher(credit.pars, POLICY, credit.clock).carry(claim, None)  # and nobody settles it
    credit.pars.answers(shows("Pending"))
    assert credit.turn().state is State.SUBMITTED
    assert credit.pars.heard == [("add", FIRST), ("ask", FIRST)]


def test_what_never_left_is_ready_again_without_asking() -> None:
    credit = begin(NOT_SENT).turn()
    assert (credit.state, credit.ask) == (State.READY, False)
    credit.pars.answers(TAKEN)
    assert credit.turn().state is State.SUBMITTED
    assert credit.pars.heard == [("add", FIRST)]


def test_what_pars_refuses_needs_a_person() -> None:
    credit = begin(NO_MATCH).turn()
    assert credit.state is State.ATTENTION
    assert credit.codes == ["identity_mismatch"]
    assert credit.last.signal is Signal.WELL


def test_a_document_that_cannot_leave_needs_a_person_and_says_nothing_of_pars() -> None:
    invalid = Stopped(Reason(Stage.PARS, "document_invalid", "Title", "illegal_character"))
    credit = begin(invalid).turn()
    assert (credit.state, credit.codes) == (State.ATTENTION, ["document_invalid"])
    assert credit.last.signal is Signal.SILENT
    assert credit.pars.heard == []


# ---------------------------------------------------------------- leases


def test_a_lease_that_a_request_could_outlive_is_given_back_unused() -> None:
    credit = begin()
    claim = credit.claim()
    credit.clock.advance(LEASE - REQUEST)
    credit.settle(claim, Dispatcher(credit.pars, POLICY, credit.clock).carry(claim, None))
    assert (credit.state, credit.ask) == (State.READY, False)
    assert credit.last.signal is Signal.SILENT
    assert credit.pars.heard == []


@pytest.mark.parametrize("state", [State.SUBMITTING, State.SUBMITTED, State.WITHDRAWING])
def test_what_is_given_back_stands_where_it_stood(state: State) -> None:
    credit = submitted(state=state)
    claim = credit.claim()
    credit.clock.advance(LEASE)
    credit.settle(claim, Dispatcher(credit.pars, POLICY, credit.clock).carry(claim, None))
    assert (credit.state, credit.ask) == (state, True)
    assert credit.pars.heard == []


def test_a_replay_that_is_given_back_is_still_asked_about_first() -> None:
    credit = begin(ask=True, credit_id=FIRST)
    claim = credit.claim()
    credit.clock.advance(LEASE)
    credit.settle(claim, Dispatcher(credit.pars, POLICY, credit.clock).carry(claim, None))
    assert (credit.state, credit.ask) == (State.SUBMITTING, True)


def test_a_slow_answer_to_the_question_leaves_no_time_to_post() -> None:
    asked = MORNING - timedelta(seconds=GRACE)
    slow = Slow(ABSENT, LEASE - REQUEST)
    credit = begin(slow, state=State.SUBMITTING, ask=True, absent_at=asked, credit_id=FIRST).turn()
    assert credit.state is State.SUBMITTING
    assert credit.pars.heard == [("ask", FIRST)]
    credit.pars.answers(ABSENT, TAKEN)
    assert credit.turn().state is State.SUBMITTED


def test_a_slow_answer_to_the_question_leaves_no_time_to_delete() -> None:
    credit = withdrawing(Slow(shows("Pending"), LEASE - REQUEST)).turn()
    assert credit.state is State.WITHDRAWING
    assert credit.pars.heard == [("ask", FIRST)]


# ---------------------------------------------------------------- outages, and one bad credit


@each(NOT_SENT, CUT, BUSY, MAINTENANCE, UNAUTHORISED)
def test_an_outage_of_any_length_dead_letters_nothing(answer: Reply) -> None:
    credit = begin()
    for _ in range(300):
        credit.pars.answers(answer)
        credit.clock.advance(3 * HOUR)  # the breaker lets few of the waiting credits probe
        credit.turn()
        assert credit.state in {State.READY, State.SUBMITTING}
        assert credit.last.signal in {Signal.FAILED, Signal.STOPPED}
    assert credit.clock.now() - MORNING > timedelta(days=30)
    credit.pars.answers(*([TAKEN] if credit.state is State.READY else [shows("Pending")]))
    assert credit.turn().state is State.SUBMITTED


@pytest.mark.parametrize("probed", [True, False], ids=["probed", "left_alone"])
def test_the_days_of_an_outage_are_not_held_against_a_credit(probed: bool) -> None:
    credit = begin(BUSY).turn()
    for _ in range(20):
        if probed:
            credit.pars.answers(BUSY)
            credit.turn()
        credit.clock.advance(DAY)
    credit.pars.answers(BUSY)
    credit.turn(served_others=True)
    assert credit.state is State.SUBMITTING
    credit.pars.answers(shows("Pending"))
    assert credit.turn().state is State.SUBMITTED


def test_a_credit_that_pars_chokes_on_while_serving_others_ends_after_its_tries() -> None:
    credit = begin()
    for _ in range(MAX_TRIES):
        assert credit.state in {State.READY, State.SUBMITTING}
        credit.pars.answers(BUSY)
        credit.turn(served_others=True)
    assert credit.state is State.ATTENTION
    assert credit.codes == ["gave_up", "pars_unavailable"]
    assert credit.last.signal is Signal.FAILED


def test_a_credit_that_pars_chokes_on_ends_after_its_time_too() -> None:
    credit = begin()
    credit.policy = replace(POLICY, max_tries=1000)
    while credit.state is not State.ATTENTION:
        credit.pars.answers(BUSY)
        credit.turn(served_others=True)
    lasted = credit.clock.now() - MORNING
    assert timedelta(days=1) <= lasted <= timedelta(days=1, hours=6)


def test_a_credit_whose_answers_stay_unclear_ends_with_a_person() -> None:
    credit = begin(*[MAINTENANCE, ABSENT, ABSENT] * (MAX_TRIES - 1), MAINTENANCE)
    while credit.state is not State.ATTENTION:
        credit.turn()
    assert credit.codes == ["answer_not_understood"]
    assert credit.pars.heard.count(("add", FIRST)) == MAX_TRIES


def test_retry_after_is_honoured() -> None:
    credit = begin(Reply(status=503, retry_after_seconds=7200.0)).turn()
    assert credit.due_at == MORNING + timedelta(seconds=7200)
    assert credit.last.retry_after_seconds == 7200


def test_a_short_retry_after_does_not_shorten_our_own_wait() -> None:
    credit = begin(Reply(status=429, retry_after_seconds=1.0)).turn()
    assert credit.due_at == MORNING + timedelta(seconds=30)


@pytest.mark.parametrize("status", [401, 403, 404, 405, 415, 302])
def test_refused_credentials_and_a_changed_contract_stop_the_line_and_keep_the_credit(
    status: int,
) -> None:
    credit = begin(Reply(status=status)).turn()
    assert credit.last.signal is Signal.STOPPED
    assert (credit.state, credit.ask) == (State.SUBMITTING, True)
    assert credit.codes == []


# ---------------------------------------------------------------- corrections

OLD, NEW = record(birth_date=None), RECORD


def corrected(*answers: Reply | Slow | Stopped) -> Credit:
    """A credit that was sent as OLD, then corrected by a person and sent again as NEW."""
    return begin(*answers, ask=True, credit_id=FIRST, sent=OLD, record=NEW)


def test_a_correction_of_what_pars_holds_withdraws_it_before_the_next_revision() -> None:
    credit = corrected(shows("Rejected")).turn()
    assert (credit.state, credit.resend) == (State.WITHDRAWING, True)
    credit.pars.answers(shows("Rejected"), TAKEN, ABSENT, ABSENT)
    credit.turn().turn().turn()
    assert (credit.state, credit.revision, credit.credit_id) == (State.READY, 2, None)
    credit.pars.answers(TAKEN)
    assert credit.turn().state is State.SUBMITTED
    changes = [one for one in credit.pars.heard if one[0] != "ask"]
    assert changes == [("delete", FIRST), ("add", SECOND)]
    # A delete repeats what was sent; the new revision says what is right.
    assert credit.pars.records == [OLD, NEW]


def test_a_correction_of_what_pars_never_had_goes_under_the_same_id() -> None:
    credit = corrected(ABSENT, ABSENT).turn().turn()
    # What leaves is written down first: a crash would find the old record otherwise.
    assert (credit.state, credit.ask, credit.pars.records) == (State.READY, False, [])
    credit.pars.answers(TAKEN)
    credit.turn()
    assert (credit.state, credit.credit_id) == (State.SUBMITTED, FIRST)
    assert credit.pars.records == [NEW]


def test_a_correction_that_may_have_arrived_is_recognised_as_the_new_record() -> None:
    credit = corrected(ABSENT, ABSENT, CUT).turn().turn().turn()
    credit.pars.answers(shows("Pending"))
    assert credit.turn().state is State.SUBMITTED
    assert credit.sent == NEW
    assert ("delete", FIRST) not in credit.pars.heard


def test_what_the_board_accepted_before_its_correction_is_a_persons_to_decide() -> None:
    credit = corrected(shows("Accepted")).turn()
    assert (credit.state, credit.codes) == (State.ACCEPTED, ["accepted_meanwhile"])
    assert credit.pars.heard == [("ask", FIRST)]


def test_accepted_between_the_correction_and_its_withdrawal_it_is_a_persons_to_decide() -> None:
    credit = corrected(shows("Pending")).turn()
    credit.pars.answers(shows("Accepted"))
    credit.turn()
    assert (credit.state, credit.resend) == (State.ACCEPTED, False)
    assert ("delete", FIRST) not in credit.pars.heard


def test_a_person_may_correct_what_the_board_accepted() -> None:
    credit = begin(
        shows("Accepted"), ask=True, credit_id=FIRST, sent=OLD, record=NEW, accepted_too=True
    ).turn()
    credit.pars.answers(shows("Accepted"), TAKEN, ABSENT, ABSENT, TAKEN)
    credit.turn().turn().turn().turn()
    assert credit.state is State.SUBMITTED
    assert [one for one in credit.pars.heard if one[0] != "ask"] == [
        ("delete", FIRST),
        ("add", SECOND),
    ]


# ---------------------------------------------------------------- withdrawing


def test_a_withdrawal_is_proved_by_two_absences() -> None:
    credit = withdrawing(shows("Accepted"), TAKEN, ABSENT, accepted_too=True).turn().turn()
    assert credit.state is State.WITHDRAWING
    credit.pars.answers(ABSENT)
    assert credit.turn().state is State.WITHDRAWN
    assert credit.pars.heard == [("ask", FIRST), ("delete", FIRST), ("ask", FIRST), ("ask", FIRST)]


def test_what_pars_never_had_is_gone_once_a_delete_found_nothing_either() -> None:
    credit = withdrawing(ABSENT, ABSENT, NO_RECORD).turn().turn()
    assert credit.state is State.WITHDRAWN
    assert credit.pars.heard == [*[("ask", FIRST)] * 2, ("delete", FIRST)]


def test_a_wrong_not_found_passes_for_no_withdrawal() -> None:
    credit = withdrawing(ABSENT, ABSENT, TAKEN, resend=True).turn().turn()
    assert credit.state is State.WITHDRAWING
    credit.pars.answers(ABSENT, ABSENT)
    assert credit.turn().turn().state is State.READY


@each(CUT, BUSY, MAINTENANCE, EXISTS, UNAUTHORISED)
def test_a_delete_that_went_wrong_is_asked_about_and_made_again(answer: Reply) -> None:
    credit = withdrawing(shows("Pending"), answer).turn()
    assert credit.state is State.WITHDRAWING
    credit.pars.answers(shows("Pending"), TAKEN, ABSENT, ABSENT)
    assert credit.turn().turn().turn().state is State.WITHDRAWN


def test_an_absence_before_it_is_found_again_counts_for_nothing() -> None:
    credit = withdrawing(ABSENT, shows("Pending"), TAKEN, ABSENT).turn().turn().turn()
    assert credit.state is State.WITHDRAWING


def test_a_refused_delete_tells_a_person_and_asks_again_tomorrow() -> None:
    closed = Reply(status=400, message="Activity is closed for reporting", understood=True)
    credit = withdrawing(shows("Accepted"), closed, accepted_too=True).turn()
    assert (credit.state, credit.codes) == (State.WITHDRAWING, ["reporting_closed"])
    assert credit.due_at == MORNING + timedelta(days=1)
    credit.pars.answers(ABSENT, ABSENT, NO_RECORD)  # somebody deleted it by hand
    assert credit.turn().turn().state is State.WITHDRAWN


def test_a_delete_that_pars_takes_and_does_not_make_ends_with_a_person() -> None:
    credit = withdrawing()
    for _ in range(MAX_TRIES):
        assert credit.codes == []
        credit.pars.answers(shows("Deleted"), TAKEN)
        credit.turn()
    assert (credit.state, credit.codes) == (State.WITHDRAWING, ["still_there"])
    assert credit.due_at > credit.clock.now() + timedelta(hours=23)


def test_a_withdrawal_that_pars_chokes_on_tells_a_person_and_is_still_a_withdrawal() -> None:
    credit = withdrawing()
    for _ in range(MAX_TRIES):
        credit.pars.answers(BUSY)
        credit.turn(served_others=True)
    assert (credit.state, credit.codes) == (State.WITHDRAWING, ["gave_up", "pars_unavailable"])
    credit.pars.answers(ABSENT, ABSENT, NO_RECORD)
    assert credit.turn().turn().state is State.WITHDRAWN


def test_a_delete_that_cannot_be_written_tells_a_person() -> None:
    invalid = Stopped(Reason(Stage.PARS, "document_invalid", "Title", "illegal_character"))
    credit = withdrawing(shows("Pending"), invalid).turn()
    assert (credit.state, credit.codes) == (State.WITHDRAWING, ["document_invalid"])


def test_the_next_revision_has_all_its_tries_and_time() -> None:
    long_ago = MORNING - timedelta(days=9)
    old = {"tries": 5, "first_try_at": long_ago, "last_try_at": MORNING - timedelta(hours=1)}
    credit = withdrawing(ABSENT, ABSENT, NO_RECORD, resend=True, **old).turn().turn()
    assert credit.state is State.READY
    credit.pars.answers(BUSY)
    credit.turn(served_others=True)
    assert (credit.state, credit.tries) == (State.SUBMITTING, 1)


# ---------------------------------------------------------------- following


@pytest.mark.parametrize("word", ["Pending", "Completed", "Under a rock"])
def test_no_decision_yet_is_asked_about_again(word: str) -> None:
    credit = submitted(shows(word)).turn()
    assert credit.state is State.SUBMITTED
    assert credit.due_at == MORNING + timedelta(hours=5)


def test_a_status_nobody_knows_is_told_apart_in_the_timeline() -> None:
    credit = submitted(shows("Under a rock")).turn()
    assert credit.last.settlement.attempts[-1].outcome == "found_unknown"


def test_the_boards_decision_ends_it() -> None:
    credit = submitted(shows("Accepted")).turn()
    assert credit.state is State.ACCEPTED
    assert credit.decided_at == MORNING + timedelta(hours=1)


def test_the_boards_rejection_is_told_with_the_code_of_its_reason() -> None:
    credit = submitted(shows("Rejected", reason="Birth date of Ada Abara differs")).turn()
    assert (credit.state, credit.codes) == (State.REJECTED, ["board_identity"])
    assert "Abara" not in credit.reasons


def test_a_late_decision_is_a_decision() -> None:
    credit = submitted()
    for _ in range(60):
        credit.pars.answers(shows("Pending"))
        credit.turn()
    assert credit.clock.now() - MORNING > timedelta(days=40)
    credit.pars.answers(shows("Accepted"))
    assert credit.turn().state is State.ACCEPTED


def test_an_early_absence_proves_nothing() -> None:
    credit = submitted(ABSENT).turn()
    assert (credit.state, credit.codes) == (State.SUBMITTED, [])


def test_what_pars_took_and_still_does_not_know_a_day_later_needs_a_person() -> None:
    late = MORNING + timedelta(days=1)
    credit = submitted(ABSENT, due_at=late).turn()
    assert (credit.state, credit.codes) == (State.ATTENTION, ["vanished"])


@each(NOT_SENT, CUT, BUSY, MAINTENANCE, UNAUTHORISED)
def test_asking_never_gives_up(answer: Reply) -> None:
    credit = submitted()
    for _ in range(100):
        credit.pars.answers(answer)
        assert credit.turn(served_others=True).state is State.SUBMITTED
    credit.pars.answers(shows("Accepted"))
    assert credit.turn().state is State.ACCEPTED


def test_an_answer_about_another_credit_is_none_about_ours() -> None:
    credit = submitted(shows("Accepted", credit_id=SECOND)).turn()
    assert credit.state is State.SUBMITTED


# ---------------------------------------------------------------- the schedule

seconds = st.floats(1e-3, 1e7)


@given(
    st.builds(Schedule, seconds, seconds, seconds, seconds, seconds),
    st.timedeltas(timedelta(days=-1), timedelta(days=4000)),
)
def test_law_the_next_question_lies_ahead_however_old_the_credit(
    schedule: Schedule, age: timedelta
) -> None:
    now = MORNING + age
    assert schedule.next_ask(MORNING, now) > now


def test_pars_is_asked_after_an_hour_then_every_four_then_daily() -> None:
    hours, now = list[float](), MORNING
    while now < MORNING + timedelta(days=5):
        now = Schedule().next_ask(MORNING, now)
        hours.append((now - MORNING).total_seconds() / HOUR)
    assert hours == [*range(1, 50, 4), 73, 97, 121]


# ---------------------------------------------------------------- whatever happens

FAULTS = ["lost", "taken_unsaid", "not_sent", "busy", "maintenance"]


class Books:
    """A PARS with books of its own, which goes wrong as told and is honest afterwards."""

    LAG = timedelta(seconds=GRACE - 1)
    """A record shows this long after it was taken: an early absence proves nothing."""

    def __init__(self, clock: FakeClock, faults: list[str]) -> None:
        self._clock, self._faults = clock, faults
        self.kept: dict[str, tuple[Record, datetime]] = {}
        self.most_at_once = 0

    def save(self, record: Record, credit_id: str, action: Action) -> Reply:
        fault = self._faults.pop(0) if self._faults else ""
        if fault in ("", "taken_unsaid"):
            reply = self._write(record, credit_id, action)
            return CUT if fault else reply
        return self._broken(fault)

    def _write(self, record: Record, credit_id: str, action: Action) -> Reply:
        if action is Action.DELETE:
            self.kept.pop(credit_id, None)
            return TAKEN
        if credit_id in self.kept:
            return EXISTS
        self.kept[credit_id] = record, self._clock.now()
        self.most_at_once = max(self.most_at_once, len(self.kept))
        return TAKEN

    def status(self, credit_id: str) -> Reply:
        fault = self._faults.pop(0) if self._faults else ""
        if fault:
            return self._broken(fault)
        _, taken_at = self.kept.get(credit_id, (None, datetime.max.replace(tzinfo=MORNING.tzinfo)))
        return shows("Pending", credit_id=credit_id) if self._old(taken_at) else ABSENT

    def _old(self, taken_at: datetime) -> bool:
        return taken_at <= self._clock.now() - self.LAG

    def _broken(self, fault: str) -> Reply:
        return {"not_sent": NOT_SENT, "busy": BUSY, "maintenance": MAINTENANCE}.get(fault, CUT)

    def close(self) -> None:
        """Nothing to release."""


def settled(credit: Credit, wanted: State) -> Credit:
    for _ in range(40):
        if credit.state is wanted:
            return credit
        credit.turn()
    raise AssertionError(f"still {credit.state}: {credit.codes}")


@given(st.lists(st.sampled_from(FAULTS), max_size=4))
def test_law_whatever_goes_wrong_pars_ends_with_the_credit_once(faults: list[str]) -> None:
    clock = FakeClock()
    books = Books(clock, faults)
    settled(Credit(clock, books), State.SUBMITTED)
    assert {name: record for name, (record, _) in books.kept.items()} == {FIRST: RECORD}


@given(st.lists(st.sampled_from(FAULTS), max_size=4))
def test_law_a_correction_ends_with_the_new_record_alone(faults: list[str]) -> None:
    clock = FakeClock()
    books = Books(clock, faults)
    books.kept[FIRST] = OLD, MORNING - timedelta(days=1)
    corrected_ = Credit(clock, books, ask=True, credit_id=FIRST, sent=OLD, record=NEW)
    settled(corrected_, State.SUBMITTED)
    assert {name: record for name, (record, _) in books.kept.items()} == {SECOND: NEW}
    assert books.most_at_once == 1


@given(st.lists(st.sampled_from(FAULTS), max_size=4))
def test_law_a_withdrawal_ends_with_nothing(faults: list[str]) -> None:
    clock = FakeClock()
    books = Books(clock, faults)
    books.kept[FIRST] = RECORD, MORNING - timedelta(days=1)
    known = {"credit_id": FIRST, "ask": True, "sent": RECORD, "state": State.WITHDRAWING}
    settled(Credit(clock, books, **known), State.WITHDRAWN)
    assert books.kept == {}
