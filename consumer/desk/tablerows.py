"""The rows of a table as people see them, one by one: masked, found again, edited, taken out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from consumer.board import Boards
from consumer.clock import Clock
from consumer.credit import Identity
from consumer.desk.changed import ChangedMeanwhile
from consumer.desk.masking import masked_date, masked_email, masked_id, masked_name
from consumer.desk.tabling import Preview, TableDesk, Wish
from consumer.desk.uploading import meanwhile
from consumer.tables import TableProblem
from consumer.tables.cell import Arrived, Line
from consumer.tables.comparison import (
    Comparison,
    Incoming,
    Key,
    RowReader,
    Rows,
    scrutinise,
    unpacked,
)
from consumer.tables.day import DayReader
from consumer.tables.heading import Heading, Headings
from consumer.tables.history import EDIT
from consumer.tables.kind import HIDDEN, LEARNERS, TableKind
from consumer.tables.scrutiny import Origin
from consumer.tables.value import Values

FORM = "this form"
_LINE = 0
"""The line of a row that stands in no file yet; in a file the first one is 2."""
_MASKS: dict[str, Callable[[str], str]] = {
    "learner": masked_id,
    "given_name": masked_name,
    "family_name": masked_name,
    "email": masked_email,
    "board_id": masked_id,
    "npi": masked_id,
    "licence": masked_id,
}
"""How a personal column is shown; the others of them only say that there is something."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row. `name` finds it again and tells nothing, `seen` is what it says just now."""

    line: int
    cells: Mapping[str, str]
    name: str
    seen: str


class NoSuchRow(Exception):
    """The table has no such row, or no longer."""


class RowWrong(Exception):
    """The row cannot be taken; `problems` are by column, blank for the row as a whole."""

    def __init__(self, problems: tuple[TableProblem, ...]) -> None:
        self.problems = problems
        super().__init__(f"{len(problems)} problem(s) in the row")


def personal(kind: TableKind, column: str) -> bool:
    """Whether a column says who somebody is."""
    return kind is LEARNERS and (column in HIDDEN or column == "learner")


def shown_cells(kind: TableKind, cells: Mapping[str, str], *, show: bool) -> dict[str, str]:
    """The cells for a page; what is personal is masked unless somebody asked to see it."""
    return {
        name: _MASKS.get(name, masked_date)(text) if personal(kind, name) and not show else text
        for name, text in cells.items()
    }


def masked_changes(
    kind: TableKind, lines: list[dict[str, object]], *, show: bool
) -> list[dict[str, object]]:
    """A preview's lines for a page: whose row it is is masked too, unless somebody asked."""
    if kind is not LEARNERS or show:
        return lines
    return [one | {"learner": masked_id(str(one["learner"]))} for one in lines]


@dataclass(frozen=True, slots=True)
class RowDesk:
    """One table's rows."""

    desk: TableDesk
    kind: TableKind
    identity: Identity
    boards: Boards
    profiles: Collection[str]
    clock: Clock

    def rows(self) -> Iterator[TableRow]:
        """All of them, as the table has them. Raises TableProblems."""
        _, current = self.desk.as_it_is(self.kind.name)
        return (self._row(key, *row) for key, row in current.items())

    def find(self, name: str) -> TableRow:
        """The row of this name. Raises NoSuchRow, TableProblems."""
        _, current = self.desk.as_it_is(self.kind.name)
        key = self._key(name, current)
        return self._row(key, *current[key])

    def matching(self, words: str) -> Iterator[TableRow]:
        """Rows in which each of these words stands somewhere, whatever its case."""
        wanted = words.casefold().split()
        for row in self.rows():
            text = "\x1f".join(row.cells.values()).casefold()
            if all(word in text for word in wanted):
                yield row

    def preview(self, cells: Mapping[str, str], name: str = "", seen: str = "") -> Preview:
        """The table with this row in it: in place of the row `name`, or besides all others.

        Of an edited row, columns that `cells` lacks stay. Raises RowWrong, NoSuchRow,
        ChangedMeanwhile when the row is not as it was `seen`, TableProblems.
        """
        base, current = self.desk.as_it_is(self.kind.name)
        before = self._seen(name, seen, current) if name else None
        whole = unpacked(self.kind, current[before][1]) if before else {}
        key, row = self._read(whole | dict(cells))
        if key != before and key in current:
            raise RowWrong((self._wrong(self.kind.identity, _twice(current[key][0])),))
        return self._checked(base, current, _with(current, before, key, row))

    def preview_without(self, name: str, seen: str) -> Preview:
        """The table without this row. Raises as `preview` does."""
        base, current = self.desk.as_it_is(self.kind.name)
        gone = self._seen(name, seen, current)
        return self._checked(base, current, {k: row for k, row in current.items() if k != gone})

    def faults(self, cells: Mapping[str, str]) -> tuple[TableProblem, ...]:
        """What is wrong with a row as such, whatever else the table has, and whoever's it is."""
        somebody = {self.kind.identity: cells.get(self.kind.identity) or "0"}
        try:
            key, row = self._read({**cells, **somebody})
        except RowWrong as wrong:
            return wrong.problems
        return tuple(self._scrutinised({key: (_LINE, row)}))

    # ------------------------------------------------------------ within

    @property
    def _columns(self) -> frozenset[str]:
        return frozenset(self.kind.columns)

    def _row(self, key: Key, line: int, text: str) -> TableRow:
        digest = self.identity.digest
        return TableRow(
            line, unpacked(self.kind, text), self._name(key),
            digest("table row seen", self.kind.name, text)[:32],
        )  # fmt: skip

    def _name(self, key: Key) -> str:
        return self.identity.digest("table row", self.kind.name, *key)[:32]

    def _key(self, name: str, current: Rows) -> Key:
        found = next((key for key in current if self._name(key) == name), None)
        if found is None:
            raise NoSuchRow(name)
        return found

    def _seen(self, name: str, seen: str, current: Rows) -> Key:
        key = self._key(name, current)
        if self._row(key, *current[key]).seen != seen:
            told = meanwhile(self.desk, self.kind.name)
            raise ChangedMeanwhile("this row", told.who, told.at)
        return key

    def _read(self, cells: Mapping[str, str]) -> tuple[Key, str]:
        """The row as the table holds it, each cell read as one of an import is. Raises RowWrong."""
        columns = self.kind.columns
        line = Line(_LINE, tuple(cells.get(name, "") for name in columns))
        arrived = Arrived(FORM, iter([line]))
        taken = tuple(Heading(name, place, name, "ours") for place, name in enumerate(columns))
        headings = Headings(0, len(columns), taken, ())
        days = DayReader(self.clock.now().date(), day_first=False)
        values = Values(self.boards, typed=True, days=days)
        incoming = RowReader(self.kind, arrived, headings, {}, values).read()
        if incoming.wrong:
            raise RowWrong(tuple(one for found in incoming.wrong.values() for one in found))
        ((key, (_, row)),) = incoming.rows.items()
        return key, row

    def _checked(self, base: str, current: Rows, after: Rows) -> Preview:
        if wrong := self._scrutinised(after):
            raise RowWrong(tuple(wrong))
        incoming = Incoming(after)
        incoming.read = len(after)
        comparison = Comparison(self.kind, current, incoming, self._columns, replace=True)
        comparison.count()
        wish = Wish(replace=True, allow_removals=True)
        nothing = Headings(0, 0, (), ())
        return Preview(self.kind, "one row", EDIT, wish, base, comparison, nothing, (), ())

    def _scrutinised(self, rows: Rows) -> list[TableProblem]:
        """What is wrong with the form's row among these; with the others is another matter."""
        told = (
            (Origin(self.kind.file if line else FORM, line), row) for line, row in rows.values()
        )
        return scrutinise(self.kind, told, FORM, self.boards, self.profiles)

    def _wrong(self, column: str, message: str) -> TableProblem:
        return TableProblem(FORM, _LINE, column, message)


def _with(current: Rows, before: Key | None, key: Key, row: str) -> Rows:
    """The rows with this one: where `before` stood, or at the end."""
    if before is None:
        return current | {key: (_LINE, row)}
    return {
        (key if one == before else one): ((_LINE, row) if one == before else kept)
        for one, kept in current.items()
    }


def _twice(line: int) -> str:
    return f"stands twice, in row {line} too"
