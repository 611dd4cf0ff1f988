"""A mapping file: every problem of it, on its line."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import orjson
import pytest

from consumer.mapping.said import Said
from tests.unit.mapping.samples import (
    FILE,
    HEAD,
    OPEN,
    ROWS,
    attempt,
    envelope,
    mapping,
    problem,
    written,
)

TITLE = 12
KIND = "kind: completion"
TAKING = HEAD.replace(KIND, "kind: retraction")
VOID = {
    **dict.fromkeys(ROWS),
    "retracts": "{from: body.of}",
    "occurred_at": "{from: body.at, instant: iso8601}",
}


@pytest.mark.parametrize(
    ("row", "code", "says"),
    [
        ("{from: body.v, tirm: true}", "unknown_verb", "tirm; did you mean trim?"),
        ("{from: body.v, lookup: learners}", "unknown_verb", "lookup"),
        ("{from: body.v, local_date: true}", "unknown_verb", "local_date"),
        ("{from: body.v, each: body.data}", "unknown_verb", "each"),
        ("{from: body.v, const: x}", "verb_clash", "exactly one of"),
        ("{trim: true}", "verb_clash", "exactly one of"),
        ("{}", "verb_clash", "exactly one of"),
        ("{join: [body.v, body.w]}", "verb_clash", "join and with"),
        ("{from: body.v, with: '|'}", "verb_clash", "join and with"),
        ("{from: body.v, optional: true, default: x}", "verb_clash", "not both"),
        ("{const: x, optional: true}", "verb_clash", "never missing"),
        ("{from: body.v, zone: UTC}", "verb_clash", "zone goes with instant"),
        ("{from: body.v, number: true}", "verb_clash", "title takes no number"),
        ("{from: body.v, instant: iso8601}", "verb_clash", "title takes no number"),
        ("{from: user.id}", "path_syntax", "body.…, item.…, headers.NAME or key"),
        ("{from: body..v}", "path_syntax", "not readable"),
        ("{from: 'body.*'}", "path_syntax", "a path may hold"),
        ("{first_of: [body.v, 'body.w[]']}", "path_syntax", "a path may hold"),
        ("{join: [body.v, v], with: '|'}", "path_syntax", "headers.NAME"),
        ("{from: [body.v]}", "bad_value", "takes a text"),
        ("{from: }", "bad_value", "takes a text"),
        ("{const: ' '}", "bad_value", "takes a text"),
        ("{const: true}", "bad_value", "takes a text"),
        ("{first_of: []}", "bad_value", "takes a list"),
        ("{join: [body.v], with: ''}", "bad_value", "between the parts"),
        ("{from: body.v, trim: yes}", "bad_value", "takes true"),
        ("{from: body.v, upper: false}", "bad_value", "takes true"),
        ("{from: body.v, optional: 1}", "bad_value", "takes true"),
        ("{from: body.v, strip_prefix: true}", "bad_value", "takes a text"),
        ("{from: body.v, map: [a, b]}", "bad_value", "takes a table"),
        ("{from: body.v, map: {}}", "bad_value", "takes a table"),
        ("{from: body.v, map: {a: [b]}}", "bad_value", "takes a text"),
        ("body.v", "bad_value", "a row looks like"),
        ("[body.v]", "bad_value", "a row looks like"),
    ],
)
def test_rows(row: str, code: str, says: str) -> None:
    found = problem(written(title=row))
    assert (found.file, found.line, found.field, found.code) == (FILE, TITLE, "event.title", code)
    assert says in found.message


@pytest.mark.parametrize(
    ("target", "row", "code", "says"),
    [
        ("learner", "{const: '905'}", "verb_clash", "must come from the event"),
        ("learner", "{from: body.v, default: x}", "verb_clash", "must come from the event"),
        ("learner", "{from: body.v, optional: true}", "verb_clash", "a completion needs it"),
        ("course", "{from: body.v, optional: true}", "verb_clash", "a completion needs it"),
        ("completed", "{from: body.v}", "verb_clash", "completed takes instant or date"),
        ("completed", "{const: x, instant: iso8601}", "verb_clash", "must come from the event"),
        (
            "completed",
            "{from: body.v, instant: iso8601, number: true}",
            "verb_clash",
            "completed takes",
        ),
        ("completed", "{from: body.v, instant: iso}", "bad_value", "iso8601, epoch_s"),
        ("completed", "{from: body.v, instant: iso8601, zone: Mars/A}", "bad_value", "no such"),
        ("completed", "{from: body.v, instant: iso8601, zone: ../x}", "bad_value", "zone's name"),
        ("completed", "{from: body.v, instant: iso8601, zone: [a]}", "bad_value", "takes a text"),
        ("completed", "{from: body.v, date: YYYY-MM}", "bad_value", "a date form"),
        ("completed", "{from: body.v, date: [YYYY-MM-DD, 5]}", "bad_value", "a date form"),
        ("occurred_at", "{from: body.v, date: YYYY-MM-DD}", "verb_clash", "takes instant"),
        ("points", "{from: body.v}", "verb_clash", "points takes number"),
        ("points", "{from: body.v, number: true, default: few}", "bad_value", "number_not_und"),
    ],
)
def test_rows_of_other_targets(target: str, row: str, code: str, says: str) -> None:
    found = problem(written(**{target: row}))
    assert (found.field, found.code) == (f"event.{target}", code)
    assert found.line == 8 + [*ROWS, target].index(target)
    assert says in found.message


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "code"),
    [
        ("mapping: lms/done", "mapping: lms/other", 1, "mapping", "name_mismatch"),
        ("mapping: lms/done", "mapping: Done", 1, "mapping", "bad_value"),
        ("mapping: lms/done\n", "", 1, "mapping", "missing_key"),
        ("version: 1", "version: 0", 2, "version", "bad_value"),
        ("version: 1", "version: 1.5", 2, "version", "bad_value"),
        ("version: 1\n", "", 1, "version", "missing_key"),
        ("schema: schemas/lms/done.json\n", "", 1, "schema", "missing_key"),
        ("kind: completion", "kind: completed", 6, "kind", "bad_value"),
        ("kind: completion\n", "", 1, "kind", "missing_key"),
        ("kind: completion", "kind: completion\nskip_when: []", 7, "skip_when", "unknown_key"),
        (KIND, f"{KIND}\nonly_if_heard: true", 7, "only_if_heard", "bad_value"),
        (KIND, "kind: retraction\nonly_if_heard: no", 7, "only_if_heard", "bad_value"),
        ("kind: completion", "kind: completion\nkind: ignore", 7, "kind", "duplicate_key"),
        ("match:\n  - {path: body.type, equals: done}\n", "", 1, "match", "missing_key"),
        ("\n  - {path: body.type, equals: done}", " []", 4, "match", "bad_value"),
        ("\n  - {path: body.type, equals: done}", " {a: b}", 4, "match", "bad_value"),
        ("{path: body.type, equals: done}", "body.type", 5, "match[0]", "bad_value"),
        ("{path: body.type, equals: done}", "{equals: done}", 5, "match[0]", "missing_key"),
        ("equals: done", "equal: done", 5, "match[0]", "unknown_key"),
        ("equals: done", "equals: done, in: [a]", 5, "match[0]", "verb_clash"),
        ("equals: done", "equals: [done]", 5, "match[0]", "bad_value"),
        ("equals: done", "equals: ", 5, "match[0]", "bad_value"),
        ("equals: done", "in: done", 5, "match[0]", "bad_value"),
        ("equals: done", "in: [done, [x]]", 5, "match[0]", "bad_value"),
        ("equals: done", "present: maybe", 5, "match[0]", "bad_value"),
        ("equals: done", "starts_with: true", 5, "match[0]", "bad_value"),
        ("path: body.type", "path: type", 5, "match[0]", "path_syntax"),
        ("path: body.type", "path: \"body.f[?a=='b'].c | [0]\"", 5, "match[0]", "path_syntax"),
    ],
)
def test_heads(old: str, new: str, line: int, field: str, code: str) -> None:
    assert old in HEAD
    _, found = attempt(written(HEAD.replace(old, new, 1)))
    assert (line, field, code) in [(p.line, p.field, p.code) for p in found]


def test_targets() -> None:
    found = problem(written(learnr="{from: body.user}"))
    assert (found.line, found.code) == (12, "unknown_target")
    assert found.message == "learnr; did you mean learner?"
    found = problem(written(learner=None))
    assert (found.line, found.field, found.code) == (7, "event.learner", "missing_target")


@pytest.mark.parametrize(
    ("rows", "codes"),
    [
        ({"completed": None}, ["missing_target"]),
        ({"completed": None, "occurred_at": "{from: body.at, instant: iso8601}"}, []),
        (
            {"completed": None, "occurred_at": "{from: body.at, instant: iso8601, optional: true}"},
            ["verb_clash"],
        ),
    ],
)
def test_a_retraction_needs_one_time(rows: dict[str, str | None], codes: list[str]) -> None:
    text = written(HEAD.replace("completion", "retraction"), **rows)
    assert [p.code for p in attempt(text)[1]] == codes


@pytest.mark.parametrize("kind", ["evaluation", "claim"])
def test_a_step_says_what_a_completion_says(kind: str) -> None:
    head = HEAD.replace("completion", kind)
    found = mapping(written(head, points="{from: body.points, number: true}"))
    said = found.read(envelope(points="1.25"))
    assert isinstance(said, Said)
    assert (said.kind, said.learner, said.points) == (kind, "905", Decimal("1.25"))
    lacking = problem(written(head, completed=None))
    assert (lacking.field, lacking.code) == ("event.completed", "missing_target")
    early = problem(written(head, completed=None, occurred_at="{from: body.at, instant: iso8601}"))
    assert early.code == "missing_target"


def test_an_unknown_kind_is_told_with_those_there_are() -> None:
    found = problem(written(HEAD.replace("completion", "attendance")))
    assert (found.field, found.code) == ("kind", "bad_value")
    assert "completion, evaluation, claim, retraction, ignore" in found.message


def test_an_ignored_event_says_nothing() -> None:
    head = HEAD.replace("completion", "ignore")
    text = head + "not_reportable:\n  - {path: body.a, present: true, reason: a}\nevent: {}\n"
    assert [(p.line, p.code) for p in attempt(text)[1]] == [(9, "unknown_key"), (7, "unknown_key")]


def test_reasons_of_not_reportable() -> None:
    rows = "not_reportable:\n  - {path: body.a, present: true}\n"
    assert problem(written(HEAD + rows)).code == "bad_value"
    rows = "not_reportable:\n  - {path: body.a, present: true, reason: Not Reportable}\n"
    found = problem(written(HEAD + rows))
    assert (found.line, found.field) == (8, "not_reportable[0].reason")


def test_schemas() -> None:
    found = problem(written(), None)
    assert (found.line, found.field, found.code) == (3, "schema", "schema_missing")
    found = problem(written(), b'{"type": "nothing"}')
    assert (found.line, found.field, found.code) == (3, "schema", "schema_invalid")


def test_a_misspelt_path_does_not_load_and_says_what_was_meant() -> None:
    schema = orjson.dumps({"properties": dict.fromkeys(("type", "user", "course", "at"), True)})
    found = problem(written(learner="{from: body.usr}"), schema)
    assert (found.line, found.field, found.code) == (9, "event.learner", "path_not_in_schema")
    assert found.message == "body.usr: the schema knows no usr here; did you mean user?"


def test_all_problems_come_at_once_and_read_well() -> None:
    text = written(HEAD.replace("version: 1", "version: x"), learner="{form: body.user}", title="x")
    _, found = attempt(text, OPEN)
    assert [(p.line, p.code) for p in sorted(found)] == [
        (2, "bad_value"),
        (9, "unknown_verb"),
        (12, "bad_value"),
    ]
    assert str(min(found)) == f"{FILE}:2: version: bad_value: takes a whole number from 1"


@pytest.mark.parametrize("text", ["", "- a\n", "just text", "5", "event: [", "mapping: {"])
def test_what_is_no_mapping_file_at_all(text: str) -> None:
    compiled, found = attempt(text)
    assert compiled is None
    assert found


def test_a_retraction_may_name_the_event_it_takes_back_and_nothing_of_it() -> None:
    voiding, problems = attempt(written(TAKING, **VOID))
    assert (problems, voiding and voiding.retracts) == ([], True)
    for target in ("learner", "course", "completed", "occurrence", "points", "title"):
        number = {"points": ", number: true", "completed": ", instant: iso8601"}
        row = f"{{from: body.v{number.get(target, '')}}}"
        found = problem(written(TAKING, **(VOID | {target: row})))
        assert (found.code, found.field) == ("verb_clash", f"event.{target}")
    assert problem(written(TAKING, **(VOID | {"occurred_at": None}))).code == "missing_target"
    optional = VOID | {"retracts": "{from: body.of, optional: true}"}
    assert problem(written(TAKING, **optional)).code == "verb_clash"


def test_only_a_retraction_takes_an_event_back() -> None:
    found = problem(written(retracts="{from: body.of}"))
    assert (found.code, found.field) == ("verb_clash", "event.retracts")
    invented = problem(written(TAKING, **(VOID | {"retracts": "{const: a}"})))
    assert "must come from the event" in invented.message


ZONED = HEAD.replace("kind:", "zone: America/New_York\nkind:")
NO_ZONE = "2026-11-20T18:38:00"


def test_a_mappings_zone_is_that_of_all_its_rows_that_name_none() -> None:
    texts = written(
        ZONED,
        occurred_at="{from: body.sent, instant: iso8601, zone: America/Chicago}",
        title="{from: body.v}",
    )
    found = mapping(texts).read(envelope(at=NO_ZONE, sent=NO_ZONE, v="x"))
    assert isinstance(found, Said)
    assert found.instant == datetime(2026, 11, 20, 23, 38, tzinfo=UTC)
    assert found.occurred_at == datetime(2026, 11, 21, 0, 38, tzinfo=UTC)


def test_a_mappings_zone_must_be_one_and_of_use() -> None:
    wrong = problem(written(ZONED.replace("America", "Amercia")))
    assert (wrong.code, wrong.field) == ("bad_value", "event.completed")
    assert "no such time zone" in wrong.message
    useless = problem(written(ZONED, completed="{from: body.at, date: YYYY-MM-DD}"))
    assert (useless.line, useless.code, useless.field) == (6, "bad_value", "zone")
