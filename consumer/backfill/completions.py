"""A list of completions, CSV or Excel, as old events: what nothing was heard of comes of it.

A list knows a completion less exactly than the LMS's own event, so it overrules none: what was
heard of a learner and a course before stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from consumer.backfill.file import Opened
from consumer.backfill.old import Broken, Lines
from consumer.bus.port import Message, Partition
from consumer.credit import Identity
from consumer.lms.listed import Listed, ListForm, event_of, list_counter, read_list
from consumer.tables.arrival import MOST_BYTES, open_bytes

_PACKED = ".gz"


@dataclass(frozen=True, slots=True)
class OldCompletions(Lines):
    """The completions of one list, each once."""

    name: str
    rows: tuple[Listed, ...] = field(repr=False)
    listed: str

    overrules = False

    @classmethod
    def of(
        cls, name: str, opened: Opened, listed: str, form: ListForm, sheet: str, identity: Identity
    ) -> OldCompletions:
        """All of the list, or nothing; `listed` is what people call it.

        Raises TableProblems with file, line and column of what is wrong, OSError, EOFError.
        """
        with opened() as file:
            data = file.read(MOST_BYTES + 1)
        told = name.removesuffix(_PACKED)
        found = read_list(open_bytes(told, data, sheet, list_counter(form)), form)
        # By what is made of it too: another sheet, or read otherwise, its rows say something else.
        digest = identity.digest("backfill", listed, repr(form), sheet.casefold(), data)[:16]
        return cls(f"backfill.{digest}", "", name, _first_of_each(found.rows), listed)

    def read(self, after: Mapping[Partition, int]) -> Iterator[Message | Broken]:
        """Every completion from that line on."""
        first = after.get(self.strand, 0)
        for row in self.rows:
            if row.line >= first:
                event = event_of(row, self.listed, self.topic)
                yield Message(self.topic, 0, row.line, event.key, event.value, event.headers)


def _first_of_each(rows: Collection[Listed]) -> tuple[Listed, ...]:
    """Of a completion that is listed twice the earlier one counts, wherever it stands."""
    found: dict[tuple[str, ...], Listed] = {}
    for row in sorted(rows, key=lambda one: one.instant):
        found.setdefault((row.site, row.learner, row.course, row.occurrence), row)
    return tuple(sorted(found.values(), key=lambda one: one.line))
