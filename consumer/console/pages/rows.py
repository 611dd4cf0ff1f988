"""One row of a table in a form: added, put right, taken out."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from starlette.responses import Response

from consumer.console.office import CALLED, rows_of, seen_by, table_of, uploads_of
from consumer.console.page import action, page
from consumer.console.pages.tables import done
from consumer.console.role import Role
from consumer.console.visit import Visit
from consumer.desk.changed import ChangedMeanwhile
from consumer.desk.person import NoSuchPerson, reveal_person
from consumer.desk.tablerows import NoSuchRow, RowDesk, RowWrong, TableRow, personal, shown_cells
from consumer.desk.tabling import Preview
from consumer.desk.uploading import seen_of
from consumer.tables import TableProblem, TableProblems
from consumer.tables.explained import EXPLAINED
from consumer.tables.kind import ACTIVITIES, LEARNERS, TableKind


def new(visit: Visit) -> Response:
    """An empty form; which course it is about may be said already."""
    kind = table_of(visit)
    asked = {name: visit.asked(name) for name in ("site", "course") if kind is ACTIVITIES}
    return _form(visit, kind, dict.fromkeys(kind.columns, "") | asked)


def of_person(visit: Visit) -> Response:
    """A form with the LMS and the user ID of somebody who is not in the table; remembered."""
    console, site = visit.console, visit.filled("site")
    try:
        found = reveal_person(console.desk, str(visit.path["key"]), visit.who)
    except NoSuchPerson:
        return visit.wrong(
            404, "Nobody there", "This person is not known, or no longer.", "Search."
        )
    users = [one.learner for one in found.identity.accounts if one.site == site and not one.listed]
    known = {"site": site, LEARNERS.identity: users[0]} if users else {}
    return _form(visit, LEARNERS, dict.fromkeys(LEARNERS.columns, "") | known, told=_SAME)


def add(visit: Visit) -> Response:
    """Put a new row into the table."""
    kind = table_of(visit)
    cells = _filled(visit, kind.columns)
    desk = rows_of(visit, kind)
    try:
        preview = desk.preview(cells)
    except RowWrong as wrong:
        return _form(visit, kind, cells, wrong=wrong.problems)
    except TableProblems as found:
        return _broken(visit, kind, found)
    return _put(visit, kind, preview, "One row was added.")


def row(visit: Visit) -> Response:
    """One row: what is personal in it is masked, and stays as it is."""
    return _found(visit)


def reveal(visit: Visit) -> Response:
    """The row with everything in it; remembered."""
    kind, name = table_of(visit), str(visit.path["name"])
    seen_by(visit, kind).row(name)
    return _found(visit, show=True)


def _found(visit: Visit, *, show: bool = False) -> Response:
    kind = table_of(visit)
    try:
        found = rows_of(visit, kind).find(str(visit.path["name"]))
    except NoSuchRow:
        return _gone(visit, kind)
    except TableProblems as wrong:
        return _broken(visit, kind, wrong)
    return _form(visit, kind, found.cells, found, show=show)


def save(visit: Visit) -> Response:
    """Put a row right; columns that the form did not have stay."""
    kind, name = table_of(visit), str(visit.path["name"])
    desk, seen = rows_of(visit, kind), visit.filled("seen")
    cells = _filled(visit, [one for one in kind.columns if one in visit.form])
    try:
        preview = desk.preview(cells, name, seen)
    except RowWrong as wrong:
        return _again(visit, kind, desk, cells, wrong.problems)
    except ChangedMeanwhile as changed:
        return _changed(visit, kind, changed)
    except NoSuchRow:
        return _gone(visit, kind)
    except TableProblems as found:
        return _broken(visit, kind, found)
    if not preview.comparison.changes_anything:
        return visit.back(f"/tables/{kind.name}", "The row has all of this already.")
    return _put(visit, kind, preview, "One row was changed.")


def remove(visit: Visit) -> Response:
    """Take a row out of the table."""
    kind, name = table_of(visit), str(visit.path["name"])
    try:
        preview = rows_of(visit, kind).preview_without(name, visit.filled("seen"))
    except ChangedMeanwhile as changed:
        return _changed(visit, kind, changed)
    except NoSuchRow:
        return _gone(visit, kind)
    except TableProblems as found:
        return _broken(visit, kind, found)
    return _put(visit, kind, preview, "One row was removed.")


def check(visit: Visit) -> Response:
    """What is wrong with the field that was just left, before anything is sent in."""
    kind = table_of(visit)
    column = visit.request.headers.get("hx-trigger-name", "")
    faults = rows_of(visit, kind).faults(_filled(visit, kind.columns))
    told = "; ".join(one.message for one in faults if one.column == column)
    if column not in kind.columns or not visit.filled(column):
        column, told = column if column in kind.columns else kind.identity, ""
    return visit.show("row-fault.html", column=column, told=told)


def _put(visit: Visit, kind: TableKind, preview: Preview, said: str) -> Response:
    try:
        applied = uploads_of(visit, kind).put(preview, seen_of(preview))
    except ChangedMeanwhile as changed:
        return _changed(visit, kind, changed)
    return done(visit, kind, applied.version.number, applied.outcome, said)


def _filled(visit: Visit, columns: Collection[str]) -> dict[str, str]:
    return {name: " ".join(visit.filled(name).split()) for name in columns}


def _again(
    visit: Visit, kind: TableKind, desk: RowDesk, cells: Mapping[str, str],
    wrong: tuple[TableProblem, ...],
) -> Response:  # fmt: skip
    """The form once more, with what was filled in; what was not in it stays out."""
    found = desk.find(str(visit.path["name"]))
    filled = TableRow(found.line, {**found.cells, **cells}, found.name, visit.filled("seen"))
    return _form(visit, kind, filled.cells, filled, wrong=wrong, open_=frozenset(cells))


def _form(
    visit: Visit,
    kind: TableKind,
    cells: Mapping[str, str],
    found: TableRow | None = None,
    *,
    show: bool = False,
    wrong: tuple[TableProblem, ...] = (),
    open_: Collection[str] = (),
    told: str = "",
) -> Response:
    """`told` stands above the form.

    `open_` are the personal columns that the form had already, filled in by this very person.
    """
    hidden = [
        name for name in kind.columns
        if found and not show and personal(kind, name) and cells[name] and name not in open_
    ]  # fmt: skip
    faults = dict.fromkeys(kind.columns, "") | {one.column: one.message for one in wrong}
    return visit.show(
        "row.html", 422 if wrong else 200,
        kind=kind, called=CALLED[kind.name], cells=cells, row=found, hidden=hidden, show=show,
        masked=shown_cells(kind, cells, show=False), faults=faults,
        whole=[text for column, text in faults.items() if column not in kind.columns],
        explained=EXPLAINED[kind.name], told=told,
    )  # fmt: skip


def _changed(visit: Visit, kind: TableKind, changed: ChangedMeanwhile) -> Response:
    return visit.show(
        "row-changed.html", 409, kind=kind, called=CALLED[kind.name], changed=changed,
        name=visit.path.get("name", ""),
    )  # fmt: skip


def _gone(visit: Visit, kind: TableKind) -> Response:
    return visit.wrong(
        404, "No such row", f"The {kind.name} table has no such row, or no longer.",
        "Look for it in the table; its history says who removed what.",
    )  # fmt: skip


def _broken(visit: Visit, kind: TableKind, found: TableProblems) -> Response:
    told = "; ".join(map(str, found.problems[:5]))
    return visit.wrong(
        409, "The table cannot be read", told,
        f"Mend {kind.file}, or put a version of its history back; then rows can be edited.",
    )  # fmt: skip


_SAME = (
    "Somebody who is in the table already under another user ID? Fill in the same board and board"
    " ID: both are one person then, and nobody is credited twice."
)
_ROWS = "/tables/{table}/rows"
PAGES = (
    page(f"{_ROWS}/new", new, needs=Role.COORDINATOR),
    action(f"{_ROWS}/new", add),
    action(f"{_ROWS}/check", check),
    action("/tables/learners/rows/of/{key}", of_person),
    page(f"{_ROWS}/{{name}}", row, needs=Role.COORDINATOR),
    action(f"{_ROWS}/{{name}}", save),
    action(f"{_ROWS}/{{name}}/reveal", reveal),
    action(f"{_ROWS}/{{name}}/remove", remove),
)
