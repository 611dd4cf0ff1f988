"""What an office calls the columns of its tables: known names, and those it said once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice

from consumer.tables.cell import Arrived, Cell, Line
from consumer.tables.csvfile import TableProblem, TableProblems
from consumer.tables.kind import TableKind

AMONG = 10
"""Headings stand in one of the first rows; a title may stand above them."""

LEAST = 2
"""Known headings that make a row the row of headings; a person could be called like one."""

IGNORED = ""
"""The column that a heading stands for when it is not to be taken."""

# Names that mean one thing in any office. A name that could mean two is not here: it is asked for.
SYNONYMS: Mapping[str, Mapping[str, str]] = {
    "learners": {
        "site": "lms; lms site; lms host",
        "learner": "user id; userid; lms user id; lms id; lms userid; learner id; moodle id;"
        " canvas id; moodle user id; canvas user id",
        "given_name": "first name; firstname; first; given names; forename; legal first name",
        "family_name": "last name; lastname; last; surname; legal last name",
        "email": "e-mail; mail; email address; e-mail address",
        "birth_date": "dob; date of birth; birthdate; birthday; birth day; born",
        "board": "certifying board; certification board",
        "board_id": "abim id; abim #; abim no; abim number; abimid; certifying board id;"
        " board number; board #; diplomate id",
        "npi": "npi #; npi no; npi number; national provider identifier",
        "licence_state": "license state; licensing state; state of licence; state of license",
        "licence": "license; licence number; license number; licence no; license no; license #;"
        " licensing id; state license; state license number",
        "consent": "consent given; consents; consent to share; permission to share; opt in",
        "consent_on": "consent date; date of consent; consented on",
        "consent_how": "consent source; how consented",
        "consent_boards": "consent for boards; boards consented to",
    },
    "activities": {
        "site": "lms; lms site; lms host",
        "course": "course id; courseid; lms course id; lms course; course key; moodle course id;"
        " canvas course id",
        "occurrence": "session; session id",
        "activity": "activity code; own activity id; internal activity id",
        "pars_activity_id": "accme activity id; pars id; pars activity; pars activity no;"
        " accme id; pars number",
        "profile": "provider profile",
        "title": "activity title; course title; activity name; course name",
        "board": "certifying board",
        "credit_types": "credit type; moc credit type; moc credit types",
        "max_points": "points; moc points; maximum points; max credits; maximum credits;"
        " total board credits",
        "total_points": "total moc points",
        "points_basis": "basis",
        "zone": "time zone; timezone; tz",
        "starts": "start date; start; starts on; from",
        "ends": "end date; end; ends on; until",
        "repeats": "repeat",
        "requires": "required steps; steps",
        "date_rule": "date of credit; credit date",
    },
    "completions": {
        "site": "lms; lms site; lms host; host",
        "learner": "user id; userid; lms user id; lms id; lms userid; learner id; moodle id;"
        " canvas id; moodle user id; canvas user id",
        "course": "course id; courseid; lms course id; lms course; course key; moodle course id;"
        " canvas course id",
        "completed": "completed at; completed on; completion date; date completed; time completed;"
        " timecompleted; completion time; date of completion",
        "occurrence": "session; session id; claim id",
        "points": "claimed points; points claimed; credits claimed",
        "title": "course title; course name; activity title; activity name",
    },
}
_WHOLE_NAMES = frozenset({"name", "fullname", "displayname", "learnername", "studentname",
                          "physician", "physicianname"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What the office has said about its columns; `columns` are ours by the office's headings."""

    columns: Mapping[str, str] = field(default_factory=dict)
    ignore_others: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """Where a column of ours stands in the file, and what it is called there."""

    column: str
    index: int
    called: str
    how: str  # "ours", "known", "said" or "remembered"


@dataclass(frozen=True, slots=True)
class Headings:
    """The columns that are taken, by their place; `left_out` are headings that are not."""

    line: int
    width: int
    taken: tuple[Heading, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """One heading of a file and what it is taken for; `column` is blank where it is not taken.

    `how` is as in Heading, or "ignored", or "unknown" where somebody has to say.
    """

    called: str
    column: str
    how: str


def plain(text: object) -> str:
    """A heading as it is compared: letters, digits and # alone, without accents and case."""
    bare = unicodedata.normalize("NFKD", str(text)).casefold()
    return re.sub(r"[^a-z0-9#]", "", bare)


def known_counter(kind: TableKind, said: Said) -> Callable[[Line], int]:
    """Makes a counter of the headings in a row that are known for this table."""
    known = {*_known(kind), *map(plain, said.columns)}
    return lambda line: sum(plain(cell) in known for cell in line.cells if cell is not None)


def find_headings(arrived: Arrived, kind: TableKind, said: Said, remembered: Said) -> Headings:
    """The headings, and `arrived` left at the first row below them.

    Raises TableProblems: no headings, unknown or missing ones, two for one column.
    """
    return _Finder(arrived, kind, said, remembered).find()


def see_headings(
    arrived: Arrived, kind: TableKind, said: Said, remembered: Said
) -> tuple[Seen, ...]:
    """Every heading, also those that nobody knows. Raises TableProblems: there are none."""
    return _Finder(arrived, kind, said, remembered).see()


def _known(kind: TableKind) -> dict[str, str]:
    ours = {plain(column): column for column in kind.columns}
    spelled = SYNONYMS.get(kind.name, {}).items()
    return {plain(name): column for column, names in spelled for name in names.split(";")} | ours


def _words(cell: Cell) -> str:
    return "" if cell is None else " ".join(str(cell).split())


class _Finder:
    """Finds the headings of one file, and keeps everything that is wrong with them."""

    def __init__(self, arrived: Arrived, kind: TableKind, said: Said, remembered: Said) -> None:
        self._arrived, self._kind = arrived, kind
        self._said = {plain(name): column for name, column in said.columns.items()}
        self._remembered = {plain(name): column for name, column in remembered.columns.items()}
        self._ignore_others = said.ignore_others or remembered.ignore_others
        self._known = _known(kind)
        self._problems: list[TableProblem] = []

    def find(self) -> Headings:
        head = self._head()
        taken: list[Heading] = []
        left_out: list[str] = []
        for index, cell in enumerate(head.cells):
            called = _words(cell)
            if not called:
                continue
            heading = self._heading(index, called, head.number)
            if heading:
                taken.append(heading)
            else:
                left_out.append(called)
        self._check(taken, head.number)
        if self._problems:
            raise TableProblems(self._problems)
        return Headings(head.number, len(head.cells), tuple(taken), tuple(left_out))

    def see(self) -> tuple[Seen, ...]:
        head = self._head()
        called = [(i, _words(cell)) for i, cell in enumerate(head.cells)]
        return tuple(self._seen(index, name, head.number) for index, name in called if name)

    def _seen(self, index: int, called: str, line: int) -> Seen:
        before = len(self._problems)
        heading = self._heading(index, called, line)
        if heading:
            return Seen(called, heading.column, heading.how)
        return Seen(called, "", "unknown" if len(self._problems) > before else "ignored")

    def _head(self) -> Line:
        """The likeliest row of the first ones; those below it are put back."""
        top = [*islice(self._arrived.lines, AMONG)]
        head = max(top, key=self._count, default=Line(1, ()))
        if self._count(head) < LEAST:
            # What stands there is not quoted: without headings it is the first person.
            names = ", ".join(sorted(self._kind.required))
            raise TableProblems(
                [TableProblem(self._arrived.name, 1, "", f"no headings; needed are: {names}")]
            )
        rest = [line for line in top if line.number > head.number]
        self._arrived.lines = chain(rest, self._arrived.lines)
        return head

    def _count(self, line: Line) -> int:
        names = {plain(cell) for cell in line.cells if cell is not None}
        return len(names & ({*self._known} | {*self._said} | {*self._remembered}))

    def _heading(self, index: int, called: str, line: int) -> Heading | None:
        name = plain(called)
        for how, columns in (("said", self._said), ("remembered", self._remembered)):
            if name in columns:
                return Heading(columns[name], index, called, how) if columns[name] else None
        if name in self._known:
            column = self._known[name]
            return Heading(column, index, called, "ours" if name == plain(column) else "known")
        if name in _WHOLE_NAMES and self._kind.name == "learners":
            message = "a whole name is not split: given and family name need a column each;"
            self._wrong(line, index, f'{message} leave this one out with --ignore "{called}"')
        elif not self._ignore_others:
            message = f'unknown heading: say --column "{called}"=COLUMN or --ignore "{called}"'
            self._wrong(line, index, f"{message}; it is remembered")
        return None

    def _check(self, taken: list[Heading], line: int) -> None:
        for column in self._kind.columns:
            places = [one for one in taken if one.column == column]
            if len(places) > 1:
                names = " and ".join(one.called for one in places)
                self._wrong(line, places[1].index, f"{column} stands twice: {names}")

    def _wrong(self, line: int, index: int, message: str) -> None:
        place = self._arrived.place(index, f"column {index + 1}", line)
        self._problems.append(TableProblem(self._arrived.name, line, place, message))
