"""Laws of importing, whatever is in the file."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.tables import load_tables
from tests.unit.tables.samples import ADA, HEAD, OTIS, brought, desk, previewed, table

_CELLS = {
    "site": ["", "lms", " LMS ", "=x"],
    "learner": ["905", "906", "0906", "", "9.0", "1E+5"],
    "given_name": ["Ada", "ADA LOUISE", "Ada, MD", "", "a\nb", "O'Neill"],
    "family_name": ["Abara", "Nwosu DO", "Smith, John", "\u00a0Ng"],
    "birth_date": ["", "1972-02-29", "02/29/1972", "29/02/1972", "02/29", "10-Sep", "13/01/1970"],
    "board": ["", "ABIM", "abp", "ABX"],
    "board_id": ["", "012345", "12345", "ABIM 052441", "n/a", "P-77", "12345.0"],
    "npi": ["", "1234567893", "1234567890"],
    "consent": ["yes", "Y", "no", "x", ""],
}
_ROWS = st.lists(st.tuples(*map(st.sampled_from, _CELLS.values())), max_size=8)


@given(_ROWS, st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_was_imported_is_read_by_the_service_and_once_more_changes_nothing(
    rows: list[tuple[str, ...]], replace: bool
) -> None:
    with TemporaryDirectory() as place:
        folder = Path(place)
        table(folder, ADA, OTIS)
        (folder / "activities.csv").write_text(
            "course,pars_activity_id,title,credit_types,max_points,zone\n"
        )
        path = folder / "brought.txt"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([tuple(_CELLS), *rows])
        wish = {"skip_wrong": True, "replace": replace, "allow_removals": True}
        if previewed(folder, path, **wish).hindrances():
            return  # nobody can tell which rows were meant
        brought(folder, path, **wish)
        learners = load_tables(folder, ["main"]).learners
        again = previewed(folder, path, **wish)
        assert not again.comparison.changes_anything
        kept = again.comparison.current
        assert len(learners) == len(kept)
        undone = desk(folder).preview_undo("learners")
        desk(folder).apply(undone, "mora")
        assert (folder / "learners.csv").read_text().splitlines()[0].count(",") >= len(HEAD) - 1
        assert len(load_tables(folder, ["main"]).learners) == 2
