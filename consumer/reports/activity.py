"""The report of one activity as an Excel file: how many stand where, why, and who they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from consumer.reports.audit import Line, Unreported
from consumer.reports.sheet import Book, Value
from consumer.reports.staging import Staging, settle

_WIDE, _MIDDLE, _NARROW = 48, 26, 12
_PEOPLE: tuple[tuple[str, int], ...] = (
    ("Learner", _MIDDLE),
    ("Board", _NARROW),
    ("Board ID", _NARROW),
    ("Credit type", _MIDDLE),
    ("Points", _NARROW),
    ("Completed on", 14),
    ("Standing", _MIDDLE),
    ("Why", _WIDE),
    ("Who acts", 14),
    ("Next step", _WIDE),
)


@dataclass(frozen=True, slots=True)
class Content:
    """What the file is to hold: a column of figures per PARS ID, then reasons; both without people.

    `head` stands above the figures, a name and a value a row.
    """

    head: Sequence[tuple[str, Value]]
    periods: Sequence[str]
    figures: Sequence[tuple[str, Sequence[int]]]
    reasons: Sequence[tuple[Value, ...]]


def write(
    content: Content,
    file: Path,
    reported: Iterable[Line] | None = None,
    unreported: Iterable[Unreported] = (),
) -> int:
    """Write it; gives how many people's lines it has. With lines it has a sheet of learners too.

    The file is its owner's alone, replaces none, and a text in it is never a formula. Raises
    FileExistsError, OSError.
    """
    if file.exists():
        raise FileExistsError(17, "there is such a file already", str(file))
    with Staging(file.parent) as staging:
        out = staging.create(file.name)
        book = Book(staging, file.name)
        _figures(book, content)
        _reasons(book, content)
        count = _people(book, reported, unreported) if reported is not None else 0
        book.save(out)
        settle(out)
        staging.publish([(file.name, file.name)])
    return count


def _figures(book: Book, content: Content) -> None:
    widths = [_MIDDLE, *([14] * (len(content.periods) + 1))]
    sheet = book.sheet("Figures", widths, heading_row=len(content.head) + 2)
    for name, value in content.head:
        sheet.add((name, value))
    sheet.add([])
    sheet.heading(("", *content.periods, "Together"))
    for name, counts in content.figures:
        sheet.add((name, *counts, sum(counts)))


def _reasons(book: Book, content: Content) -> None:
    sheet = book.sheet("Reasons", (_MIDDLE, 14, _WIDE, 14, _WIDE, _NARROW))
    sheet.heading(("Standing", "PARS ID", "Why", "Who acts", "Next step", "How many"))
    for row in content.reasons:
        sheet.add(row)


def _people(book: Book, reported: Iterable[Line], unreported: Iterable[Unreported]) -> int:
    sheet = book.sheet("Learners", [width for _, width in _PEOPLE])
    sheet.heading(name for name, _ in _PEOPLE)
    count = 0
    for one in reported:
        named = (one.learner, one.board, one.board_id, one.credit_type, one.points)
        sheet.add((*named, one.completed_on, one.answer))
        count += 1
    for other in unreported:
        who = (other.learner, other.board, other.board_id, other.credit_type, None)
        stands = (other.completed_on, other.standing, other.why, other.who, other.next_step)
        sheet.add((*who, *stands))
        count += 1
    return count
