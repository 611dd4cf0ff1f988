"""The office's tables as the console's pages work with them: of one visit, by one person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from starlette.exceptions import HTTPException

from consumer.console.visit import Visit
from consumer.desk.parcels import Parcels
from consumer.desk.tablerows import RowDesk
from consumer.desk.tableseen import TableSeen
from consumer.desk.tabling import Hindrance, TableDesk
from consumer.desk.uploading import Uploads
from consumer.tables import TableProblem
from consumer.tables.history import BY_HAND, NONE_YET, History
from consumer.tables.kind import KINDS, TableKind

CALLED = {"learners": "Learners", "activities": "Activities"}
_OPTIONS = [
    (r"say which with --sheet", "write its name into Sheet below"),
    (r"leave --sheet out", "leave Sheet blank"),
    (r"[Tt]hen say --dates.*", "Then choose “day first” below"),
    (r"say which with --dates.*", "choose which below"),
    (r"say --set site=\S+, or --set site= for all LMSs.*", "choose the LMS below"),
    (r": is it called something else\? Say --column.*", ": choose which heading it is below"),
    (r": say --column .*", ": choose what it is below"),
    (r'leave this one out with --ignore ".*"', "choose “leave out” for this one below"),
    (r"stands in the file, and in --set too", "stands in the file, and is filled in below too"),
]
_HINDERED = {
    Hindrance.WRONG: (
        "Some rows are wrong. Correct the file and upload it again, or leave those rows out.",
        "Leave wrong rows out",
    ),
    Hindrance.KEYLESS: (
        "Nobody can tell which rows of the table the wrong rows are, so rows that are not in the"
        " file cannot be removed. Correct the file and upload it again.",
        "",
    ),
    Hindrance.REMOVALS: (
        "{share:.0%} of the table would be removed. Is that right?",
        "Yes, remove them",
    ),
}


@dataclass(frozen=True, slots=True)
class InForce:
    """A table as it stands; `at` is None where nobody knows since when."""

    kind: TableKind
    rows: int
    version: int
    who: str
    how: str
    source: str
    at: datetime | None


def table_of(visit: Visit) -> TableKind:
    """The table that the address names; there are two."""
    kind = KINDS.get(str(visit.path["table"]))
    if kind is None:
        raise HTTPException(404)
    return kind


def table_desk(visit: Visit) -> TableDesk:
    """What is done to tables."""
    settings, house = visit.console.settings, visit.console.house
    keep = settings.tables.keep_versions
    return TableDesk(
        settings.tables_dir, house.tables.boards, settings.profiles, visit.console.clock, keep
    )


def uploads_of(visit: Visit, kind: TableKind) -> Uploads:
    """Whatever this person uploads of this table."""
    console, settings = visit.console, visit.console.settings
    parcels = Parcels(settings.tables_dir, console.ledger.seal, console.clock)
    return Uploads(
        table_desk(visit), parcels, console.ledger, console.house, console.clock, kind.name,
        visit.who, settings.tables.most_removed_percent / 100,
    )  # fmt: skip


def rows_of(visit: Visit, kind: TableKind) -> RowDesk:
    """The rows of this table."""
    console = visit.console
    boards, profiles = console.house.tables.boards, console.settings.profiles
    identity = console.ledger.identity
    return RowDesk(table_desk(visit), kind, identity, boards, profiles, console.clock)


def in_force(history: History, kind: TableKind) -> InForce:
    """The table as it is, and which version of its history that is."""
    digest, content = history.digest_and_content()
    latest = next((one for one in reversed(history.versions()) if one.sha == digest), None)
    if latest and latest.how not in (BY_HAND, NONE_YET):
        return InForce(kind, latest.rows, latest.number, latest.who, latest.how, latest.source,
                       latest.at)  # fmt: skip
    rows = latest.rows if latest else history.count(content)
    how = BY_HAND if rows else ""
    return InForce(kind, rows, latest.number if latest else 0, "", how, kind.file, None)


def seen_by(visit: Visit, kind: TableKind) -> TableSeen:
    """For when they see, or take out, who is in this table."""
    console = visit.console
    return TableSeen(console.ledger, console.clock, visit.who, kind.name)


def in_page_words(text: str) -> str:
    """What is wrong with a file, with the page's own fields in place of the command's options."""
    for option, words in _OPTIONS:
        text = re.sub(option, words, text)
    return text


def told_of(problem: TableProblem) -> str:
    """A problem of a file as a whole, with its place."""
    place = [f"row {problem.line}"] if problem.line else []
    where = ", ".join([*place, problem.column] if problem.column else place)
    message = in_page_words(problem.message)
    return f"{where}: {message}" if where else f"{problem.file}: {message}"


def hindered_words(why: Hindrance, share: float) -> tuple[str, str, str]:
    """Why a table cannot be brought as wished, and what a button to allow it says."""
    words, allow = _HINDERED[why]
    return why.value, words.format(share=share), allow
