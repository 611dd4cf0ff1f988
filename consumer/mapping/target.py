"""The targets: the fields of Said that a row may fill, and which verbs make sense there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from consumer.mapping.said import Kind


@dataclass(frozen=True, slots=True)
class Target:
    """One field. `conversions` are the verbs one of which it needs; none for text.

    `from_event` fields say who and when: a value invented by a mapping would credit somebody.
    """

    name: str
    conversions: tuple[str, ...] = ()
    from_event: bool = False


TARGETS = {
    target.name: target
    for target in (
        Target("site"),
        Target("learner", from_event=True),
        Target("course"),
        Target("completed", conversions=("instant", "date"), from_event=True),
        Target("occurred_at", conversions=("instant",), from_event=True),
        Target("points", conversions=("number",)),
        Target("title"),
        Target("occurrence"),
        Target("event_id"),
        Target("retracts", from_event=True),
    )
}

_ALWAYS = ("site", "learner", "course")
OF_THE_EVENT = ("learner", "course", "completed", "occurrence", "points", "title")
"""What a retraction that names an event does not say: that event has said it."""


def required(kind: Kind, present: Collection[str]) -> tuple[str, ...]:
    """The targets that `kind` cannot do without.

    A retraction may lack `completed`: when the event was made then stands for it. One that names
    the event it takes back needs nothing of that event's.
    """
    if kind is Kind.RETRACTION and "retracts" in present:
        return ("retracts", "occurred_at")
    if kind is Kind.RETRACTION and "occurred_at" in present and "completed" not in present:
        return (*_ALWAYS, "occurred_at")
    return (*_ALWAYS, "completed")
