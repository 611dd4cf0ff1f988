"""Reports as files: bounded, private from the first byte, whole or not there."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from consumer.reports.entry import Entry
from consumer.reports.files import LEAST_BYTES, MOST_ROWS, Limits, Report
from consumer.reports.spreadsheet import read_tables
from consumer.reports.staging import Staging, sweep
from tests.unit.reports.samples import EXCEL, FORMATS, XML, entries, entry, listed, modes, written

NAME = re.compile(r"moc-report-2026-11-22(-run\d+)?-\d+of\d+\.(xlsx|xml)")


def names(report: Report) -> list[str]:
    return [file.path.name for file in report.files]


def people(report: Report) -> list[str]:
    """The first names in all parts, in their order."""
    found: list[str] = []
    for file in report.files:
        if file.path.suffix == ".xml":
            found += [str(e.text) for e in etree.parse(str(file.path)).iter("{*}GivenName")]
        else:
            found += [str(line.cells[3]) for line in read_tables(file.path)[0][2:]]
    return found


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=20)
@given(count=st.integers(0, 40), rows=st.integers(1, 15))
def test_the_parts_together_are_the_whole_and_none_is_above_the_bound(
    form: str, count: int, rows: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = written(entries(count), Path(folder), FORMATS[form], rows=rows)
        assert people(report) == [f"Ada{number}" for number in range(count)]
        full, rest = divmod(count, rows)
        assert [file.rows for file in report.files] == [rows] * full + ([rest] if rest else [])
        total = len(report.files)
        suffix = FORMATS[form].suffix
        wanted = [f"moc-report-2026-11-22-{n}of{total}{suffix}" for n in range(1, total + 1)]
        assert names(report) == wanted
        assert listed(Path(folder)) == sorted(wanted)


@pytest.mark.parametrize(("form", "count"), [("excel", 12_000), ("xml", 700)])
def test_no_part_is_above_the_bytes_allowed(form: str, count: int, tmp_path: Path) -> None:
    noise = [
        entry(number, given_name=f"Ada{number}", family_name=os.urandom(40).hex())
        for number in range(count)
    ]
    report = written(noise, tmp_path, FORMATS[form], rows=MOST_ROWS, bytes=LEAST_BYTES)
    assert len(report.files) > 2
    assert all(file.size == file.path.stat().st_size <= LEAST_BYTES for file in report.files)
    # The bound is used, not merely kept.
    assert all(file.size > LEAST_BYTES // 2 for file in report.files[:-1])
    assert people(report) == [f"Ada{number}" for number in range(count)]


def test_a_row_larger_than_a_file_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    huge = entry(2, title="x" * LEAST_BYTES)
    report = written([entry(1), huge, entry(3)], tmp_path, XML, bytes=LEAST_BYTES)
    assert sum(file.rows for file in report.files) == 2
    assert [(one.number, str(one.reasons[0].detail)) for one in report.refused] == [
        (2, "too_large")
    ]
    assert people(report) == ["Ada", "Ada"]


@pytest.mark.parametrize("limits", [{"rows": 0}, {"rows": MOST_ROWS + 1}, {"bytes": 1000}])
def test_bounds_that_cannot_be_kept_are_no_bounds(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="rows"):
        Limits(**limits)


@pytest.mark.parametrize("form", FORMATS)
def test_every_byte_is_private_and_out_of_sight_until_all_is_done(
    form: str, tmp_path: Path
) -> None:
    os.chmod(tmp_path, 0o755)  # noqa: S103, PTH101
    seen: list[set[int]] = []

    def watched() -> Iterator[Entry]:
        for one in entries(25):
            assert not [path for path in tmp_path.iterdir() if NAME.fullmatch(path.name)]
            assert {path.stat().st_mode & 0o077 for path in tmp_path.iterdir()} == {0}
            seen.append(modes(tmp_path))
            yield one

    previous = os.umask(0)
    try:
        report = written(watched(), tmp_path, FORMATS[form], rows=10)
    finally:
        os.umask(previous)
    assert {0o600} in seen
    assert all(found <= {0o600} for found in seen)
    assert modes(tmp_path) == {0o600}
    assert len(report.files) == 3


def test_nothing_is_left_in_the_machines_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
    elsewhere.mkdir()
    here.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))

    def watched() -> Iterator[Entry]:
        for one in entries(5):
            assert not [*elsewhere.iterdir()]
            yield one

    written(watched(), here)
    assert not [*elsewhere.iterdir()]


def test_names_hold_nothing_of_a_person(tmp_path: Path) -> None:
    report = written(entries(3), tmp_path, rows=1)
    assert all(NAME.fullmatch(name) for name in names(report))
    assert "Abara" not in repr(entry()) + repr(report)


def test_a_second_report_of_the_day_gets_names_of_its_own(tmp_path: Path) -> None:
    first = written(entries(3), tmp_path, rows=2)
    kept = [file.path.read_bytes() for file in first.files]
    second = written(entries(1), tmp_path)
    assert names(second) == ["moc-report-2026-11-22-run2-1of1.xlsx"]
    assert names(written(entries(1), tmp_path)) == ["moc-report-2026-11-22-run3-1of1.xlsx"]
    assert names(written(entries(1), tmp_path, XML)) == ["moc-report-2026-11-22-1of1.xml"]
    assert [file.path.read_bytes() for file in first.files] == kept


def test_a_name_taken_at_the_last_moment_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("another's")
    with Staging(tmp_path) as staging:
        for name in "ab":
            staging.create(name).close()
        with pytest.raises(FileExistsError):
            staging.publish([("a", "free"), ("b", "taken")])
    assert listed(tmp_path) == ["taken"]
    assert (tmp_path / "taken").read_text() == "another's"


def test_a_file_system_without_second_names_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    report = written(entries(3), tmp_path, rows=2)
    assert people(report) == ["Ada0", "Ada1", "Ada2"]
    assert modes(tmp_path) == {0o600}
    with Staging(tmp_path) as staging:
        staging.create("a").close()
        with pytest.raises(FileExistsError):
            staging.publish([("a", names(report)[0])])
    assert people(report) == ["Ada0", "Ada1", "Ada2"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_failure_in_the_middle_leaves_nothing(form: str, tmp_path: Path) -> None:
    def failing() -> Iterator[Entry]:
        yield from entries(7)
        raise LookupError("the ledger went away")

    with pytest.raises(LookupError):
        written(failing(), tmp_path, FORMATS[form], rows=3)
    assert not [*tmp_path.iterdir()]


CRASH = """
import os, signal, sys
from pathlib import Path
from tests.unit.reports.samples import FORMATS, entries, written

def dying():
    yield from entries(2500)
    os.kill(os.getpid(), signal.SIGKILL)

written(dying(), Path(sys.argv[1]), FORMATS[sys.argv[2]], rows=1000)
"""


@pytest.mark.parametrize("form", FORMATS)
def test_a_crash_leaves_no_half_file_and_the_next_report_cleans_up(
    form: str, tmp_path: Path
) -> None:
    dead = subprocess.run([sys.executable, "-c", CRASH, str(tmp_path), form], check=False)
    assert dead.returncode == -signal.SIGKILL
    left = listed(tmp_path)
    assert len(left) == 1
    assert left[0].startswith(".moc-unfinished-")
    assert modes(tmp_path) == {0o600}
    report = written(entries(1), tmp_path, FORMATS[form])
    assert listed(tmp_path) == names(report)


def test_what_a_living_process_has_unfinished_is_not_swept(tmp_path: Path) -> None:
    with Staging(tmp_path) as staging:
        staging.create("growing").close()
        assert sweep(tmp_path) == 0
        assert written(entries(1), tmp_path).files
        assert (staging.path / "growing").exists()
    assert len(listed(tmp_path)) == 1


def test_no_entries_make_no_file(tmp_path: Path) -> None:
    assert written([], tmp_path) == Report((), ())
    assert not [*tmp_path.iterdir()]


def test_entries_that_are_all_refused_make_no_file_and_are_named(tmp_path: Path) -> None:
    report = written([entry(1, given_name="\x01")], tmp_path, EXCEL)
    assert report.files == ()
    assert [one.number for one in report.refused] == [1]
    assert not [*tmp_path.iterdir()]
