"""A comparison: in which way an event comes to something else by another catalogue."""

from __future__ import annotations

import pytest

from consumer.event import Envelope
from consumer.fate import Ignored
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.comparison import Change, Reading, Turn, compare, read_all
from consumer.mapping.said import Said
from consumer.reason import Reason, Stage, Stopped
from tests.unit.mapping.samples import HEAD, envelope, mapping, written
from tests.unit.mapping.test_each import DONE, DONE_ONES, VIEWED, a_mapping, data

PLAIN = written()
LATER = written(HEAD.replace("version: 1", "version: 7"))
TITLED = written(title="{const: Heart}")
NEXT_COURSE = written(course="{const: '38'}", title="{const: Heart}")
CLAIM = written(HEAD.replace("completion", "claim"))
BROKEN = written(learner="{from: body.person}")
BROKEN_TOO = written(course="{from: body.v, map: {a: b}}")
IGNORED = HEAD.replace("completion", "ignore")
FOREIGN = written(HEAD.replace("done}", "undone}"))


def excused(reason: str) -> str:
    row = f"  - {{path: body.user, present: true, reason: {reason}}}\n"
    return written(HEAD + "not_reportable:\n" + row)


def change(old: str, new: str) -> Change:
    """What becomes of the small event, whose `v` no table has."""
    event = envelope(v="x")
    before, after = (read_all(Catalogue([mapping(text)]), event) for text in (old, new))
    (only,) = compare(before, after)
    return only


@pytest.mark.parametrize(
    ("old", "new", "turn", "words"),
    [
        (PLAIN, LATER, Turn.SAME, ("completion", "completion")),
        (PLAIN, BROKEN, Turn.LOST, ("completion", "value_missing")),
        (PLAIN, FOREIGN, Turn.LOST, ("completion", "unknown_event")),
        (IGNORED, BROKEN, Turn.LOST, ("ignored", "value_missing")),
        (BROKEN, PLAIN, Turn.GAINED, ("value_missing", "completion")),
        (FOREIGN, IGNORED, Turn.GAINED, ("unknown_event", "ignored")),
        (BROKEN, excused("a"), Turn.GAINED, ("value_missing", "a")),
        (BROKEN, BROKEN, Turn.SAME, ("value_missing", "value_missing")),
        (BROKEN, BROKEN_TOO, Turn.OTHERWISE, ("value_missing", "not_in_map")),
        (IGNORED, PLAIN, Turn.REPORTED, ("ignored", "completion")),
        (excused("a"), PLAIN, Turn.REPORTED, ("a", "completion")),
        (PLAIN, IGNORED, Turn.DROPPED, ("completion", "ignored")),
        (PLAIN, excused("a"), Turn.DROPPED, ("completion", "a")),
        (IGNORED, IGNORED, Turn.SAME, ("ignored", "ignored")),
        (excused("a"), excused("b"), Turn.OTHERWISE, ("a", "b")),
        (excused("a"), IGNORED, Turn.OTHERWISE, ("a", "ignored")),
    ],
)
def test_an_event_comes_to_the_same_or_turns(
    old: str, new: str, turn: Turn, words: tuple[str, str]
) -> None:
    found = change(old, new)
    assert (found.turn, found.old.word, found.new.word) == (turn, *words)
    assert found.facts == ()


@pytest.mark.parametrize(
    ("old", "new", "facts"),
    [
        (PLAIN, TITLED, (("title", "", "Heart"),)),
        (TITLED, PLAIN, (("title", "Heart", ""),)),
        (PLAIN, NEXT_COURSE, (("course", "37", "38"), ("title", "", "Heart"))),
        (PLAIN, CLAIM, (("kind", "completion", "claim"),)),
    ],
)
def test_what_it_says_else_is_told_by_target(
    old: str, new: str, facts: tuple[tuple[str, str, str], ...]
) -> None:
    found = change(old, new)
    assert (found.turn, found.facts) == (Turn.FACTS, facts)


def test_a_reading_knows_who_read_it() -> None:
    (found,) = read_all(Catalogue([mapping(LATER)]), envelope())
    assert isinstance(found.outcome, Said)
    assert found == Reading("lms/done", 7, found.outcome)
    assert found.said is found.outcome
    (stopped,) = read_all(Catalogue([mapping(BROKEN)]), envelope())
    assert (stopped.mapping, stopped.version, stopped.said) == ("lms/done", 1, None)
    assert isinstance(stopped.outcome, Stopped)
    assert [(one.field, one.code) for one in stopped.outcome.reasons] == [
        ("learner", "value_missing")
    ]
    (unknown,) = read_all(Catalogue([]), envelope())
    assert (unknown.mapping, unknown.version) == ("", 0)
    assert isinstance(unknown.outcome, Stopped)
    assert unknown.outcome.reasons == (Reason(Stage.RECOGNISE, "unknown_event"),)


def test_each_event_of_a_message_is_compared_with_itself() -> None:
    apart = Catalogue([DONE_ONES, VIEWED])
    whole = Catalogue([a_mapping("{path: body.sensor, equals: s}", each="", rows="kind: ignore\n")])
    event = Envelope(data(DONE, {"type": "viewed"}, DONE | {"user": "906"}), {}, None)
    told = compare(read_all(apart, event), read_all(apart, event))
    assert [one.turn for one in told] == [Turn.SAME] * 3
    told = compare(read_all(whole, event), read_all(apart, event))
    assert [one.turn for one in told] == [Turn.REPORTED, Turn.SAME, Turn.REPORTED]
    assert [one.new.said and one.new.said.learner for one in told] == ["905", None, "906"]
    assert told[2].old == Reading("", 0, Ignored())
    told = compare(read_all(apart, event), read_all(whole, event))
    assert [one.turn for one in told] == [Turn.DROPPED, Turn.SAME, Turn.DROPPED]


def test_a_message_that_is_claimed_whole_and_apart_has_one_reading() -> None:
    whole = a_mapping(
        "{path: body.sensor, equals: s}", each="", name="lms/whole", rows="kind: ignore\n"
    )
    (found,) = read_all(Catalogue([whole, DONE_ONES]), Envelope(data(DONE, DONE), {}, None))
    assert (found.mapping, found.version, found.word) == ("", 0, "ambiguous_mapping")
