"""The activities: the office's table beside PARS, how the credits of each stand, holding them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

from starlette.responses import Response

from consumer.console.console import Console
from consumer.console.page import action, page
from consumer.console.role import Role
from consumer.console.visit import Visit
from consumer.desk.activities import list_activities, read_lines
from consumer.desk.activityfile import write_report
from consumer.desk.activityreport import HEADINGS, Standing, report_on
from consumer.desk.auditscope import NoSuchActivity
from consumer.desk.creditfilter import CreditFilter
from consumer.desk.deadlines import watch
from consumer.desk.releasing import Rehearsal, Releases, rehearsal
from consumer.desk.switching import Switching, activities_named, list_switches
from consumer.desk.wouldbe import WouldBe
from consumer.release import Mode, Subject

SHOWN = 100
_SAID = {
    Mode.HOLD: "is held: its credits wait for a release",
    Mode.SHADOW: "is rehearsed: nothing of it is sent",
    Mode.AUTOMATIC: "goes to PARS by itself again",
}
_LOOKED_FOR = ("title", "activity", "course", "pars_activity_id", "site", "board")
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def activities(visit: Visit) -> Response:
    """The table, one row each; courses that were heard of and have no row stand below."""
    console, settings = visit.console, visit.console.settings
    boards = console.house.tables.boards
    lines, problems = read_lines(settings.tables_dir, settings.profiles, boards)
    providers = {name: one.provider_id for name, one in settings.profiles.items()}
    rows = list_activities(console.ledger, lines, providers)
    words, only, asked = (
        visit.asked("q").casefold().split(),
        visit.asked("only"),
        visit.asked("from"),
    )
    found = [row for row in rows if _meant(row, words) and _of(row, only)]
    asked = visit.asked("from")
    first = int(asked) if asked.isdecimal() and len(asked) < 8 else 0
    return visit.show(
        "activities.html", rows=found[first : first + SHOWN], total=len(rows), found=len(found),
        q=visit.asked("q"), only=only, first=first, problems=problems,
        after=first + SHOWN if len(found) > first + SHOWN else 0,
    )  # fmt: skip


def _meant(row: dict[str, object], words: list[str]) -> bool:
    text = " ".join(str(row[name]) for name in _LOOKED_FOR).casefold()
    return all(word in text for word in words)


def _of(row: dict[str, object], only: str) -> bool:
    return {
        "lacking": bool(row["missing"]) or row["in_pars"] == "no",
        "waiting": bool(row["waiting"]),
        "held": row["release"] not in ("", Mode.AUTOMATIC.value),
    }.get(only, True)


def activity(visit: Visit) -> Response:
    """The report on one activity."""
    return _shown(visit)


def _shown(visit: Visit, wrong: str = "", why: str = "") -> Response:
    console, name = visit.console, str(visit.path["name"])
    try:
        report, _ = report_on(console.ledger, console.house.tables, name, console.clock)
        names = activities_named(console.ledger, console.house.tables, name)
    except NoSuchActivity:
        return _none(visit)
    switches = [row for row in list_switches(console.ledger)
                if row["kind"] == Subject.ACTIVITY and row["name"] in names]  # fmt: skip
    return visit.show(
        "activity.html", 422 if wrong else 200, name=name, report=report, headings=HEADINGS,
        title=_title(console, names, name),
        Standing=Standing, Mode=Mode, switch=switches[0] if switches else None, wrong=wrong,
        why=why, turning=_switching(visit, "").plan(Subject.ACTIVITY, names),
    )  # fmt: skip


def _title(console: Console, names: Collection[str], name: str) -> str:
    """What its rows of the table call it; its own name where there are none."""
    rows = (row for _, _, row in console.house.tables.activities)
    return next((row.title for row in rows if row.activity in names and row.title), name)


def switch(visit: Visit) -> Response:
    """Hold an activity, rehearse it, or let it go by itself again."""
    console, name, why = visit.console, str(visit.path["name"]), visit.filled("why")
    try:
        mode = Mode(visit.filled("mode"))
    except ValueError:
        return _shown(visit, "Choose how it goes to PARS.", why)
    if not why:
        return _shown(visit, "Say why: it is kept for whoever asks later.")
    try:
        names = activities_named(console.ledger, console.house.tables, name)
    except NoSuchActivity:
        return _none(visit)
    _switching(visit, why).turn(Subject.ACTIVITY, names, mode)
    return visit.back(f"/activities/{name}", f"{name} {_SAID[mode]}.")


def _switching(visit: Visit, why: str) -> Switching:
    return Switching(visit.console.ledger, visit.console.clock, visit.who, why)


# ------------------------------------------------------------ letting go what waits


def waiting(visit: Visit) -> Response:
    """What waits for a release here: what would be sent, and what would stop."""
    return _waiting(visit)


def _waiting(visit: Visit, wrong: str = "") -> Response:
    name, desk = str(visit.path["name"]), _releases(visit, "")
    numbers = [one for own in _names(visit) for one in desk.select(_all_of(own))]
    told: Rehearsal = rehearsal(desk.preview(numbers))
    return visit.show(
        "activity-release.html", 422 if wrong else 200, name=name, count=len(numbers),
        last=max(numbers, default=0), told=told, wrong=wrong,
    )  # fmt: skip


def release(visit: Visit) -> Response:
    """Let go what was seen; what came to wait since then is not among it."""
    name, why, last = str(visit.path["name"]), visit.filled("why"), visit.filled("last", "0")
    if not why:
        return _waiting(visit, "Say why: it is kept for whoever asks later.")
    desk = _releases(visit, why)
    numbers = [one for own in _names(visit) for one in desk.select(_all_of(own))]
    seen = [one for one in numbers if last.isdecimal() and len(last) < 19 and one <= int(last)]
    count = sum(desk.release(seen))
    return visit.back(f"/activities/{name}", f"{count} let go: they go to PARS now.")


def _names(visit: Visit) -> tuple[str, ...]:
    console = visit.console
    try:
        return activities_named(console.ledger, console.house.tables, str(visit.path["name"]))
    except NoSuchActivity:
        return ()


def _all_of(name: str) -> CreditFilter:
    return CreditFilter(activity=name, limit=0)


def _releases(visit: Visit, why: str) -> Releases:
    console, settings = visit.console, visit.console.settings
    documents = console.parts.documents
    would_be = WouldBe(settings.profiles, settings.schemas_dir, console.clock, documents)
    today = watch(console.clock.now(), settings.sending.at_risk_days)
    return Releases(console.ledger, would_be, console.clock, today, visit.who, why)


# ------------------------------------------------------------ the report as a file


def counted(visit: Visit) -> Response:
    """The figures as Excel, nobody in them."""
    return _download(visit, with_learners=False)


def with_learners(visit: Visit) -> Response:
    """The figures and everybody as Excel; remembered."""
    return _download(visit, with_learners=True)


def _download(visit: Visit, *, with_learners: bool) -> Response:
    console, name = visit.console, str(visit.path["name"])
    with TemporaryDirectory() as folder:
        file = Path(folder) / "activity.xlsx"
        args = (console.ledger, console.house.tables, name, console.clock, file, visit.who)
        try:
            write_report(*args, with_learners=with_learners)
        except NoSuchActivity:
            return _none(visit)
        content = file.read_bytes()
    headers = {"Content-Disposition": 'attachment; filename="activity.xlsx"'}
    return Response(content, media_type=_EXCEL, headers=headers)


def _none(visit: Visit) -> Response:
    return visit.wrong(
        404, "No such activity", "Neither the activities table nor anything heard knows it.",
        "Look for it in the list of activities.",
    )  # fmt: skip


_ONE = "/activities/{name:path}"
PAGES = (
    page("/activities", activities),
    page(f"{_ONE}/release", waiting),
    action(f"{_ONE}/release", release, needs=Role.ADMIN),
    action(f"{_ONE}/switch", switch, needs=Role.ADMIN),
    action(f"{_ONE}/figures", counted, needs=Role.VIEWER),
    action(f"{_ONE}/learners", with_learners),
    page(_ONE, activity),
)
