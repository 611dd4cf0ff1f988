"""The list of whom to ask: each learner once, with everything that is missing from them."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, or_, select

from consumer.desk.kin import Gathering, Kin
from consumer.desk.lists import UNMATCHED, held, partly, unmatched
from consumer.desk.looking import Desk
from consumer.desk.tablefiles import harmless
from consumer.desk.trail import remember
from consumer.desk.words import advice
from consumer.ledger.schema import completion_credits, completions, credits_
from consumer.reason import Reason, unpack_reasons

COLUMNS = ("email", "given_name", "family_name", "courses", "what_is_missing", "report_by")
_LEARNERS = (
    *("no_board_id", "no_consent", "no_birth_date", "no_birth_year", "learner_unmatched"),
    *("evaluation_awaited", "claim_awaited"),
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One learner to be asked; `report_by` is the earliest deadline of all that waits for them."""

    email: str = field(repr=False)
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    courses: tuple[str, ...]
    missing: tuple[str, ...]
    report_by: date | None


@dataclass(frozen=True, slots=True)
class AskList:
    """Everybody who has to be asked, the nearest deadline first; `unlisted` completions wait for
    a learner of whom the table has no row, so that nobody can be asked.
    """

    lines: tuple[Ask, ...]
    unlisted: int


def ask_list(desk: Desk) -> AskList:
    """Who is to be asked for what, readable: show it to nobody without remembering it."""
    with desk.ledger.read() as db:
        waiting = {row.id: row for row in _waiting(db)}
        people = Gathering(db, desk.ledger, desk.roster).of([*waiting])
    lines = [line for kin in people if (line := _line(desk, kin, waiting))]
    unlisted = sum(1 for kin in people if not kin.entries for n in kin.completions if n in waiting)
    return AskList(tuple(sorted(lines, key=lambda one: one.report_by or date.max)), unlisted)


def ask_file(desk: Desk, who: str) -> bytes:
    """The list as a spreadsheet's CSV, for its owner alone; who took it is remembered."""
    found = ask_list(desk)
    with desk.ledger.begin() as db:
        subject = f"{len(found.lines)} learners"
        remember(db, desk.ledger, desk.clock.now(), who, "asklist.written", subject)
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow(COLUMNS)
    for one in found.lines:
        told = (one.email, one.given_name, one.family_name, "; ".join(one.courses))
        cells = (*told, "; ".join(one.missing), str(one.report_by or ""))
        out.writerow([harmless(cell) for cell in cells])
    # With a mark, as spreadsheets take it for another encoding otherwise.
    return text.getvalue().encode("utf-8-sig")


def _waiting(db: Connection) -> Iterator[Any]:
    c, k, link = completions.c, credits_.c, completion_credits.c
    columns = (c.id, c.site, c.course, c.report_by)
    lacks = or_(*(c.reasons.contains(f'"code":"{code}"') for code in _LEARNERS))
    for which in (held(), partly()):
        yield from db.execute(select(*columns, c.reasons).where(which, lacks).order_by(c.id))
    unknown = (
        select(*columns, k.reasons)
        .join(completion_credits, link.completion_id == c.id)
        .join(credits_, k.id == link.credit_id)
        .where(link.stands, unmatched(), k.reasons.contains(UNMATCHED))
    )
    yield from db.execute(unknown.order_by(c.id))


def _line(desk: Desk, kin: Kin, waiting: dict[int, Any]) -> Ask | None:
    if not kin.entries:
        return None
    mine = [waiting[number] for number in kin.completions if number in waiting]
    missing: defaultdict[str, None] = defaultdict(lambda: None)
    for row in mine:
        for reason in unpack_reasons(row.reasons):
            if reason.code in _LEARNERS:
                missing[_missing(reason)] = None
    first = kin.entries[0].rows[0]
    return Ask(
        email=next((one.email for e in kin.entries for one in e.rows if one.email), ""),
        given_name=first.given_name,
        family_name=first.family_name,
        courses=tuple(dict.fromkeys(_title(desk, one) for one in mine)),
        missing=tuple(missing),
        report_by=min((one.report_by for one in mine if one.report_by), default=None),
    )


def _missing(reason: Reason) -> str:
    """What is asked for; `detail` names the board, where another one has all it needs."""
    told = _ASKED.get(reason.code) or advice(reason).happened
    return f"{told} ({reason.detail})" if reason.detail and reason.code in _ASKED else told


_ASKED = {
    "no_board_id": "board ID",
    "no_consent": "consent to share with the board",
    "no_birth_date": "birth date (month and day)",
    "no_birth_year": "year of birth",
    "learner_unmatched": "the right board ID and birth date: the board does not know these",
    "evaluation_awaited": "evaluation of the course",
    "claim_awaited": "claim of credit",
}


def _title(desk: Desk, row: Any) -> str:
    found = desk.tables.activities.find(row.site, row.course)
    return found[0].title if found else row.course
