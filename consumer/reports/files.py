"""A report as files of bounded size: all of them appear whole, or none does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from io import BufferedRandom
from itertools import count
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from consumer.pars.element import invalid
from consumer.reason import Reason, Stopped
from consumer.reports.entry import Entry
from consumer.reports.staging import Staging, settle

LEAST_BYTES = 256 * 1024
MOST_ROWS = 1_000_000  # Excel's own limit is a little above

Row = TypeVar("Row")
_Taken = TypeVar("_Taken", contravariant=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may hold. PARS's own limits are not published (dossier 6): ours to choose."""

    rows: int = 5_000
    bytes: int = 8 * 1024 * 1024

    def __post_init__(self) -> None:
        if not 1 <= self.rows <= MOST_ROWS or self.bytes < LEAST_BYTES:
            raise ValueError(f"1 to {MOST_ROWS} rows, at least {LEAST_BYTES} bytes a file")


DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Written:
    """One finished file: the next `rows` of the accepted entries, in their order."""

    path: Path
    rows: int
    size: int


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that is in no file; `number` counts the entries from 1."""

    number: int
    credit_id: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What became of all entries: each stands in exactly one file, or is refused."""

    files: tuple[Written, ...]
    refused: tuple[Refused, ...]


class Part(Protocol[_Taken]):
    """One file on its way."""

    def size_at_most(self) -> int:
        """Bytes that the file will not exceed if it ends here."""
        ...

    def add(self, row: _Taken) -> None:
        """Write one prepared row."""
        ...

    def finish(self) -> BufferedRandom:
        """The whole file, written but not yet settled."""
        ...


class Format(Protocol[Row]):
    """How entries become rows, and rows a file."""

    suffix: str

    def prepare(self, entry: Entry) -> Row:
        """The row of `entry`; raises Stopped when it cannot be one."""
        ...

    def room(self, row: Row) -> int:
        """Bytes that the row will not exceed in a file."""
        ...

    def begin(self, staging: Staging, name: str) -> Part[Row]:
        """A new file; the first row for it has been prepared."""
        ...


def write_report(
    entries: Iterable[Entry],
    form: Format[Row],
    folder: Path,
    name: str,
    limits: Limits = DEFAULT,
) -> Report:
    """Write `entries` to new files <name>-<n>of<total> in `folder`.

    An entry that cannot be written is refused and the others go on. No file shows before the last
    is whole, none replaces another: where the name is taken "-run2" is added. Whatever is
    raised, no file is left. `entries` is read once, one at a time.
    """
    with Staging(folder) as staging:
        cutting = _Cutting(form, staging, limits)
        for number, entry in enumerate(entries, 1):
            cutting.take(number, entry)
        return Report(cutting.published(folder, name), tuple(cutting.refused))


class _Cutting(Generic[Row]):
    """Cuts rows into parts as they come."""

    def __init__(self, form: Format[Row], staging: Staging, limits: Limits) -> None:
        self._form, self._staging, self._limits = form, staging, limits
        self._part: Part[Row] | None = None
        self._rows = 0
        self._finished: list[tuple[str, int, int]] = []
        self.refused: list[Refused] = []

    def take(self, number: int, entry: Entry) -> None:
        try:
            row = self._form.prepare(entry)
            self._room_for(row).add(row)
        except Stopped as stopped:
            self.refused.append(Refused(number, entry.credit_id, stopped.reasons))
        else:
            self._rows += 1

    def published(self, folder: Path, name: str) -> tuple[Written, ...]:
        """The finished parts, under names that nobody used yet."""
        self._finish()
        if not self._finished:
            return ()
        paths = self._publish(folder, name)
        return tuple(
            Written(path, rows, size)
            for path, (_, rows, size) in zip(paths, self._finished, strict=True)
        )

    def _room_for(self, row: Row) -> Part[Row]:
        """A part with room for `row`: the present one, or a new one."""
        room = self._form.room(row)
        if self._part and not self._fits(self._part, room):
            self._finish()
        if self._part is None:
            self._part = self._form.begin(self._staging, str(len(self._finished)))
        if not self._rows and not self._fits(self._part, room):
            raise Stopped(invalid("", "too_large"))
        return self._part

    def _fits(self, part: Part[Row], room: int) -> bool:
        return self._rows < self._limits.rows and part.size_at_most() + room <= self._limits.bytes

    def _finish(self) -> None:
        if self._part and self._rows:
            size = settle(self._part.finish())
            if size > self._limits.bytes:
                raise OverflowError(
                    f"a file of {size} bytes where {self._limits.bytes} is the most"
                )
            self._finished.append((str(len(self._finished)), self._rows, size))
            self._part, self._rows = None, 0

    def _publish(self, folder: Path, name: str) -> list[Path]:
        for run in count(1):
            stem = name + (f"-run{run}" if run > 1 else "")
            if any(folder.glob(f"{stem}-[0-9]*of*{self._form.suffix}")):
                continue
            with contextlib.suppress(FileExistsError):  # another process was quicker
                return self._staging.publish(self._names(stem))
        raise AssertionError("there is always a next number")

    def _names(self, stem: str) -> list[tuple[str, str]]:
        total, suffix = len(self._finished), self._form.suffix
        return [
            (name, f"{stem}-{number}of{total}{suffix}")
            for number, (name, _, _) in enumerate(self._finished, 1)
        ]
