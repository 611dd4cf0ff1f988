"""Reports in ACCME's Excel template, for a person to upload (dossier 3.4)."""

from __future__ import annotations

from collections.abc import Callable
from io import BufferedRandom

from consumer.board import Boards
from consumer.licence import STATES
from consumer.pars.element import ILLEGAL, invalid
from consumer.participant import BirthDate, Record
from consumer.reason import Reason, Stopped
from consumer.reports.entry import Entry
from consumer.reports.sheet import FIRST_DAY, Book, Value
from consumer.reports.staging import Staging
from consumer.tables.boards import shipped_boards

SHEET = "Sheet1"
GUIDANCE = (
    "One row for each credit of each learner. Data begin in row 3; leave this row and the"
    " headings as they are. IDs and birth dates are texts: leading zeros count."
)
# Heading, width in characters, value. The number of CME credits stays blank: the file reports MOC,
# and PARS makes the CME credit that goes with it (dossier 1.2, 7). One column takes the state
# licence or the NPI (dossier 2.3): the licence, where there is one, with its state's full name.
_COLUMNS: tuple[tuple[str, int, Callable[[Entry], Value]], ...] = (
    ("Record Action", 14, lambda entry: entry.action.value.capitalize()),
    ("ACCME Activity ID", 18, lambda entry: entry.record.pars_activity_id),
    ("Completion Date", 16, lambda entry: entry.record.completed_on),
    ("First Name", 20, lambda entry: entry.record.given_name),
    ("Last Name", 24, lambda entry: entry.record.family_name),
    ("Date of Birth", 14, lambda entry: month_and_day(entry.record.birth_date)),
    ("Licensing State", 16, lambda entry: _state(entry.record)),
    ("Licensing ID or NPI", 20, lambda entry: _licence_or_npi(entry.record)),
    ("Number of CME Credits", 22, lambda _: None),
    ("Certifying Board", 16, lambda entry: entry.record.board_domain or entry.record.board),
    ("Certifying Board ID", 20, lambda entry: entry.record.board_id),
    ("Total Board Credits", 20, lambda entry: entry.record.points),
    ("Credit Type", 24, lambda entry: entry.record.certification),
    ("Credits Awarded for Credit Type", 30, lambda entry: entry.record.points),
)
HEADINGS = tuple(heading for heading, _, _ in _COLUMNS)
_WIDTHS = tuple(width for _, width, _ in _COLUMNS)

_LONGEST = 255  # characters of one cell; no name or ID comes near
_MOST_PER_CHARACTER, _MOST_PER_CELL = 6, 80  # bytes, before they are deflated

Row = tuple[Value, ...]


class ExcelTemplate:
    """ACCME's 14 columns, one row per credit.

    The template could hold several credit types of one learner's day in one row; a row for each
    is what the board answers and what settles one credit of ours. It has no column for CreditIDs.
    """

    suffix = ".xlsx"

    def __init__(self, boards: Boards | None = None) -> None:
        """`boards` are those in force, by default those that ship."""
        self._boards = shipped_boards() if boards is None else boards

    def prepare(self, entry: Entry) -> Row:
        """The row of `entry`. Raises Stopped when Excel could not hold a value as it is."""
        row = tuple(value(entry) for _, _, value in _COLUMNS)
        faults = [fault for pair in zip(HEADINGS, row, strict=True) if (fault := _fault(*pair))]
        if faults:
            raise Stopped(*faults)
        return row

    def room(self, row: Row) -> int:
        """Bytes that the row will not exceed in the file."""
        return sum(len(str(value)) * _MOST_PER_CHARACTER + _MOST_PER_CELL for value in row)

    def begin(self, staging: Staging, name: str) -> ExcelPart:
        """A new file in `staging`, with its headings."""
        return ExcelPart(staging, name, self._boards)


class ExcelPart:
    """One workbook on its way."""

    def __init__(self, staging: Staging, name: str, boards: Boards) -> None:
        self._boards = boards
        self._file = staging.create(name)
        self._book = Book(staging, name)
        self._sheet = self._book.sheet(SHEET, _WIDTHS, heading_row=2)
        self._sheet.add([GUIDANCE])
        self._sheet.heading(HEADINGS)

    def size_at_most(self) -> int:
        """Bytes that the file will not exceed if it ends here."""
        return self._book.size_at_most()

    def add(self, row: Row) -> None:
        """Write one prepared row."""
        self._sheet.add(row)

    def finish(self) -> BufferedRandom:
        """The whole file, written but not yet settled."""
        _valid_values(self._book, self._boards)
        self._book.save(self._file)
        return self._file


def month_and_day(birth_date: BirthDate | None) -> str | None:
    """MM/DD as the boards match it, without the year (dossier 2.3); None when not known."""
    return f"{birth_date.month:02d}/{birth_date.day:02d}" if birth_date else None


def _fault(heading: str, value: Value) -> Reason | None:
    text = str(value)
    if ILLEGAL.search(text):
        return invalid(heading, "illegal_character")
    if len(text) > _LONGEST:
        return invalid(heading, "max_length")
    if heading == "Completion Date" and value < FIRST_DAY:  # type: ignore[operator]
        return invalid(heading, "too_early")
    return None


def _state(record: Record) -> str | None:
    return STATES[record.licence.state] if record.licence else None


def _licence_or_npi(record: Record) -> str | None:
    return record.licence.number if record.licence else record.npi


def _valid_values(book: Book, boards: Boards) -> None:
    sheet = book.sheet("ValidValues", (16, 24))
    sheet.heading(("Certifying Board", "Credit Type"))
    for board in boards.values():
        for certification in board.certifications.values():
            sheet.add((board.name, certification))
