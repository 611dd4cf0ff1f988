"""Whether an Excel file may be opened: judged by its directory, before a byte is unpacked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

OLD_EXCEL = b"\xd0\xcf\x11\xe0"
SAVE_AS = "save it as 'Excel workbook (.xlsx)'"
MOST_MEMBERS = 500
MACROS = "xl/vbaproject"

_WITH_PASSWORD = "EncryptedPackage".encode("utf-16-le")
_BIT_BY_BIT = ("xl/worksheets/", "xl/sharedstrings.xml", "xl/media/", "xl/calcchain.xml")
# Parts that reach outside of the file, or run.
_UNWANTED = (
    ("xl/externallinks/", "it is linked to other files: break the links and save it again"),
    ("xl/connections", "it fetches data from elsewhere: remove the connections"),
    ("xl/querytables/", "it fetches data from elsewhere: remove the connections"),
    (MACROS, f"it holds macros: {SAVE_AS}"),
    ("xl/macrosheets/", f"it holds macros: {SAVE_AS}"),
    ("xl/embeddings/", "other files are embedded in it: remove them"),
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes that are read at most: of all that is in the file, and of a part held whole."""

    unpacked: int
    whole: int
    macros: bool = False
    """Whether a file with macros is read all the same; nothing here could run them."""


def refusal_of_old(data: bytes) -> str:
    """Why a file in Excel's old container is not read: its age, or a password."""
    if _WITH_PASSWORD in data:
        return "it has a password: save it without"
    return f"an old Excel file (.xls): {SAVE_AS}"


def refusal(data: bytes, bounds: Bounds) -> str:
    """Why this archive is not opened, blank when it may be; the sizes there bind the reader.

    Raises what zipfile raises for what is no archive.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
    names = [member.filename.lower().lstrip("/") for member in members]
    if "xl/workbook.xml" not in names:
        return f"not an Excel workbook: {SAVE_AS}"
    if any(member.flag_bits & 1 for member in members):
        return "it has a password: save it without"
    if len({*names}) < len(names) or len(names) > MOST_MEMBERS:
        return "its inner structure is not Excel's"
    sizes = [member.file_size for member in members]
    whole = [size for name, size in zip(names, sizes, strict=True) if not _in_bits(name)]
    if sum(sizes) > bounds.unpacked or max(whole) > bounds.whole:
        return f"larger than {bounds.unpacked // 2**20} MiB when unpacked"
    return next(_unwanted(names, bounds), "")


def has_macros(data: bytes) -> bool:
    """Whether the archive holds macros."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return any(name.lower().lstrip("/").startswith(MACROS) for name in archive.namelist())


def _unwanted(names: list[str], bounds: Bounds) -> Iterator[str]:
    for start, why in _UNWANTED:
        if bounds.macros and start == MACROS:
            continue
        if any(name.startswith(start) for name in names):
            yield why


def _in_bits(name: str) -> bool:
    return name.startswith(_BIT_BY_BIT)
