"""The office's tables: what is in force, its rows, its history, and files to take away."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.responses import Response

from consumer.console.office import (
    CALLED,
    in_force,
    in_page_words,
    rows_of,
    seen_by,
    table_desk,
    table_of,
    uploads_of,
)
from consumer.console.page import action, page
from consumer.console.role import Role
from consumer.console.visit import Visit
from consumer.desk import tablefiles
from consumer.desk.changed import ChangedMeanwhile
from consumer.desk.freeing import became_of, still_open
from consumer.desk.parcels import NoSuchParcel
from consumer.desk.tablelines import change_lines, version_line
from consumer.desk.tablerows import TableRow, masked_changes, shown_cells
from consumer.desk.uploading import meanwhile, seen_of
from consumer.tables import TableProblem, TableProblems, tables_version
from consumer.tables.history import NoSuchVersion, TableChanged
from consumer.tables.kind import KINDS, LEARNERS, TableKind

SHOWN_ROWS, FOUND_ROWS = 50, 100
_LISTED = {
    "learners": "site learner family_name given_name board board_id consent".split(),
    "activities": "site course title pars_activity_id board credit_types max_points ends".split(),
}
_TYPES = {
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".csv": "text/csv; charset=utf-8",
}


def tables(visit: Visit) -> Response:
    """Both tables."""
    desk = table_desk(visit)
    standing = [in_force(desk.history(name), kind) for name, kind in KINDS.items()]
    return visit.show("tables.html", tables=standing, called=CALLED, refused=_refused(visit))


def table(visit: Visit) -> Response:
    """One table: its rows, a page of them."""
    asked = visit.asked("from")
    return _page(visit, first=int(asked) if asked.isdecimal() and len(asked) < 8 else 0)


def find(visit: Visit) -> Response:
    """The rows in which some words stand; asked by a form, so that no name gets into an address."""
    return _page(visit, words=visit.filled("q"))


def reveal(visit: Visit) -> Response:
    """The same rows unmasked, which is remembered."""
    kind, first = table_of(visit), visit.filled("from", "0")
    seen_by(visit, kind).rows()
    start = int(first) if first.isdecimal() and len(first) < 8 else 0
    return _page(visit, first=start, words=visit.filled("q"), show=True)


def _page(visit: Visit, *, first: int = 0, words: str = "", show: bool = False) -> Response:
    kind, most = table_of(visit), FOUND_ROWS if words else SHOWN_ROWS
    history = table_desk(visit).history(kind.name)
    rows, problems = list[TableRow](), list[TableProblem]()
    try:
        desk = rows_of(visit, kind)
        found = desk.matching(words) if words else desk.rows()
        rows = [*islice(found, first, first + most + 1)]
    except TableProblems as wrong:
        problems += wrong.problems
    columns = _LISTED[kind.name]
    return visit.show(
        "table.html",
        kind=kind, called=CALLED[kind.name], standing=in_force(history, kind),
        columns=columns, show=show or kind is not LEARNERS, words=words, first=first,
        rows=[(row, shown_cells(kind, row.cells, show=show)) for row in rows[:most]],
        after=first + most if len(rows) > most else 0, most=most, problems=problems,
        versions=[version_line(one) for one in reversed(history.versions())][:20],
        refused=_refused(visit), outcome=visit.asked("outcome"),
    )  # fmt: skip


def _refused(visit: Visit) -> bool:
    """Whether the files are other ones than those that are judged by, and not for seconds only."""
    tables_dir, house = visit.console.settings.tables_dir, visit.console.house
    if tables_version(tables_dir) in ("", house.tables.version):
        return False
    return any(table_desk(visit).check(name) for name in KINDS)


def faults(visit: Visit) -> Response:
    """Everything that is wrong with the table as it is."""
    kind = table_of(visit)
    found = table_desk(visit).check(kind.name)
    return visit.show("table-faults.html", kind=kind, called=CALLED[kind.name], faults=found)


# ------------------------------------------------------------ files to take away


def template(visit: Visit) -> Response:
    """An empty table to fill in."""
    kind, form = table_of(visit), _form(visit.asked("form"))
    return _download(f"{kind.name}-template{form}", lambda path: tablefiles.template(kind, path))


def export(visit: Visit) -> Response:
    """The whole table, names and all; that somebody took it out is remembered."""
    kind, form = table_of(visit), _form(visit.filled("form"))
    rows = [*table_desk(visit).rows(kind.name)]
    seen_by(visit, kind).all()
    return _download(f"{kind.name}{form}", lambda path: tablefiles.export(kind, rows, path))


def _form(asked: str) -> str:
    return ".csv" if asked == "csv" else ".xlsx"


def _download(name: str, write: Any) -> Response:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        content = path.read_bytes()
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=_TYPES[path.suffix], headers=headers)


# ------------------------------------------------------------ history


def version(visit: Visit) -> Response:
    """What putting a version back would do."""
    kind, number = table_of(visit), int(visit.path["number"])
    return _putting_back(visit, kind, number)


def _putting_back(
    visit: Visit, kind: TableKind, number: int, changed: ChangedMeanwhile | None = None
) -> Response:
    uploads = uploads_of(visit, kind)
    try:
        preview = uploads.desk.preview_undo(kind.name, number)
        freed = uploads.freed(preview)
    except (NoSuchVersion, TableProblems) as error:
        told = error.problems if isinstance(error, TableProblems) else [error]
        why = "; ".join(in_page_words(str(one)) for one in told)
        return visit.wrong(404, "Cannot be put back", why, "Choose another version.")
    return visit.show(
        "version.html", 409 if changed else 200,
        kind=kind, called=CALLED[kind.name], number=number, preview=preview, freed=freed,
        counts=preview.counts(), seen=seen_of(preview), changed=changed,
        changes=masked_changes(kind, change_lines(preview, 100, show=False), show=False),
    )  # fmt: skip


def put_back(visit: Visit) -> Response:
    """Put a version back, as it was seen."""
    kind, number = table_of(visit), int(visit.path["number"])
    uploads = uploads_of(visit, kind)
    try:
        preview = uploads.desk.preview_undo(kind.name, number)
        applied = uploads.put(preview, visit.filled("seen"))
    except ChangedMeanwhile as changed:
        return _putting_back(visit, kind, number, changed)
    except (NoSuchVersion, TableProblems):
        return _putting_back(visit, kind, number)
    return done(visit, kind, applied.version.number, applied.outcome, f"Version {number} is back.")


def undo(visit: Visit) -> Response:
    """Take back what was done just now, unless somebody has changed the table since."""
    kind, number = table_of(visit), int(visit.path["number"])
    uploads = uploads_of(visit, kind)
    latest = uploads.desk.history(kind.name).versions()[-1:]
    try:
        if not latest or latest[0].number != number:
            raise meanwhile(uploads.desk, kind.name)
        preview = uploads.desk.preview_undo(kind.name)
        if preview.base != latest[0].sha:
            raise meanwhile(uploads.desk, kind.name)
        applied = uploads.put(preview, seen_of(preview))
    except (ChangedMeanwhile, TableChanged) as changed:
        told = f"{changed}. Nothing was taken back."
        return visit.wrong(409, "Not taken back", told, "Choose a version from the history.")
    except NoSuchVersion as error:
        return visit.wrong(404, "Not taken back", str(error), "Choose a version from the history.")
    return done(visit, kind, applied.version.number, applied.outcome, "Taken back.")


def done(visit: Visit, kind: TableKind, number: int, outcome: str, said: str) -> Response:
    """To the table's page, which says what was done, and what goes by it."""
    told = f"{said} Version {number} of the {kind.name} table is in force."
    to = f"/tables/{kind.name}?outcome={outcome}"
    return visit.back(to, told, f"/tables/{kind.name}/undo/{number}")


def outcome(visit: Visit) -> Response:
    """How many of the completions that waited have gone; asked again every few seconds."""
    kind = table_of(visit)
    uploads = uploads_of(visit, kind)
    try:
        awaited = uploads.outcome(str(visit.path["token"]))
    except NoSuchParcel:
        return visit.show(
            "table-outcome.html", kind=kind, total=0, became={}, left=0, again="", letters=[]
        )
    became = became_of(visit.console.ledger, awaited.completions)
    left = sum(count for state, count in became.items() if state == "held")
    seconds = (visit.console.clock.now() - awaited.at).total_seconds()
    again = visit.request.url.path if left and seconds < _PATIENCE_SECONDS else ""
    return visit.show(
        "table-outcome.html",
        kind=kind, total=len(awaited.completions), became=became, left=left, again=again,
        letters=still_open(visit.console.ledger, awaited.letters),
    )  # fmt: skip


_PATIENCE_SECONDS = 300
_T = "/tables/{table}"
PAGES = (
    page("/tables", tables),
    page(_T, table),
    action(f"{_T}/find", find, needs=Role.VIEWER),
    action(f"{_T}/reveal", reveal),
    page(f"{_T}/faults", faults),
    page(f"{_T}/template", template),
    action(f"{_T}/export", export),
    page(f"{_T}/versions/{{number:int}}", version),
    action(f"{_T}/versions/{{number:int}}/put-back", put_back),
    action(f"{_T}/undo/{{number:int}}", undo),
    page(f"{_T}/outcome/{{token}}", outcome),
)
