"""The intake half: from a message's bytes to its one fate, whatever the bytes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.bus.port import Message
from consumer.candidate import YearPolicy
from consumer.fate import Held, Ignored, Judgement, NotReportable, Ready, Refused
from consumer.journey import Heard, House, Provider, hear, judge
from consumer.mapping.said import Kind
from consumer.reason import Reason, Stage
from consumer.tables.activities import Repeats
from tests.unit.samples import NOW, PROVIDER, SITE, activity, house, learner, record, said

COMPLETED = {
    "eventname": "\\core\\event\\course_completed",
    "courseid": "37",
    "relateduserid": 905,
    "timecreated": int(datetime(2026, 11, 20, 18, 30, tzinfo=UTC).timestamp()),
    "host": SITE,
}
REVOKED = {
    "certificate": {
        "user": {"id": 905},
        "course": {"course_key": "37"},
        "mode": "verified",
        "current_status": "notpassing",
    }
}
TOMORROW = int((NOW + timedelta(days=1)).timestamp())
REVOKED_HEADERS = (
    ("ce_type", b"org.openedx.learning.certificate.revoked.v1"),
    ("ce_time", b"2026-11-21T10:00:00Z"),
    ("sourcehost", SITE.encode()),
)


def message(value: bytes | None, headers: Any = (), key: bytes | None = None) -> Message:
    return Message("lms.events", 0, 7, key, value, headers)


def event(**members: Any) -> Message:
    return message(orjson.dumps(COMPLETED | members))


def one(heard_: Message, known: House | None = None) -> Heard:
    """What became of the one event of a message."""
    (only,) = hear(heard_, known or house(), NOW)
    return only


def heard(**members: Any) -> Heard:
    return one(event(**members))


def stopped(judgement: Judgement | Ignored) -> list[tuple[Stage, str, str]]:
    """Stage, code and field of every reason, of a fate that has some."""
    assert not isinstance(judgement, (Ready, Ignored))
    found = [judgement.reason] if isinstance(judgement, NotReportable) else judgement.reasons
    return [(reason.stage, reason.code, reason.field) for reason in found]


# ---------------------------------------------------------------- the fates, from the bus


def test_a_completion_with_all_it_needs_is_ready() -> None:
    what = heard()
    assert what.judgement == Ready((record(),))
    assert (what.mapping, what.version) == ("moodle/course_completed", 2)
    assert what.said is not None
    assert (what.said.site, what.said.learner, what.said.course) == (SITE, "905", "37")


def test_everyday_noise_is_none_of_our_business() -> None:
    assert heard(eventname="\\core\\event\\course_viewed").judgement == Ignored()


def test_what_the_mapping_excuses_is_not_reportable() -> None:
    what = heard(courseid=1)
    assert isinstance(what.judgement, NotReportable)
    assert stopped(what.judgement) == [(Stage.MAP, "front_page_course", "body.courseid")]


def test_a_retraction_is_heard_and_never_reported() -> None:
    what = one(message(orjson.dumps(REVOKED), REVOKED_HEADERS))
    assert what.said is not None
    assert what.said.kind is Kind.RETRACTION
    assert isinstance(what.judgement, NotReportable)
    assert stopped(what.judgement) == [(Stage.REVIEW, "retracted", "")]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (message(None), (Stage.DECODE, "null_value", "body")),
        (message(b"{}" + b" " * 10_000), (Stage.DECODE, "oversized", "body")),
        (message(b"no event"), (Stage.DECODE, "malformed_json", "body")),
        (message(b"{}"), (Stage.RECOGNISE, "unknown_event", "")),
        (event(timecreated=[]), (Stage.SCHEMA, "schema_mismatch", "body.timecreated")),
        (event(relateduserid=None), (Stage.MAP, "value_missing", "learner")),
        (event(timecreated="yesterday"), (Stage.MAP, "date_not_understood", "completed")),
        (event(timecreated=TOMORROW), (Stage.RULES, "date_in_future", "completed")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)  # fmt: skip
def test_every_stage_refuses_with_its_own_reason(
    wrong: Message, reason: tuple[Stage, str, str]
) -> None:
    what = one(wrong)
    assert isinstance(what.judgement, Refused)
    assert reason in stopped(what.judgement)


def test_what_is_refused_after_it_was_recognised_names_its_mapping() -> None:
    what = one(event(timecreated="yesterday"))
    assert (what.said, what.mapping, what.version) == (None, "moodle/course_completed", 2)


# ---------------------------------------------------------------- the unforeseen


class Broken:
    """A catalogue that does what nobody foresaw."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def events(self, _envelope: object) -> object:
        raise self._error


@pytest.mark.parametrize(
    "error",
    [RuntimeError("Abara 012345"), KeyError("Abara"), RecursionError(), UnicodeError("Abara")],
    ids=lambda error: type(error).__name__,
)
def test_the_unforeseen_refuses_that_record_and_quotes_nothing(error: Exception) -> None:
    what = one(event(), house(events=Broken(error)))
    assert isinstance(what.judgement, Refused)
    (reason,) = what.judgement.reasons
    assert reason == Reason(Stage.INTERNAL, "internal", detail=type(error).__name__)
    assert "Abara" not in repr(what)


def test_a_profile_that_vanished_is_the_unforeseen_too() -> None:
    without = replace(house(), providers={})
    assert stopped(one(event(), without).judgement) == [(Stage.INTERNAL, "internal", "")]


raw_headers = st.lists(
    st.tuples(st.sampled_from(["ce_type", "ce_time", "sourcehost", "x"]), st.binary(max_size=60))
).map(tuple)
odd = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just([]) | st.just({})
)


@given(st.none() | st.binary(), raw_headers, st.none() | st.binary())
@example(b"{" * 9_999, (), None)
@example(orjson.dumps(REVOKED), REVOKED_HEADERS[:1], b"\xff")
def test_law_hearing_never_raises(value: bytes | None, headers: Any, key: bytes | None) -> None:
    what = one(message(value, headers, key))
    assert isinstance(what.judgement, (Ready, Held, NotReportable, Refused, Ignored))


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(COMPLETED, odd)))
@example({"timecreated": 10**15})
@example({"timecreated": 253402300799})
def test_law_an_event_with_odd_members_has_a_foreseen_fate(members: dict[str, Any]) -> None:
    try:
        bent = event(**members)
    except TypeError:  # a number that no JSON holds
        return
    judgement = one(bent).judgement
    if isinstance(judgement, Refused):
        assert "internal" not in {reason.code for reason in judgement.reasons}


# ---------------------------------------------------------------- the tables


def judged(house_: House | None = None, **changes: Any) -> Judgement:
    return judge(said(**changes), house_ or house(), NOW)


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (house(activities=()), ("activity_not_found", "course")),
        (house(learners=()), ("learner_not_found", "learner")),
        (house(learners=[learner(board_id="")]), ("no_board_id", "board_id")),
        (house(learners=[learner(board="ABP")]), ("no_board_id", "board_id")),
        (house(learners=[learner(consent="")]), ("no_consent", "consent")),
        (house(learners=[learner(birth_date="")]), ("no_birth_date", "birth_date")),
        (house(learners=[learner(birth_date="02/29")]), ("no_birth_year", "birth_date")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_is_missing_is_waited_for(known: House, reason: tuple[str, str]) -> None:
    judgement = judged(known)
    assert isinstance(judgement, Held)
    assert stopped(judgement) == [(Stage.LOOK_UP, *reason)]


@pytest.mark.parametrize("policy", [YearPolicy.OMIT, YearPolicy.PLACEHOLDER])
def test_an_office_may_choose_not_to_wait_for_the_birth_year(policy: YearPolicy) -> None:
    reporter = Provider("0009999", "Example Academy of Medicine", policy)
    assert isinstance(judged(house([learner(birth_date="02/29")], provider=reporter)), Ready)


def test_a_course_of_another_provider_is_not_reportable() -> None:
    judgement = judged(house(activities=[activity(profile="not ours")]))
    assert isinstance(judgement, NotReportable)
    assert stopped(judgement) == [(Stage.LOOK_UP, "not_ours", "course")]


def test_a_course_that_went_to_another_provider_is_not_reportable_from_that_day() -> None:
    given_away = house(
        activities=[
            activity(ends=date(2026, 10, 31)),
            activity(profile="not ours", starts=date(2026, 11, 1)),
        ]
    )
    judgement = judged(given_away)
    assert isinstance(judgement, NotReportable)
    assert stopped(judgement) == [(Stage.LOOK_UP, "not_ours", "course")]
    assert isinstance(judged(given_away, completed=date(2026, 10, 31)), Ready)


@pytest.mark.parametrize("kind", [Kind.EVALUATION, Kind.CLAIM])
def test_a_step_is_no_completion(kind: Kind) -> None:
    fate = judged(kind=kind, points=Decimal(1))
    assert isinstance(fate, NotReportable)
    assert fate.reason.code == "step_not_required"


def test_a_completion_outside_every_period_is_refused() -> None:
    early = house(activities=[activity(starts=date(2026, 11, 21))])
    judgement = judged(early)
    assert isinstance(judgement, Refused)
    assert stopped(judgement) == [(Stage.RULES, "date_outside_activity", "completed")]


def test_a_completion_goes_to_the_period_of_its_local_day() -> None:
    periods = house(
        activities=[
            activity(ends=date(2025, 12, 31), pars_activity_id="202500001"),
            activity(starts=date(2026, 1, 1), pars_activity_id="202600001"),
        ]
    )
    new_years_eve = datetime(2026, 1, 1, 3, 38, tzinfo=UTC)  # 22:38 of the 31st in New York
    for completed, found in [
        (new_years_eve, ("202500001", date(2025, 12, 31))),
        (new_years_eve + timedelta(hours=2), ("202600001", date(2026, 1, 1))),
        (date(2026, 1, 1), ("202600001", date(2026, 1, 1))),
    ]:
        judgement = judged(periods, completed=completed)
        assert isinstance(judgement, Ready)
        (made,) = judgement.records
        assert (made.pars_activity_id, made.completed_on) == found


def test_two_credit_types_are_two_records_and_the_points_may_be_claimed() -> None:
    both = ("Medical Knowledge", "Patient Safety")
    claimed = house(activities=[activity(credit_types=both, points_basis="claimed")])
    judgement = judged(claimed, points=Decimal("0.75"))
    assert isinstance(judgement, Ready)
    assert [(one.credit_type, one.points) for one in judgement.records] == [
        ("Medical Knowledge", Decimal("0.75")),
        ("Patient Safety", Decimal("0.75")),
    ]


def test_a_renewed_activity_is_the_same_activity() -> None:
    renewed = house(activities=[activity(pars_activity_id="202700009")])
    judgement = judged(renewed)
    assert isinstance(judgement, Ready)
    assert judgement.records[0].activity == record().activity


def test_an_occurrence_counts_only_where_the_activity_repeats() -> None:
    repeating = house(activities=[activity(repeats=Repeats.SESSION)])
    for known, occurrence in [(repeating, "session-1"), (house(), "")]:
        judgement = judged(known, occurrence="session-1")
        assert isinstance(judgement, Ready)
        assert judgement.records[0].occurrence == occurrence
    refused = judged(repeating)
    assert isinstance(refused, Refused)
    assert stopped(refused) == [(Stage.RULES, "occurrence_missing", "occurrence")]


# ---------------------------------------------------------------- hostile names


@pytest.mark.parametrize("field", ["given_name", "family_name"])
@pytest.mark.parametrize(
    "character", ["\x00", "\x08", "\x1b", "\x7f", "\ufffe", "\uffff", "\ud800"]
)
def test_a_name_that_xml_cannot_carry_is_refused_by_field_and_rule(
    field: str, character: str
) -> None:
    hostile = house([learner(**{field: f"Zebra{character}"})])
    judgement = judged(hostile)
    assert isinstance(judgement, Refused)
    assert stopped(judgement) == [(Stage.RULES, "unwritable_character", field)]
    assert "Zebra" not in repr(judgement)


@pytest.mark.parametrize("name", ["<Ada>", "Ada & Bo", "]]>", "<!--", "&#0;", "Ада", "عادة"])
def test_a_name_that_xml_can_escape_passes_as_it_is(name: str) -> None:
    judgement = judged(house([learner(given_name=name)]))
    assert judgement == Ready((record(given_name=name),))


def test_a_title_that_xml_cannot_carry_is_refused_too() -> None:
    judgement = judged(house(activities=[activity(title="Hearts\x0b")]))
    assert isinstance(judgement, Refused)
    assert stopped(judgement) == [(Stage.RULES, "unwritable_character", "title")]


# ---------------------------------------------------------------- judging again


def test_what_was_held_goes_when_the_table_has_it() -> None:
    waiting = said()
    assert isinstance(judge(waiting, house(learners=()), NOW), Held)
    assert judge(waiting, house(), NOW) == Ready((record(),))


def test_broken_rules_are_told_before_what_is_missing() -> None:
    judgement = judged(house([learner(board_id="1", consent="")]))
    assert isinstance(judgement, Refused)
    assert stopped(judgement) == [(Stage.RULES, "board_id_form", "board_id")]


def test_the_provider_of_the_profile_reports() -> None:
    judgement = judged()
    assert isinstance(judgement, Ready)
    (made,) = judgement.records
    assert (made.provider_id, made.provider_name) == (PROVIDER.provider_id, PROVIDER.name)
