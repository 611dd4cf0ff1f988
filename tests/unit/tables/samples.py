"""Files of invented people as offices save them, and a desk to bring them to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from consumer.desk.tabling import Preview, TableDesk, Wish
from consumer.tables.boards import shipped_boards
from tests.fakes import FakeClock

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
HEAD = ("learner", "given_name", "family_name", "birth_date", "board_id", "consent")
ADA = ("905", "Ada", "Abara", "1972-02-29", "012345", "yes")
OTIS = ("906", "Otis", "Nwosu", "1965-02-28", "052441", "yes")
LENA = ("907", "Lena", "Quillfeather", "1980-12-31", "000963", "no")
COURSE_HEAD = ("course", "pars_activity_id", "title", "credit_types", "max_points", "zone")
HEART = ("37", "202600001", "Heart Failure Update", "Medical Knowledge", "1.5", "America/Chicago")


def desk(folder: Path, keep: int = 20) -> TableDesk:
    """A desk of an office whose only provider profile is main."""
    return TableDesk(folder, shipped_boards(), ["main"], FakeClock(NOW), keep)


def csv_file(folder: Path, *rows: Sequence[str], sign: str = ",", code: str = "utf-8") -> Path:
    """A CSV file outside of the tables folder."""
    path = folder / "brought.csv"
    path.write_bytes("".join(sign.join(row) + "\r\n" for row in rows).encode(code))
    return path


def excel(folder: Path, *rows: Sequence[Any], title: str = "Learners") -> Path:
    """An Excel file with one sheet."""
    path = folder / "brought.xlsx"
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append([*row])
    book.save(path)
    return path


def table(folder: Path, *rows: Sequence[str], head: Iterable[str] = HEAD) -> None:
    """The learners table as it is in force."""
    lines = [",".join(row) for row in ([*head], *rows)]
    (folder / "learners.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def previewed(folder: Path, path: Path, **wish: Any) -> Preview:
    """What importing a file of learners would do."""
    return desk(folder).preview_file("learners", path, Wish(**wish))


def brought(folder: Path, path: Path, who: str = "mora", **wish: Any) -> Preview:
    """The same, and done."""
    preview = previewed(folder, path, **wish)
    assert preview.hindrances() == [], preview.wrong
    desk(folder).apply(preview, who)
    return preview
