"""The audit trail: who did what, when, to what; its rows in full; whether it is whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from starlette.responses import Response

from consumer.console.page import action, page
from consumer.console.role import Role
from consumer.console.visit import Visit
from consumer.desk.trailchecking import check_trail
from consumer.desk.trailreading import NoSuchRow, TrailFilter, list_trail, reveal_row, show_row
from consumer.desk.trailwords import MEANINGS

SHOWN = 100


def trail(visit: Visit) -> Response:
    """A page of it, newest first; filtered."""
    wrong: dict[str, str] = {}
    since, until = _day(visit, "since", wrong), _day(visit, "until", wrong)
    below = visit.asked("below")
    wanted = TrailFilter(
        who=visit.asked("who"),
        what=visit.asked("what"),
        subject=visit.asked("subject"),
        since=_moment(visit, since, time.min),
        until=_moment(visit, until, time.max),
        below=int(below) if below.isdecimal() and len(below) < 18 else None,
        limit=SHOWN + 1,
    )
    rows = list_trail(visit.console.ledger, wanted)
    return visit.show(
        "audit.html", 422 if wrong else 200, rows=rows[:SHOWN], wrong=wrong, meanings=MEANINGS,
        asked={name: visit.asked(name) for name in ("who", "what", "subject", "since", "until")},
        after=rows[SHOWN - 1]["number"] if len(rows) > SHOWN else 0, paged=bool(below),
    )  # fmt: skip


def _day(visit: Visit, name: str, wrong: dict[str, str]) -> date | None:
    text = visit.asked(name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        wrong[name] = "A day, such as 2026-11-26."
        return None


def _moment(visit: Visit, day: date | None, at: time) -> datetime | None:
    """The first or last moment of a day in the office's zone."""
    if day is None:
        return None
    return datetime.combine(day, at, visit.console.zone).astimezone(UTC)


def row(visit: Visit) -> Response:
    """One row; why and the values are hidden."""
    try:
        found = show_row(visit.console.ledger, int(visit.path["number"]))
    except NoSuchRow:
        return _none(visit)
    return visit.show("audit-row.html", row=found)


def reveal(visit: Visit) -> Response:
    """One row with everything in it; that somebody looked is remembered."""
    console = visit.console
    try:
        found = reveal_row(console.ledger, int(visit.path["number"]), visit.who, console.clock)
    except NoSuchRow:
        return _none(visit)
    return visit.show("audit-row.html", row=found)


def check(visit: Visit) -> Response:
    """Whether every row is as it was written, none is missing and none came in between."""
    return visit.show("audit-check.html", found=check_trail(visit.console.ledger))


def _none(visit: Visit) -> Response:
    return visit.wrong(404, "No such row", "The audit trail has no row of this number.",
                       "Look for it in the trail.")  # fmt: skip


PAGES = (
    page("/audit", trail),
    page("/audit/{number:int}", row),
    action("/audit/{number:int}/reveal", reveal, needs=Role.ADMIN),
    action("/audit/check", check, needs=Role.VIEWER),
)
