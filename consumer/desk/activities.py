"""The desk's activities: the office's table beside what PARS says, and who waits for what."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

from sqlalchemy import distinct, func, literal, select

from consumer.board import Boards
from consumer.credit import Heard, State
from consumer.desk.activityreport import HEADINGS, Standing, credit_counts
from consumer.desk.deadletters import Shown
from consumer.desk.lists import REASONED, WAITING
from consumer.desk.words import advice
from consumer.fate import Absent, Answered, Retry, StopLine
from consumer.inquiry import looked_up
from consumer.ledger.inquiries import Answer, Inquiries, Inquiry, Kind, activity_subject
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completion_credits, completions, credits_
from consumer.ledger.switches import modes
from consumer.pars.port import ActivityNumber, Pars
from consumer.pars.registered import PARS_ID, Registered, unregistered
from consumer.pars.verdicts import fate_of_question
from consumer.reason import Reason, Stage
from consumer.release import Mode, Subject
from consumer.tables import FILES, TableProblem, TableProblems, checked_activities
from consumer.tables.activities import COLUMNS, NOT_OURS
from consumer.tables.csvfile import CsvRow, read_csv

ACTIVITIES = FILES[1]
SHOWN = (
    "course site activity pars_activity_id profile title board credit_types max_points zone"
    " starts ends"
).split()

_COUNTED = (Standing.ATTENTION, Standing.WAITING, Standing.REHEARSAL, Standing.READY,
            Standing.SENT, Standing.BY_FILE, Standing.ACCEPTED, Standing.REJECTED)  # fmt: skip
"""Of its credits; the completions that wait for something stand in `waiting`."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the office's table as it is typed, and what is wrong with it."""

    row: CsvRow
    problems: tuple[TableProblem, ...]

    @property
    def profile(self) -> str:
        """Which provider profile reports it."""
        return self.row.cells["profile"].lower() or "main"

    @property
    def subject(self) -> str:
        """What PARS is asked about for this row; "" when there is nothing to ask."""
        number = self.row.cells["pars_activity_id"]
        asks = self.profile != NOT_OURS and len(number) == 9 and number.isascii()
        return activity_subject(self.profile, number) if asks and number.isdigit() else ""


def read_lines(
    folder: Path, profiles: Collection[str], boards: Boards
) -> tuple[list[Line], list[TableProblem]]:
    """Every row, finished or not, and what is wrong with the file as a whole."""
    problems = _problems(folder, profiles, boards)
    try:
        rows = read_csv(folder / ACTIVITIES, COLUMNS, frozenset())
    except TableProblems as found:
        return [], [*found.problems]
    by_line: defaultdict[int, list[TableProblem]] = defaultdict(list)
    for problem in problems:
        by_line[problem.line].append(problem)
    lines = [Line(row, tuple(by_line.pop(row.line, ()))) for row in rows]
    return lines, [problem for left in by_line.values() for problem in left]


def _problems(folder: Path, profiles: Collection[str], boards: Boards) -> list[TableProblem]:
    try:
        checked_activities(folder, profiles, boards)
    except TableProblems as found:
        return [*found.problems]
    return []


def list_activities(
    ledger: Ledger, lines: Iterable[Line], providers: dict[str, str]
) -> list[Shown]:
    """One row per row of the table, then one per course that was heard of and has none.

    `providers` gives the provider ID of each profile.
    """
    waiting = _waiting(ledger)
    with ledger.read() as db:
        counts, turned = credit_counts(db), modes(db, Subject.ACTIVITY)
    known = Inquiries(ledger).all_known(Kind.ACTIVITY)
    shown, named = [], set()
    for line in lines:
        cells = line.row.cells
        courses = [one for one in waiting if _serves(cells, one)]
        named.update(courses)
        count = sum(waiting[one] for one in courses)
        provider_id = providers.get(line.profile, "")
        told = _shown(line, known.get(line.subject), provider_id, count)
        name = cells["activity"] or "/".join(filter(None, (cells["site"], cells["course"])))
        standings = counts.get((name, cells["pars_activity_id"]), Counter())
        mode = turned.get(name, Mode.AUTOMATIC).value
        shown.append(
            told | {"release": mode, "credits": _in_words(standings)} | _numbers(standings)
        )
    unlisted = [one for one in sorted(waiting) if one not in named and waiting[one]]
    return shown + [_unlisted(site, course, waiting[site, course]) for site, course in unlisted]


def _numbers(counts: Counter[Standing]) -> dict[str, int]:
    return {one.value: counts[one] for one in Standing if one in _COUNTED}


def _in_words(counts: Counter[Standing]) -> str:
    return ", ".join(f"{counts[one]} {HEADINGS[one].lower()}" for one in _COUNTED if counts[one])


def _serves(cells: dict[str, str], heard: tuple[str, str]) -> bool:
    return cells["site"] in ("", heard[0]) and cells["course"] == heard[1]


def _waiting(ledger: Ledger) -> Counter[tuple[str, str]]:
    """How many completions of each course wait for something; courses without are there too."""
    link, c, k = completion_credits.c, completions.c, credits_.c
    heard = select(c.site, c.course, literal(0)).distinct()
    held = select(c.site, c.course, func.count()).where(WAITING, c.state == Heard.HELD)
    # Few credits have a reason: from them to their completions, not the other way.
    asked = (REASONED, k.state == State.READY, k.reasons.contains('"stage":"look_up"'))
    joined = credits_.join(completion_credits, link.credit_id == k.id)
    joined = joined.join(completions, c.id == link.completion_id)
    beside = select(c.site, c.course, func.count(distinct(c.id))).select_from(joined)
    beside = beside.where(*asked, c.state != Heard.HELD)
    found: Counter[tuple[str, str]] = Counter()
    with ledger.read() as db:
        for query in (heard, *(one.group_by(c.site, c.course) for one in (held, beside))):
            for site, course, count in db.execute(query):
                found[site, course] += count
    return found


def _shown(line: Line, known: Inquiry | None, provider_id: str, waiting: int) -> Shown:
    cells = line.row.cells
    missing = [f"{one.column}: {one.message}" for one in line.problems]
    return {name: cells[name] for name in SHOWN} | {
        "board": cells["board"].upper() or "ABIM",
        "profile": line.profile,
        "missing": "; ".join(missing),
        "in_pars": _in_pars(line, known),
        "pars_says": "; ".join(_said(line, known, provider_id)),
        "asked": known.asked_at.isoformat(timespec="seconds") if known else "",
        "waiting": waiting,
    }


def _in_pars(line: Line, known: Inquiry | None) -> str:
    if line.profile == NOT_OURS:
        return ""
    words = {Answer.FOUND: "yes", Answer.ABSENT: "no"}
    return words.get(known.answer, "unknown") if known else "unknown"


def _said(line: Line, known: Inquiry | None, provider_id: str) -> Iterator[str]:
    if known is None or known.answer is Answer.NONE:
        return
    if known.found is not None:
        yield from _registrations(known.found)
    board = line.row.cells["board"].upper() or "ABIM"
    points = _number(line.row.cells["max_points"])
    for reason in unregistered(known.found, provider_id, board, points):
        yield advice(reason).happened


def _registrations(found: Registered) -> Iterator[str]:
    for one in found.registrations:
        types = f" ({'; '.join(one.credit_types)})" if one.credit_types else ""
        yield f"{one.board} {one.points}{types}"


def _number(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)


def _unlisted(site: str, course: str, waiting: int) -> Shown:
    blank: Shown = dict.fromkeys((*SHOWN, "in_pars", "pars_says", "asked"), "")
    missing = f"no row in {ACTIVITIES}"
    none = {"release": "", "credits": ""} | _numbers(Counter())
    return blank | {"site": site, "course": course, "missing": missing, "waiting": waiting} | none


# ------------------------------------------------------------ asking now


def ask_about(
    pars: Pars, book: Inquiries, profile: str, number: str, now: datetime
) -> Reason | None:
    """Look one activity up and remember the answer; why there is none, else None.

    Raises Stopped when it is no number that PARS could be asked about.
    """
    reply = pars.activity(ActivityNumber(PARS_ID, number))
    match fate_of_question(reply):
        case Retry(reason) | StopLine(reason):
            return reason
        case Answered() | Absent():
            said = looked_up(reply, number)
    if said is None:
        return Reason(Stage.PARS, "answer_not_understood")
    book.put(Kind.ACTIVITY, activity_subject(profile, number), Inquiry(now, now, *said))
    return None
