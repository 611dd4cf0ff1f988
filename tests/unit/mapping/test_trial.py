"""Trying an event row by row."""

from __future__ import annotations

from consumer.mapping.trial import Attempt, try_mapping
from tests.unit.mapping.samples import HEAD, envelope, mapping, written


def test_a_trial_shows_every_row_and_what_came_of_it() -> None:
    small = mapping(written(title="{first_of: [body.v, body.w], optional: true}"))
    trial = try_mapping(small, envelope())
    assert trial.recognised
    assert trial.rows == (
        Attempt("site", "", "lms.example", ""),
        Attempt("learner", "body.user", "905", ""),
        Attempt("course", "body.course", "37", ""),
        Attempt("completed", "body.at", "2026-11-20T23:38:00Z", ""),
        Attempt("title", "body.v or body.w", "", ""),
    )
    assert trial.verdict["said"] == {row.target: row.value for row in trial.rows if row.value}
    assert trial.reasons == ()
    assert [row.verbs for row in trial.rows] == [
        "const",
        "",
        "",
        "instant: iso8601",
        "first_of, optional",
    ]


def test_a_trial_goes_on_where_the_event_would_be_stopped() -> None:
    small = mapping(written(title="{join: [body.type, body.v], with: '-'}"))
    trial = try_mapping(small, envelope(type="other", user=None))
    assert trial.recognised is False
    errors = [row for row in trial.rows if row.error]
    assert errors == [
        Attempt("learner", "body.user", "", "value_missing"),
        Attempt("title", "body.v", "", "join_incomplete"),
    ]
    assert [row.verbs for row in errors] == ["", "join, with: -"]
    assert [reason.field for reason in trial.reasons] == ["learner", "title"]
    assert trial.verdict == {"error": "value_missing, join_incomplete", "field": "learner, title"}


def test_a_trial_of_an_event_that_is_none_of_our_business() -> None:
    head = HEAD.replace("completion", "ignore")
    assert try_mapping(mapping(head), envelope()).verdict == {"ignored": True}
