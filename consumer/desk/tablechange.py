"""A change of a table before it is made: whom it is about, and the tables with it in them."""

from __future__ import annotations

from dataclasses import replace

from consumer.desk.tabling import Preview
from consumer.mapping.said import Said
from consumer.tables import Tables
from consumer.tables.activities import activities_of
from consumer.tables.comparison import unpacked
from consumer.tables.csvfile import CsvRow
from consumer.tables.kind import LEARNERS
from consumer.tables.learners import learners_of


class Concerned:
    """Whether a completion is about a row that the change touches."""

    def __init__(self, preview: Preview) -> None:
        self._learners = preview.kind is LEARNERS
        rows = [cells for one in preview.comparison.changes() for cells in (one.before, one.after)]
        name = preview.kind.identity
        self._keys = {(cells["site"], cells[name]) for cells in rows if cells}

    def __call__(self, said: Said) -> bool:
        who = said.learner if self._learners else said.course
        return not self._keys.isdisjoint({(said.site, who), ("", who)})


def tables_after(preview: Preview, now: Tables) -> Tables:
    """The tables with the change in them. Raises TableProblems."""
    kind = preview.kind
    rows = (
        CsvRow(number, unpacked(kind, row))
        for number, (_, row) in enumerate(preview.comparison.rows(preview.name), 2)
    )
    if kind is LEARNERS:
        learners = learners_of(kind.file, rows, now.boards).in_place_of(now.learners)
        return replace(now, learners=learners)
    return replace(now, activities=activities_of(kind.file, rows, now.boards))
