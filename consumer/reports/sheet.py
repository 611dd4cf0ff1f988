"""An Excel sheet written row by row: memory stays flat, and a text is never a formula."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from io import BufferedRandom
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet import _writer

from consumer.pars.element import ILLEGAL
from consumer.reports.staging import Staging

Value = str | Decimal | int | date | datetime | None
LONGEST = 4_000  # characters of a text; well below Excel's limit, however much is encoded
FIRST_DAY = date(1900, 3, 1)  # before it Excel counts a 29 February that never was

_FORMS: dict[type, str] = {
    str: "@",
    int: "General",
    Decimal: "General",
    date: "yyyy-mm-dd",
    datetime: "yyyy-mm-dd hh:mm",
}
# Excel decodes _x000D_ to the character, so an underscore that begins such a text is encoded too.
_DECODED = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)|\r")
_RESERVE = 64 * 1024  # bytes still on their way to the growing file, and the workbook's other parts
_FLUSH_EVERY = 64 * 1024


class Book:
    """A workbook that grows in `staging` and is saved once."""

    def __init__(self, staging: Staging, name: str) -> None:
        self._book = Workbook(write_only=True)
        self._book.properties.creator = "MOC Consumer"
        self._staging, self._name = staging, name
        self._sheets: list[Sheet] = []
        staging.holds(self)

    def sheet(
        self, title: str, widths: Sequence[int], heading_row: int = 1, *, to_fill_in: bool = False
    ) -> Sheet:
        """A new sheet; rows down to `heading_row` stay in sight. `widths` are in characters.

        To fill in: what somebody types below stays text, and Excel drops no zeros.
        """
        inner = self._book.create_sheet(title)
        inner.freeze_panes = f"A{heading_row + 1}"
        for number, width in enumerate(widths, 1):
            column = inner.column_dimensions[get_column_letter(number)]
            column.width = width
            column.number_format = "@" if to_fill_in else "General"
        scratch = f"{self._name}.sheet{len(self._sheets)}"
        self._staging.create(scratch).close()
        self._sheets.append(Sheet(inner, self._staging.path / scratch))
        return self._sheets[-1]

    def save(self, file: BufferedRandom) -> None:
        """Write the whole workbook and close it."""
        self._book.save(file)
        self.close()

    def close(self) -> None:
        """Let go of the growing files; a workbook that was not saved is lost."""
        while self._sheets:
            self._sheets.pop().close()
        self._staging.forget(self)

    def size_at_most(self) -> int:
        """Bytes that the file will not exceed when it is saved as it is now."""
        return _RESERVE + sum(sheet.size_at_most() for sheet in self._sheets)


class Sheet:
    """One sheet of a Book."""

    def __init__(self, inner: Any, scratch: Path) -> None:
        # openpyxl would take a file in the machine's temporary folder, and a process that is
        # killed would leave people's data there.
        _writer.ALL_TEMP_FILES.append(str(scratch))
        inner._writer = _writer.WorksheetWriter(inner, str(scratch))
        inner._writer.write_top()
        self._inner, self._scratch = inner, str(scratch)
        self._meter = _Meter(scratch)
        self._cells = {kind: _cell(inner, form) for kind, form in _FORMS.items()}
        self._bold = _cell(inner, "@")
        self._bold.font = Font(bold=True)

    def add(self, values: Iterable[Value]) -> None:
        """One row. A text stays a text whatever it begins with; cut above LONGEST characters."""
        self._inner.append(self._filled(values))

    def heading(self, names: Iterable[str]) -> None:
        """One row of texts in bold."""
        self._inner.append(_text(self._bold, name) for name in names)

    def size_at_most(self) -> int:
        """Bytes that what was written so far will not exceed in the file."""
        return self._meter.read()

    def close(self) -> None:
        """Take no more rows."""
        self._meter.close()
        if not self._inner.closed:  # not saved, or openpyxl would have done all of this
            self._inner.close()
            _writer.ALL_TEMP_FILES.remove(self._scratch)

    def _filled(self, values: Iterable[Value]) -> Iterator[Any]:
        """Each cell is written before the next is asked for, so one cell of a kind will do."""
        for value in values:
            if value in (None, ""):
                yield None
            elif isinstance(value, str):
                yield _text(self._cells[str], value)
            else:
                cell = self._cells[type(value)]
                cell.value = value
                yield cell


class _Meter:
    """How large a growing file is once deflated, found by deflating it on the side."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._deflate = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, -15)
        self._size = self._waiting = 0

    def read(self) -> int:
        """At most how many bytes; what the compressor still holds counts in full."""
        while data := self._file.read(_FLUSH_EVERY):
            self._size += len(self._deflate.compress(data))
            self._waiting += len(data)
            if self._waiting >= _FLUSH_EVERY:
                self._size += len(self._deflate.flush(zlib.Z_SYNC_FLUSH))
                self._waiting = 0
        return self._size + self._waiting

    def close(self) -> None:
        self._file.close()


def written(text: str) -> str:
    """`text` as the file holds it, so that Excel shows `text`."""
    short = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return _DECODED.sub(_encoded, ILLEGAL.sub("\ufffd", short))


def _encoded(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"


def _text(cell: Any, text: str) -> Any:
    cell.value = written(text)
    cell.data_type = "s"  # openpyxl takes "=1+1" for a formula and "#N/A" for an error
    return cell


def _cell(inner: Any, form: str) -> Any:
    cell = WriteOnlyCell(inner)
    cell.number_format = form
    return cell
