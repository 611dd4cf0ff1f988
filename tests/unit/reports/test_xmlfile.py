"""Reports as XML: what the web service would be sent, in one document of any size."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from consumer.pars.document import Submission, report_of
from consumer.pars.port import Action
from consumer.pars.schema import Schema
from consumer.reason import Stopped
from consumer.reports.entry import Entry
from tests.unit.reports.samples import DOCUMENTS, HOSTILE, SCHEMAS, XML, entries, entry, written

JUDGE = Schema(SCHEMAS / "pars" / "accme-learner-reports.xsd")
CREATED = datetime(2026, 11, 22, 9, 15)  # noqa: DTZ001 - Central local time has no offset
ONE_LINE = [name for name in HOSTILE if not {*"\r\n"} & {*name}]
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
).filter(lambda name: name.strip(" "))


def whole(rows: list[Entry]) -> bytes:
    """The document as the web service's own rendering makes it."""
    reports = tuple(report_of(row.record, row.credit_id, row.action) for row in rows)
    return DOCUMENTS.batch(Submission(CREATED, reports))


@settings(max_examples=40)
@given(st.lists(st.tuples(NAMES | st.sampled_from(ONE_LINE), st.sampled_from(Action)), min_size=1))
def test_the_file_is_byte_for_byte_the_document_of_all_reports(
    people: list[tuple[str, Action]],
) -> None:
    rows = [entry(n, action, family_name=name) for n, (name, action) in enumerate(people)]
    with tempfile.TemporaryDirectory() as folder:
        report = written(rows, Path(folder), XML)
        assert report.files[0].path.read_bytes() == whole(rows)


def test_the_finished_file_satisfies_the_schema(tmp_path: Path) -> None:
    report = written(entries(300), tmp_path, XML)
    root = etree.parse(str(report.files[0].path)).getroot()
    assert JUDGE.faults(root) == ()
    assert len(root.findall(".//{*}ActivityReport")) == 300
    assert [e.text for e in root.iter("{*}FamilyName")] == ["Abara"] * 300


def test_a_report_that_the_schema_refuses_is_named_by_path_and_stays_out(tmp_path: Path) -> None:
    bad = entry(2, family_name="Secretly\x00")
    with pytest.raises(Stopped, match="illegal_character") as stopped:
        XML.prepare(bad)
    assert "Secretly" not in str(stopped.value)
    report = written([entry(1), bad, entry(3)], tmp_path, XML)
    assert report.files[0].path.read_bytes() == whole([entry(1), entry(3)])
    assert [(one.number, one.credit_id) for one in report.refused] == [(2, bad.credit_id)]
