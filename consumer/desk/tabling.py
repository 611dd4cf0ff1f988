"""The desk's tables: what an import would do, doing it, and taking it back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from consumer.board import Boards
from consumer.clock import Clock
from consumer.tables.arrival import open_bytes, open_file
from consumer.tables.cell import Arrived
from consumer.tables.comparison import (
    Action,
    Comparison,
    Incoming,
    RowReader,
    Rows,
    matched,
    read_current,
    scrutinise,
    written,
)
from consumer.tables.csvfile import TableProblem, TableProblems, iter_text
from consumer.tables.day import DayReader
from consumer.tables.heading import (
    Headings,
    Said,
    Seen,
    find_headings,
    known_counter,
    see_headings,
)
from consumer.tables.history import Deed, History, Version
from consumer.tables.kind import HIDDEN, KINDS, LEARNERS, TableKind
from consumer.tables.remembered import remember, remembered
from consumer.tables.scrutiny import Origin
from consumer.tables.value import Values

MOST_REMOVED = 0.2
"""Which part of a table may go in one import before it has to be said."""
_CHECKED: dict[str, tuple[tuple[str, Boards, frozenset[str]], list[TableProblem]]] = {}
"""Of each table what was wrong when it was last checked, and by which content, boards, profiles."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How an office wants a file to be taken; the defaults are the safest."""

    replace: bool = False
    skip_wrong: bool = False
    allow_removals: bool = False
    day_first: bool = False
    sheet: str = ""
    constants: Mapping[str, str] = field(default_factory=dict)
    said: Said = field(default_factory=Said)


class Hindrance(StrEnum):
    """Why a table cannot be brought as wished."""

    WRONG = "wrong"  # rows are wrong, and are not to be left out
    KEYLESS = "keyless"  # of a wrong row nobody can tell which one it would replace
    REMOVALS = "removals"  # more of the table would go than is allowed


@dataclass(frozen=True, slots=True)
class Preview:
    """What an import would do. Nothing was changed yet; `base` is the table it was seen beside."""

    kind: TableKind
    name: str
    how: str
    wish: Wish
    base: str
    comparison: Comparison
    headings: Headings
    wrong: tuple[TableProblem, ...]
    notes: tuple[str, ...]
    content: bytes = b""
    """The bytes to put in force, where they are known already: a version that is put back."""
    undoes: int = 0

    def counts(self) -> dict[str, int]:
        """Rows by what becomes of them."""
        seen, wrong = self.comparison, {one.line for one in self.wrong}
        return {
            "rows": seen.incoming.read,
            "added": seen.counts[Action.ADD],
            "changed": seen.counts[Action.CHANGE],
            "removed": seen.counts[Action.REMOVE],
            "unchanged": seen.unchanged,
            "not_in_file": seen.untouched,
            "wrong": len(wrong),
        }

    def hindered(self, most_removed: float = MOST_REMOVED) -> list[Hindrance]:
        """What keeps it from being done as wished; empty when nothing does."""
        found = []
        if self.wrong and not self.wish.skip_wrong:
            found.append(Hindrance.WRONG)
        if self.wish.replace and self.comparison.incoming.keyless:
            found.append(Hindrance.KEYLESS)
        if self.comparison.removed_share > most_removed and not self.wish.allow_removals:
            found.append(Hindrance.REMOVALS)
        return found

    def hindrances(self, most_removed: float = MOST_REMOVED) -> list[str]:
        """The same in the command line's words."""
        share = f"{self.comparison.removed_share:.0%} of the table would be removed"
        words = {
            Hindrance.WRONG: "rows are wrong: correct them, or leave them out with --skip-wrong",
            Hindrance.KEYLESS: "with --replace nobody can tell which rows the wrong ones are:"
            " correct them",
            Hindrance.REMOVALS: f"{share}, more than {most_removed:.0%}:"
            " if that is right, add --allow-removals",
        }
        return [words[one] for one in self.hindered(most_removed)]


class TableDesk:
    """What people and the service do to one office's tables, for command line and web alike."""

    def __init__(
        self, folder: Path, boards: Boards, profiles: Collection[str], clock: Clock, keep: int
    ) -> None:
        """`keep` is how many versions' contents the history keeps."""
        self._folder, self._boards, self._profiles = folder, boards, profiles
        self._clock, self._keep = clock, keep

    def preview_file(
        self, table: str, path: Path, wish: Wish, tell: Callable[[int], None] = lambda _: None
    ) -> Preview:
        """What importing this file would do. Raises TableProblems: the file as such."""
        kind = KINDS[table]
        known = known_counter(kind, self._all_said(kind, wish))
        return self._preview(kind, open_file(path, wish.sheet, known), wish, "import", tell)

    def preview_bytes(self, table: str, name: str, data: bytes, wish: Wish) -> Preview:
        """The same of a file that somebody sent. Raises TableProblems: the file as such."""
        kind = KINDS[table]
        arrived = self._opened(kind, name, data, wish)
        return self._preview(kind, arrived, wish, "import", lambda _: None)

    def headings(self, table: str, name: str, data: bytes, wish: Wish) -> tuple[Seen, ...]:
        """What a file's headings are taken for. Raises TableProblems: the file, or it has none."""
        kind = KINDS[table]
        arrived = self._opened(kind, name, data, wish)
        return see_headings(arrived, kind, wish.said, remembered(self._folder, kind))

    def preview_rows(self, table: str, arrived: Arrived, wish: Wish, how: str = "sql") -> Preview:
        """The same of rows that come from elsewhere."""
        return self._preview(KINDS[table], arrived, wish, how, lambda _: None)

    def preview_undo(self, table: str, number: int | None = None) -> Preview:
        """What putting a version back would do: that number, or the one before the latest.

        Raises NoSuchVersion, TableProblems.
        """
        kind, history = KINDS[table], self.history(table)
        base, content = history.digest_and_content()
        version = history.version(number) if number else history.before(base)
        old = history.content(version)
        current = read_current(kind, _rows(kind, content))
        incoming = Incoming(read_current(kind, _rows(kind, old)))
        incoming.read = len(incoming.rows)
        comparison = Comparison(kind, current, incoming, frozenset(kind.columns), replace=True)
        comparison.count()
        wish = Wish(replace=True, allow_removals=True)
        name = f"version {version.number}"
        return Preview(kind, name, "undo", wish, base, comparison, Headings(0, 0, (), ()),
                       (), (), old, version.number)  # fmt: skip

    def rows_of(self, table: str, number: int, *, show: bool) -> list[dict[str, object]]:
        """A version's rows with their line. Raises NoSuchVersion, TableProblems."""
        kind, history = KINDS[table], self.history(table)
        content = history.content(history.version(number))
        hidden = () if show or kind is not LEARNERS else HIDDEN
        return [
            {"row": line, **{name: _covered(name, cells[name], hidden) for name in kind.columns}}
            for line, cells in _rows(kind, content)
        ]

    def check(self, table: str) -> list[TableProblem]:
        """What is wrong with the table as it is, row by row; the service may take it all the same.

        A wrong ID or name stops that learner's records alone.
        """
        kind = KINDS[table]
        try:
            base, rows = self._current(kind)
            # A large table takes a third of a second, and is looked at more often than changed.
            seen = base, self._boards, frozenset(self._profiles)
            known = _CHECKED.get(table)
            if known is None or known[0] != seen:
                known = _CHECKED[table] = seen, self._check(kind, rows)
            return [*known[1]]
        except TableProblems as found:
            return [*found.problems]

    def _check(
        self, kind: TableKind, rows: Iterator[tuple[int, Mapping[str, str]]]
    ) -> list[TableProblem]:
        current = read_current(kind, rows)
        told = ((Origin(kind.file, line), row) for line, row in current.values())
        return sorted(scrutinise(kind, told, kind.file, self._boards, self._profiles))

    def rows(self, table: str) -> Iterator[Mapping[str, str]]:
        """The rows of the table as it is. Raises TableProblems."""
        _, rows = self._current(KINDS[table])
        return (cells for _, cells in rows)

    def as_it_is(self, table: str) -> tuple[str, Rows]:
        """The table's digest and its rows by key. Raises TableProblems when it cannot be read."""
        kind = KINDS[table]
        base, rows = self._current(kind)
        return base, read_current(kind, rows)

    def apply(self, preview: Preview, who: str) -> Version:
        """Do what was seen. Raises TableChanged when the table is another by now."""
        counts = preview.counts()
        deed = Deed(self._clock.now(), who, preview.how, preview.name, counts["added"],
                    counts["changed"], counts["removed"], preview.undoes)  # fmt: skip
        rows = (row for _, row in preview.comparison.rows(preview.name))
        content = preview.content or b"".join(written(preview.kind, rows))
        version = self.history(preview.kind.name).put(preview.base, content, deed)
        remember(self._folder, preview.kind, preview.wish.said)
        return version

    def history(self, table: str) -> History:
        """The versions of a table."""
        return History(self._folder, KINDS[table], self._keep)

    def _opened(self, kind: TableKind, name: str, data: bytes, wish: Wish) -> Arrived:
        return open_bytes(name, data, wish.sheet, known_counter(kind, self._all_said(kind, wish)))

    def _all_said(self, kind: TableKind, wish: Wish) -> Said:
        return Said({**remembered(self._folder, kind).columns, **wish.said.columns})

    def _preview(
        self, kind: TableKind, arrived: Arrived, wish: Wish, how: str, tell: Callable[[int], None]
    ) -> Preview:
        headings = find_headings(arrived, kind, wish.said, remembered(self._folder, kind))
        problems = _of_columns(kind, arrived, headings, wish)
        base, rows = self._current(kind)
        current = read_current(kind, rows)
        if "site" not in {one.column for one in headings.taken} | {*wish.constants}:
            problems += _of_site(arrived, headings, current.keys())
        if problems:
            raise TableProblems(problems)
        days = DayReader(self._clock.now().date(), wish.day_first)
        values = Values(self._boards, arrived.typed, days)
        reader = RowReader(kind, arrived, headings, wish.constants, values, tell)
        incoming = reader.read()
        columns = frozenset({one.column for one in headings.taken} | {*wish.constants})
        matched(kind, current, incoming, columns)
        comparison = Comparison(kind, current, incoming, columns, wish.replace)
        self._scrutinise(comparison, arrived.name)
        comparison.count()
        wrong = sorted(one for found in incoming.wrong.values() for one in found)
        return Preview(kind, arrived.name, how, wish, base, comparison, headings,
                       tuple(wrong), (*arrived.notes, *_told(incoming)))  # fmt: skip

    def _scrutinise(self, comparison: Comparison, name: str) -> None:
        incoming = comparison.incoming
        rows = comparison.rows(name)
        found = scrutinise(comparison.kind, rows, name, self._boards, self._profiles)
        for problem in found:
            incoming.refuse(problem.line, problem)
        incoming.drop({problem.line for problem in found})

    def _current(self, kind: TableKind) -> tuple[str, Iterator[tuple[int, Mapping[str, str]]]]:
        """The digest of the table as it is, and its rows."""
        history = self.history(kind.name)
        base, content = history.digest_and_content()
        return base, _rows(kind, content)


def _covered(column: str, text: str, hidden: Collection[str]) -> str:
    return "•••" if text and column in hidden else text


def _rows(kind: TableKind, content: bytes) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        message = "not UTF-8: save it as 'CSV UTF-8'"
        raise TableProblems([TableProblem(kind.file, 0, "", message)]) from None
    rows = iter_text(Path(kind.file), text, frozenset(kind.columns), frozenset())
    return ((row.line, row.cells) for row in rows)


def _of_columns(
    kind: TableKind, arrived: Arrived, headings: Headings, wish: Wish
) -> list[TableProblem]:
    """What the columns lack, or have too much of."""
    taken = {one.column for one in headings.taken}
    unknown = {*wish.constants, *wish.said.columns.values(), *taken} - {*kind.columns, ""}
    if unknown:
        names = ", ".join(kind.columns)
        message = f"{', '.join(sorted(unknown))}: no such column; there are: {names}"
        return [TableProblem(arrived.name, headings.line, "", message)]
    missing = kind.required - taken - {*wish.constants}
    found = [
        TableProblem(arrived.name, headings.line, name, "column is missing: is it called something"
                     f' else? Say --column "HEADING"={name}, or --set {name}=VALUE for all rows')
        for name in kind.columns if name in missing
    ]  # fmt: skip
    both = taken & {*wish.constants}
    found += [
        TableProblem(arrived.name, headings.line, name, "stands in the file, and in --set too")
        for name in sorted(both)
    ]
    return found


def _of_site(
    arrived: Arrived, headings: Headings, keys: Iterable[tuple[str, ...]]
) -> list[TableProblem]:
    """A file that names no LMS, beside a table whose every row does, would double everybody."""
    sites = {key[0] for key in keys}
    if not sites or "" in sites:
        return []
    message = (
        "column is missing, and all rows of the table name an LMS: say"
        f" --set site={sorted(sites)[0]}, or --set site= for all LMSs"
    )
    return [TableProblem(arrived.name, headings.line, "site", message)]


def _told(incoming: Incoming) -> list[str]:
    return [
        f"{column}: {words} ({count} row{'s' * (count != 1)})"
        for (column, words), count in sorted(incoming.notes.items())
    ]
