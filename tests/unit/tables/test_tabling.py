"""Importing a table: the preview says what happens, and that happens or nothing does."""

from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from consumer.desk.tablelines import change_lines, summary
from consumer.desk.tabling import Wish
from consumer.tables import load_tables
from consumer.tables.csvfile import TableProblems
from consumer.tables.history import History, NoSuchVersion, TableChanged, Version
from consumer.tables.value import BLANK
from tests.unit.tables.samples import (
    ADA,
    COURSE_HEAD,
    HEAD,
    HEART,
    LENA,
    OTIS,
    brought,
    csv_file,
    desk,
    excel,
    previewed,
    table,
)


def in_force(folder: Path) -> str:
    return (folder / "learners.csv").read_text(encoding="utf-8")


def changed(person: tuple[str, ...], **cells: str) -> tuple[str, ...]:
    return tuple(cells.get(name, cell) for name, cell in zip(HEAD, person, strict=True))


def learners(folder: Path) -> list[str]:
    return [line.split(",")[1] for line in in_force(folder).splitlines()[1:]]


# ---------------------------------------------------------------- the preview


def test_the_preview_counts_and_changes_nothing(tmp_path: Path) -> None:
    table(tmp_path, ADA, OTIS)
    before = in_force(tmp_path)
    path = csv_file(tmp_path, HEAD, changed(ADA, consent="no", board_id=""), LENA)
    told = summary(previewed(tmp_path, path))
    assert told == {
        "table": "learners", "rows": 2, "added": 1, "changed": 1, "removed": 0, "unchanged": 0,
        "not_in_file": 1, "wrong": 0, "columns_changed": "board_id 1, consent 1", "become_blank": 1,
    }  # fmt: skip
    assert in_force(tmp_path) == before
    assert not (tmp_path / ".history").exists()


def test_values_are_covered_unless_asked_for(tmp_path: Path) -> None:
    table(tmp_path, ADA)
    path = csv_file(tmp_path, HEAD, changed(ADA, family_name="Ng", board_id=""), OTIS)
    preview = previewed(tmp_path, path)
    covered = change_lines(preview, None, show=False)
    assert covered[0]["what"] == "family_name; board_id becomes blank"
    said = str(covered) + str(summary(preview)) + str(preview.notes)
    assert not [cell for cell in (*ADA[1:5], *OTIS[1:5], "Ng") if cell in said]
    shown = change_lines(preview, None, show=True)
    assert shown[0]["what"] == "family_name Abara -> Ng; board_id 012345 -> blank"


def test_one_date_in_another_form_is_no_change(tmp_path: Path) -> None:
    table(tmp_path, changed(ADA, birth_date="02/29/1972"))
    path = csv_file(tmp_path, HEAD, changed(ADA, birth_date="1972-02-29"))
    assert previewed(tmp_path, path).counts()["unchanged"] == 1


# ---------------------------------------------------------------- merge and replace


def test_merging_lets_stay_what_the_file_has_not(tmp_path: Path) -> None:
    table(tmp_path, (*ADA, "ada@example.org"), (*OTIS, ""), head=(*HEAD, "email"))
    brought(tmp_path, csv_file(tmp_path, HEAD, LENA, changed(ADA, given_name="Adele")))
    assert learners(tmp_path) == ["905", "906", "907"]
    assert "Adele,Abara,ada@example.org" in in_force(tmp_path)


def test_replacing_removes_them_and_has_to_be_allowed(tmp_path: Path) -> None:
    table(tmp_path, ADA, OTIS, LENA)
    path = csv_file(tmp_path, HEAD, ADA)
    (hindrance,) = previewed(tmp_path, path, replace=True).hindrances()
    assert "67% of the table would be removed" in hindrance
    assert "--allow-removals" in hindrance
    brought(tmp_path, path, replace=True, allow_removals=True)
    assert learners(tmp_path) == ["905"]


def test_a_removal_below_the_bound_needs_no_word(tmp_path: Path) -> None:
    table(tmp_path, ADA, OTIS, LENA)
    path = csv_file(tmp_path, HEAD, ADA, LENA)
    assert previewed(tmp_path, path, replace=True).hindrances(0.34) == []
    assert previewed(tmp_path, path, replace=True).hindrances(0.33) != []


def test_the_service_reads_what_was_written(tmp_path: Path) -> None:
    brought(tmp_path, csv_file(tmp_path, HEAD, ADA))
    courses = csv_file(tmp_path, COURSE_HEAD, HEART)
    desk(tmp_path).apply(desk(tmp_path).preview_file("activities", courses, Wish()), "mora")
    tables = load_tables(tmp_path, ["main"])
    assert tables.learners.find("any", "905")[0].board_id == "012345"
    assert tables.activities.find("any", "37")[0].pars_activity_id == "202600001"


# ---------------------------------------------------------------- wrong rows


def test_one_wrong_row_and_nothing_is_taken_unless_it_is_left_out(tmp_path: Path) -> None:
    table(tmp_path, ADA)
    path = csv_file(tmp_path, HEAD, LENA, changed(OTIS, board_id="5244x"))
    assert "--skip-wrong" in previewed(tmp_path, path).hindrances()[0]
    brought(tmp_path, path, skip_wrong=True)
    assert learners(tmp_path) == ["905", "907"]


def test_a_wrong_cell_keeps_its_whole_row_out(tmp_path: Path) -> None:
    table(tmp_path, ADA, OTIS)
    wrong = changed(OTIS, birth_date="10-Sep", consent="no")
    brought(tmp_path, csv_file(tmp_path, HEAD, LENA, wrong), skip_wrong=True)
    assert ",906,Otis,Nwosu,,1965-02-28,,052441,,,,yes," in in_force(tmp_path)
    assert learners(tmp_path) == ["905", "906", "907"]


def test_a_wrong_row_removes_nobody(tmp_path: Path) -> None:
    table(tmp_path, ADA, OTIS)
    path = csv_file(tmp_path, HEAD, ADA, changed(OTIS, board_id="x"))
    brought(tmp_path, path, replace=True, skip_wrong=True, allow_removals=True)
    assert learners(tmp_path) == ["905", "906"]


def test_a_wrong_row_that_could_be_anybody_stops_a_replacement(tmp_path: Path) -> None:
    table(tmp_path, ADA, OTIS)
    path = csv_file(tmp_path, HEAD, ADA, changed(OTIS, learner=""))
    preview = previewed(tmp_path, path, replace=True, skip_wrong=True, allow_removals=True)
    assert "nobody can tell" in preview.hindrances()[0]


def test_so_does_one_whose_lms_cannot_be_read(tmp_path: Path) -> None:
    table(tmp_path, ("lms", *ADA), head=("site", *HEAD))
    path = csv_file(tmp_path, ("site", *HEAD), ("=lms", *ADA))
    preview = previewed(tmp_path, path, replace=True, skip_wrong=True, allow_removals=True)
    assert "nobody can tell" in preview.hindrances()[0]


def test_one_learner_twice_is_refused_by_row_numbers(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD, ADA, OTIS, changed(LENA, learner="905"))
    assert [(one.line, one.message) for one in previewed(tmp_path, path).wrong] == [
        (2, "stands twice, in row 4 too"),
        (4, "stands twice, in row 2 too"),
    ]


def test_two_people_with_one_board_id_are_refused_by_row_numbers(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD, ADA, changed(OTIS, board_id="ABIM 012345"))
    assert [(one.line, one.message) for one in previewed(tmp_path, path).wrong] == [
        (2, "the same as another person's in row 3"),
        (3, "the same as another person's in row 2"),
    ]


def test_a_board_id_of_somebody_in_the_table_is_refused(tmp_path: Path) -> None:
    table(tmp_path, OTIS, ADA)
    path = csv_file(tmp_path, HEAD, changed(LENA, board_id="012345"))
    (problem,) = previewed(tmp_path, path).wrong
    assert problem.message == "the same as another person's in learners.csv:3"


def test_one_person_may_have_two_accounts_and_a_new_name(tmp_path: Path) -> None:
    second = changed(ADA, learner="990", family_name="Abara-Ng", birth_date="02/29/1972")
    assert previewed(tmp_path, csv_file(tmp_path, HEAD, ADA, second)).wrong == ()


def test_an_activity_is_checked_as_the_service_would(tmp_path: Path) -> None:
    rows = [HEART, ("38", "20260001", *HEART[2:]), ("39", *HEART[1:4], "1.3", "Chicago")]
    path = csv_file(tmp_path, (*COURSE_HEAD, "profile"), *((*row, "north") for row in rows))
    wrong = desk(tmp_path).preview_file("activities", path, Wish()).wrong
    assert {(one.line, one.column) for one in wrong} == {
        (2, "profile"), (3, "profile"), (3, "pars_activity_id"), (4, "profile"), (4, "zone"),
        (4, "max_points"),
    }  # fmt: skip


def test_a_period_that_overlaps_one_in_the_table_is_refused(tmp_path: Path) -> None:
    courses = csv_file(tmp_path, (*COURSE_HEAD, "ends"), (*HEART, "2026-06-30"))
    desk(tmp_path).apply(desk(tmp_path).preview_file("activities", courses, Wish()), "mora")
    path = excel(tmp_path, (*COURSE_HEAD, "starts"), (*HEART, "2026-06-30"))
    (problem,) = desk(tmp_path).preview_file("activities", path, Wish()).wrong
    assert problem.column == "starts"
    path = excel(tmp_path, (*COURSE_HEAD, "starts"), (*HEART, "07/01/2026"))
    assert desk(tmp_path).preview_file("activities", path, Wish()).wrong == ()


def test_a_file_without_periods_means_the_row_that_there_is(tmp_path: Path) -> None:
    dated = csv_file(tmp_path, (*COURSE_HEAD, "starts"), (*HEART, "2026-01-01"))
    desk(tmp_path).apply(desk(tmp_path).preview_file("activities", dated, Wish()), "mora")
    cheaper = csv_file(tmp_path, COURSE_HEAD, (*HEART[:4], "1.25", HEART[5]))
    preview = desk(tmp_path).preview_file("activities", cheaper, Wish(replace=True))
    assert (preview.wrong, preview.counts()["changed"], preview.counts()["added"]) == ((), 1, 0)
    (change,) = preview.comparison.changes()
    assert (change.columns(), change.after["starts"]) == (["max_points"], "2026-01-01")


def test_what_is_blank_and_waits_is_said(tmp_path: Path) -> None:
    path = csv_file(tmp_path, HEAD, changed(ADA, board_id="", consent=""), OTIS)
    assert previewed(tmp_path, path).notes == (
        f"board_id: {BLANK} (1 row)",
        f"consent: {BLANK} (1 row)",
    )


def test_a_table_that_is_broken_is_said_first(tmp_path: Path) -> None:
    table(tmp_path, ADA, ADA)
    with pytest.raises(TableProblems) as raised:
        previewed(tmp_path, csv_file(tmp_path, HEAD, OTIS))
    assert str(raised.value.problems[0]).startswith("learners.csv:3: learner: stands twice")


# ---------------------------------------------------------------- history and undo


def test_an_import_can_be_taken_back_and_that_too(tmp_path: Path) -> None:
    table(tmp_path, ADA)
    before = in_force(tmp_path)
    brought(tmp_path, csv_file(tmp_path, HEAD, OTIS))
    after = in_force(tmp_path)
    for expected in (before, after, before):
        desk(tmp_path).apply(desk(tmp_path).preview_undo("learners"), "mora")
        assert in_force(tmp_path) == expected
    told = [(one.how, one.who, one.rows, one.undoes) for one in versions(tmp_path)]
    assert told == [
        ("by hand", "", 1, 0),
        ("import", "mora", 2, 0),
        ("undo", "mora", 1, 1),
        ("undo", "mora", 2, 2),
        ("undo", "mora", 1, 3),
    ]


def versions(folder: Path, keep: int = 20) -> list[object]:
    return desk(folder, keep).history("learners").versions()  # type: ignore[return-value]


def test_any_version_can_be_put_back(tmp_path: Path) -> None:
    for person in (ADA, OTIS, LENA):
        brought(tmp_path, csv_file(tmp_path, HEAD, person))
    desk(tmp_path).apply(desk(tmp_path).preview_undo("learners", 2), "mora")
    assert learners(tmp_path) == ["905"]
    with pytest.raises(NoSuchVersion, match="no version 77"):
        desk(tmp_path).preview_undo("learners", 77)


def test_what_somebody_wrote_by_hand_is_a_version_too(tmp_path: Path) -> None:
    brought(tmp_path, csv_file(tmp_path, HEAD, ADA))
    table(tmp_path, OTIS)
    brought(tmp_path, csv_file(tmp_path, HEAD, LENA))
    desk(tmp_path).apply(desk(tmp_path).preview_undo("learners"), "mora")
    assert in_force(tmp_path) == ",".join(HEAD) + "\n" + ",".join(OTIS) + "\n"


def test_the_first_import_can_be_taken_back(tmp_path: Path) -> None:
    brought(tmp_path, csv_file(tmp_path, HEAD, ADA))
    assert [one.how for one in versions(tmp_path)] == ["none yet", "import"]
    desk(tmp_path).apply(desk(tmp_path).preview_undo("learners"), "mora")
    assert learners(tmp_path) == []


def test_of_two_at_once_the_second_is_told(tmp_path: Path) -> None:
    table(tmp_path, ADA)
    mine = previewed(tmp_path, csv_file(tmp_path, HEAD, OTIS))
    brought(tmp_path, csv_file(tmp_path, HEAD, LENA), who="lindqvist")
    with pytest.raises(TableChanged, match=r"lindqvist changed learners\.csv meanwhile"):
        desk(tmp_path).apply(mine, "mora")
    assert learners(tmp_path) == ["905", "907"]


def test_of_many_at_once_one_is_done_and_the_others_are_told(tmp_path: Path) -> None:
    table(tmp_path, ADA)
    previews = [
        previewed(tmp_path, csv_file(tmp_path, HEAD, changed(OTIS, learner=str(number))))
        for number in range(8)
    ]
    begin = threading.Barrier(len(previews))

    def apply(number: int) -> bool:
        begin.wait()
        try:
            desk(tmp_path).apply(previews[number], f"person {number}")
        except TableChanged:
            return False
        return True

    with ThreadPoolExecutor(len(previews)) as pool:
        done = [*pool.map(apply, range(len(previews)))]
    assert done.count(True) == 1
    assert learners(tmp_path) == ["905", str(done.index(True))]
    assert len(versions(tmp_path)) == 2


def test_a_crash_after_the_table_was_written_loses_neither_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(tmp_path, ADA)
    before = in_force(tmp_path)
    preview = previewed(tmp_path, csv_file(tmp_path, HEAD, OTIS))
    appended = History._append

    def crash(history: History, version: Version) -> None:
        if version.how == "import":
            raise KeyboardInterrupt
        appended(history, version)

    with monkeypatch.context() as patch:
        patch.setattr(History, "_append", crash)
        with pytest.raises(KeyboardInterrupt):
            desk(tmp_path).apply(preview, "mora")
    assert learners(tmp_path) == ["905", "906"]
    desk(tmp_path).apply(desk(tmp_path).preview_undo("learners"), "mora")
    assert in_force(tmp_path) == before
    desk(tmp_path).apply(desk(tmp_path).preview_undo("learners"), "mora")
    assert learners(tmp_path) == ["905", "906"]


def test_only_so_many_contents_are_kept_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    for number in range(5):
        person = changed(ADA, learner=str(number), board_id=f"{number:06d}")
        preview = previewed(tmp_path, csv_file(tmp_path, HEAD, person))
        desk(tmp_path, keep=2).apply(preview, "mora")
    kept = sorted((tmp_path / ".history").glob("learners-*.csv"))
    assert len(kept) == 2
    assert len(versions(tmp_path)) == 6
    with pytest.raises(NoSuchVersion, match="version 1 is kept no longer"):
        desk(tmp_path).preview_undo("learners", 1)
    files = [*kept, tmp_path / "learners.csv", tmp_path / ".history" / "learners.jsonl"]
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
    assert stat.S_IMODE((tmp_path / ".history").stat().st_mode) == 0o700


def test_a_table_that_a_group_reads_stays_so_and_others_are_shut_out(tmp_path: Path) -> None:
    table(tmp_path, ADA)
    (tmp_path / "learners.csv").chmod(0o644)
    brought(tmp_path, csv_file(tmp_path, HEAD, OTIS))
    assert stat.S_IMODE((tmp_path / "learners.csv").stat().st_mode) == 0o640


def test_a_full_disk_leaves_the_table_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(tmp_path, ADA)
    preview = previewed(tmp_path, csv_file(tmp_path, HEAD, OTIS))
    before = in_force(tmp_path)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("consumer.durable.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        desk(tmp_path).apply(preview, "mora")
    assert in_force(tmp_path) == before
    assert not [*tmp_path.rglob("*.new")]
