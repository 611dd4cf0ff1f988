"""Messages that hold several events: where they stand, and what the schema says of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from consumer.event import Envelope, Place, put
from consumer.mapping.fault import missing
from consumer.mapping.path import Path
from consumer.mapping.shape import Shape, mismatch
from consumer.reason import Reason, Stage, Stopped

MOST_EVENTS = 10_000
"""In one message. More is no LMS's way to say anything; each costs a row and a look-up."""


@dataclass(frozen=True, slots=True)
class Each:
    """The list that a mapping takes apart. `outer` is the schema of what stands around it, `inner`
    that of one event; both are None without a schema."""

    path: Path
    outer: Shape | None = None
    inner: Shape | None = None

    @property
    def place(self) -> Place:
        """Where the list stands in the body."""
        return tuple(step for step in self.path.steps if isinstance(step, str | int))

    def check(self, event: Envelope) -> None:
        """Raises Stopped (stage `schema`): what is wrong with one event says nothing of another."""
        if self.outer is None or self.inner is None:
            return
        if self.path.steps:
            self.outer.check(put(event.body, self.place, []))
        if not self.inner.alone and event.item is self.path.find(event):
            raise Stopped(mismatch(self.path.text, "type"))
        self.inner.check(event.item)


def shapes(shape: Shape, path: Path) -> tuple[Shape, Shape]:
    """The schemas around and in the list at `path`. Raises NotInSchema, SchemaInvalid."""
    return shape.around(), shape.within(path.steps)


def split(envelope: Envelope, path: Path, place: Place) -> list[Envelope]:
    """An envelope for each event in the list; an object in its place counts as a list of one.

    Raises Stopped.
    """
    found = path.find(envelope)
    if missing(found):
        raise Stopped(Reason(Stage.MAP, "value_missing", path.text))
    if not isinstance(found, list | dict):
        raise Stopped(Reason(Stage.MAP, "wrong_type", path.text))
    items: Sequence[Any] = found if isinstance(found, list) else (found,)
    if len(items) > MOST_EVENTS:
        limit = f"limit {MOST_EVENTS} events"
        raise Stopped(Reason(Stage.RECOGNISE, "too_many_events", path.text, limit))
    outside = (envelope.body, envelope.headers, envelope.key)
    return [Envelope(*outside, item, part, place) for part, item in enumerate(items)]
