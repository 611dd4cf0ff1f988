"""A preview and a history as people see them: personal values covered unless they ask."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from consumer.desk.tabling import Preview
from consumer.tables.comparison import Action, Change
from consumer.tables.history import Version
from consumer.tables.kind import HIDDEN, LEARNERS, TableKind

_CALLED = {"ours": "", "known": " (known)", "said": " (as you say)", "remembered": " (remembered)"}


def summary(preview: Preview) -> dict[str, object]:
    """Rows by what becomes of them, and what changes in them."""
    changed = preview.comparison.changed_columns
    columns = ", ".join(f"{name} {changed[name]}" for name in preview.kind.columns if changed[name])
    return {
        "table": preview.kind.name,
        **preview.counts(),
        "columns_changed": columns,
        "become_blank": preview.comparison.emptied,
    }


def column_lines(preview: Preview) -> Iterator[str]:
    """Which heading is taken for which column, where the two differ; and what is left out."""
    for one in preview.headings.taken:
        if one.how != "ours":
            yield f"column {one.column}: {one.called}{_CALLED[one.how]}"
    for name, value in preview.wish.constants.items():
        yield f"column {name}: {value or 'blank'} in every row"
    if preview.headings.left_out:
        yield f"not taken: {', '.join(preview.headings.left_out)}"


def change_lines(preview: Preview, most: int | None, *, show: bool) -> list[dict[str, object]]:
    """The changes, each with its row in the file, or in the table when it is removed."""
    changes = islice(preview.comparison.changes(), most)
    return [_line(preview.kind, change, show=show) for change in changes]


def _line(kind: TableKind, change: Change, *, show: bool) -> dict[str, object]:
    cells = change.after or change.before
    key = {name: cells[name] for name in ("site", kind.identity, "board")}
    what = "; ".join(_what(change, name, covered=covered(kind, name, show=show))
                     for name in change.columns() if name not in key)  # fmt: skip
    return {"action": change.action.value, "row": change.line, **key, "what": what}


def _what(change: Change, name: str, *, covered: bool) -> str:
    before, after = change.before.get(name, ""), change.after.get(name, "")
    if change.action is Action.ADD:
        return name if covered else f"{name} {after}"
    if covered:
        return name if after else f"{name} becomes blank"
    return f"{name} {before or 'blank'} -> {after or 'blank'}"


def covered(kind: TableKind, column: str, *, show: bool) -> bool:
    """Whether a column's values stay hidden."""
    return kind is LEARNERS and not show and column in HIDDEN


def version_line(version: Version) -> dict[str, object]:
    """One line of the history."""
    return {
        "version": version.number,
        "at": version.at.isoformat(timespec="seconds"),
        "who": version.who,
        "how": version.how,
        "source": version.source,
        "rows": version.rows,
        "added": version.added,
        "changed": version.changed,
        "removed": version.removed,
        "put_back": version.undoes or "",
    }
