"""A mapping at work: from an envelope to what the event says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from consumer.event import Envelope
from consumer.fate import Ignored, NotReportable
from consumer.mapping.condition import Condition, Excuse, all_hold
from consumer.mapping.each import Each, split
from consumer.mapping.fault import Fault
from consumer.mapping.path import Path
from consumer.mapping.row import Row
from consumer.mapping.said import Kind, Said
from consumer.mapping.shape import Shape
from consumer.reason import Reason, Stage, Stopped


@dataclass(frozen=True, slots=True)
class Mapping:
    """One mapping file, compiled. `file` is what reasons call it.

    `only_if_heard`: a retraction of what was never heard of says nothing, and is not remembered.
    """

    name: str
    version: int
    kind: Kind
    file: str
    match: tuple[Condition, ...]
    shape: Shape | None = None
    excuses: tuple[Excuse, ...] = ()
    rows: tuple[Row, ...] = ()
    each: Each | None = None
    only_if_heard: bool = False

    @property
    def source(self) -> str:
        """The LMS: the first part of the name."""
        return self.name.partition("/")[0]

    @property
    def retracts(self) -> bool:
        """Whether it takes events back by their ids."""
        return any(row.target == "retracts" for row in self.rows)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every path of the rows."""
        conditions = [*self.match, *(excuse.condition for excuse in self.excuses)]
        return (*(c.path for c in conditions), *(path for row in self.rows for path in row.paths))

    def shape_of(self, path: Path) -> Shape | None:
        """The schema that a path is followed through, if there is one."""
        if path.root == "item":
            return self.each.inner if self.each else None
        return self.shape if path.root == "body" else None

    def matches(self, envelope: Envelope) -> bool:
        """Whether the event is this mapping's."""
        return all_hold(self.match, envelope)

    def split(self, envelope: Envelope) -> list[Envelope]:
        """The events in a message, whosever they are; the message itself without `each`.

        Raises Stopped.
        """
        if self.each is None:
            return [envelope]
        return split(envelope, self.each.path, self.each.place)

    def read(self, envelope: Envelope) -> Said | NotReportable | Ignored:
        """What the event says. Raises Stopped with every reason why it cannot be said."""
        if self.kind is Kind.IGNORE:
            return Ignored()
        if self.each:
            self.each.check(envelope)
        elif self.shape:
            self.shape.check(envelope.body)
        excuse = self.excuse(envelope)
        return excuse or self._said(self._values(envelope))

    def excuse(self, envelope: Envelope) -> NotReportable | None:
        """The first row of `not_reportable` that holds. Raises Stopped."""
        for excuse in self.excuses:
            path, line = excuse.condition.path.text, excuse.condition.line
            try:
                holds = excuse.condition.holds(envelope)
            except Fault as fault:
                detail = f"{self.file}:{line}"
                raise Stopped(Reason(Stage.MAP, fault.code, path, detail)) from None
            if holds:
                return NotReportable(Reason(Stage.MAP, excuse.reason, path))
        return None

    def glimpse(self, envelope: Envelope) -> Said | None:
        """What a not-reportable event says of learner, course and time, None if not all of it.

        So that it can be found when somebody asks, and read again when its mapping changes.
        """
        values: dict[str, Any] = {}
        for row in self.rows:
            try:
                value = row.read(envelope)
            except Fault:
                continue
            if value is not None:
                values[row.target] = value
        named = {"site", "learner", "course"} <= values.keys()
        dated = "completed" in values or "occurred_at" in values
        return self._said(values) if named and dated else None

    def reason(self, row: Row, fault: Fault) -> Reason:
        """Why this row could not be read: target, path, file and line."""
        detail = f"{fault.path or row.shown} ({self.file}:{row.line})"
        return Reason(Stage.MAP, fault.code, row.target, detail)

    def _values(self, envelope: Envelope) -> dict[str, Any]:
        values: dict[str, Any] = {}
        reasons: list[Reason] = []
        for row in self.rows:
            try:
                value = row.read(envelope)
            except Fault as fault:
                reasons.append(self.reason(row, fault))
            else:
                if value is not None:
                    values[row.target] = value
        if reasons:
            # Here and not in the handler: no traceback may lead back to a value.
            raise Stopped(*reasons)
        return values

    def _said(self, values: dict[str, Any]) -> Said:
        # A retraction need not say when the course was completed; then its own time stands.
        if "completed" not in values:
            values["completed"] = values["occurred_at"]
        if "retracts" in values:
            values = {"site": "", "learner": "", "course": ""} | values
        return Said(self.kind, self.source, self.name, self.version, **values)
