"""Bringing a table: upload, look at what it would do, say yes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from starlette.datastructures import UploadFile
from starlette.responses import Response

from consumer.console.office import (
    CALLED,
    hindered_words,
    in_page_words,
    seen_by,
    table_of,
    told_of,
    uploads_of,
)
from consumer.console.page import FORM_BYTES, action, page
from consumer.console.pages.tables import done
from consumer.console.role import Role
from consumer.console.visit import Visit
from consumer.desk.changed import ChangedMeanwhile
from consumer.desk.parcels import NoSuchParcel
from consumer.desk.tablelines import change_lines
from consumer.desk.tablerows import masked_changes
from consumer.desk.tabling import Hindrance, Preview, Wish
from consumer.desk.uploading import Hindered, Looked
from consumer.tables import TableProblems
from consumer.tables.arrival import MOST_BYTES
from consumer.tables.heading import Said
from consumer.tables.kind import TableKind

MOST_CHANGES, MOST_WRONG = 200, 1000
LEAVE_OUT, NOT_SAID = "-", ""


def receive(visit: Visit) -> Response:
    """Take a file in; what is no table is refused at once, and not kept."""
    kind = table_of(visit)
    sent = visit.form.get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        return _not_taken(visit, kind, ["Choose a file first."])
    data = sent.file.read(MOST_BYTES + 1)
    if not data:
        return _not_taken(visit, kind, [f"{sent.filename} is empty."])
    try:
        token = uploads_of(visit, kind).receive(sent.filename, data, visit.filled("sheet"))
    except TableProblems as found:
        return _not_taken(visit, kind, [told_of(one) for one in found.problems])
    return visit.back(f"/tables/{kind.name}/uploads/{token}")


def _not_taken(visit: Visit, kind: TableKind, problems: list[str]) -> Response:
    return visit.show(
        "upload-refused.html", 422, kind=kind, called=CALLED[kind.name], problems=problems
    )


def look(visit: Visit) -> Response:
    """The upload beside the table."""
    return _shown(visit)


def reveal(visit: Visit) -> Response:
    """The same with what is in the cells; remembered."""
    kind = table_of(visit)
    seen_by(visit, kind).rows()
    return _shown(visit, show=True)


def _shown(
    visit: Visit, *, show: bool = False, changed: ChangedMeanwhile | None = None
) -> Response:
    kind = table_of(visit)
    try:
        looked = uploads_of(visit, kind).look(str(visit.path["token"]))
    except NoSuchParcel:
        return _gone(visit, kind)
    preview, asked = looked.preview, visit.asked("from")
    first = int(asked) if asked.isdecimal() and len(asked) < 8 else 0
    changes = _changes(preview, first, show=show) if preview else []
    share = preview.comparison.removed_share if preview else 0.0
    return visit.show(
        "upload.html",
        409 if changed else 200,
        kind=kind, called=CALLED[kind.name], looked=looked, preview=preview,
        counts=preview.counts() if preview else {}, columns=_to_choose(kind, looked),
        constants=[*_constants(kind, looked)], changes=changes[:MOST_CHANGES], show=show,
        first=first, after=first + MOST_CHANGES if len(changes) > MOST_CHANGES else 0,
        wrong=[(one.line, one.column, in_page_words(one.message))
               for one in (preview.wrong[:MOST_WRONG] if preview else ())],
        problems=[told_of(one) for one in looked.problems],
        hindered=[hindered_words(one, share) for one in looked.hindered], changed=changed,
        share=share,
        seconds=visit.console.settings.intake.look_seconds,
    )  # fmt: skip


def _changes(preview: Preview, first: int, *, show: bool) -> list[dict[str, object]]:
    lines = change_lines(preview, first + MOST_CHANGES + 1, show=show)
    return masked_changes(preview.kind, lines[first:], show=show)


def _to_choose(kind: TableKind, looked: Looked) -> list[tuple[str, bool]]:
    taken = {one.column for one in looked.headings}
    return [(name, name in kind.required and name not in taken) for name in kind.columns]


def _constants(kind: TableKind, looked: Looked) -> Iterator[tuple[str, str]]:
    """Columns that may be the same in every row: the LMS, and what the file lacks."""
    taken = {one.column for one in looked.headings}
    for name in kind.columns:
        lacking = name not in taken and (name == "site" or name in kind.required)
        if lacking or name in looked.wish.constants:
            yield name, looked.wish.constants.get(name, "")


def wish(visit: Visit) -> Response:
    """Take the file otherwise: what a heading means, which rows go, how dates are meant."""
    kind, token = table_of(visit), str(visit.path["token"])
    uploads = uploads_of(visit, kind)
    try:
        looked = uploads.look(token)
        uploads.wish(token, _wished(visit, kind, looked))
    except NoSuchParcel:
        return _gone(visit, kind)
    return visit.back(f"/tables/{kind.name}/uploads/{token}")


def allow(visit: Visit) -> Response:
    """Take the file in spite of what hinders it."""
    kind, token = table_of(visit), str(visit.path["token"])
    uploads, why = uploads_of(visit, kind), visit.filled("why")
    try:
        wish = uploads.look(token).wish
        if why == Hindrance.WRONG:
            wish = replace(wish, skip_wrong=True)
        elif why == Hindrance.REMOVALS:
            wish = replace(wish, allow_removals=True)
        uploads.wish(token, wish)
    except NoSuchParcel:
        return _gone(visit, kind)
    return visit.back(f"/tables/{kind.name}/uploads/{token}")


def _wished(visit: Visit, kind: TableKind, looked: Looked) -> Wish:
    said = dict(looked.wish.said.columns)
    for place, one in enumerate(looked.headings):
        chosen = visit.filled(f"heading-{place}", NOT_SAID)
        if chosen != (one.column or (LEAVE_OUT if one.how == "ignored" else NOT_SAID)):
            said[one.called] = "" if chosen == LEAVE_OUT else chosen
    said = {name: column for name, column in said.items() if column in (*kind.columns, "")}
    constants = {name: visit.filled(f"all-{name}") for name in kind.columns
                 if visit.filled(f"all-{name}") or visit.filled(f"blank-{name}")}  # fmt: skip
    return replace(
        looked.wish,
        replace=visit.filled("rows") == "replace",
        skip_wrong=bool(visit.filled("skip_wrong")),
        allow_removals=bool(visit.filled("allow_removals")),
        day_first=visit.filled("dates") == "day-first",
        sheet=visit.filled("sheet"),
        constants=constants,
        said=Said(said, ignore_others=bool(visit.filled("ignore_others"))),
    )


def apply(visit: Visit) -> Response:
    """Put it in force, if it is still what was looked at."""
    kind, token = table_of(visit), str(visit.path["token"])
    uploads = uploads_of(visit, kind)
    try:
        applied = uploads.apply(token, visit.filled("seen"))
    except NoSuchParcel:
        return _gone(visit, kind)
    except ChangedMeanwhile as changed:
        return _shown(visit, changed=changed)
    except (Hindered, TableProblems):
        return _shown(visit)
    version = applied.version
    counts = f"{version.added} added, {version.changed} changed, {version.removed} removed."
    return done(visit, kind, version.number, applied.outcome, counts)


def give_up(visit: Visit) -> Response:
    """Nothing of it is wanted."""
    kind = table_of(visit)
    uploads_of(visit, kind).forget(str(visit.path["token"]))
    return visit.back(f"/tables/{kind.name}", "Nothing was changed.")


def _gone(visit: Visit, kind: TableKind) -> Response:
    return visit.wrong(
        404, "This upload is done with",
        "It was put in force already, or waited for more than two hours.",
        f"The history of the {kind.name} table says what was done; else upload it again.",
    )  # fmt: skip


_UPLOADS = "/tables/{table}/uploads"
PAGES = (
    action(_UPLOADS, receive, largest_bytes=MOST_BYTES + FORM_BYTES),
    page(f"{_UPLOADS}/{{token}}", look, needs=Role.COORDINATOR),
    action(f"{_UPLOADS}/{{token}}", wish),
    action(f"{_UPLOADS}/{{token}}/allow", allow),
    action(f"{_UPLOADS}/{{token}}/reveal", reveal),
    action(f"{_UPLOADS}/{{token}}/apply", apply),
    action(f"{_UPLOADS}/{{token}}/give-up", give_up),
)
