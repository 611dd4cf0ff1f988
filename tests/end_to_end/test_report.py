"""`report audit` and what `check` asks of the office, as people type them."""

from __future__ import annotations

import re

import pytest
from openpyxl import load_workbook

from consumer.demo.scenario import Scenario
from tests.end_to_end.conftest import OpenOffice
from tests.end_to_end.office import Office
from tests.end_to_end.patience import until
from tests.end_to_end.story import thirty_events

NOWHERE = "http://127.0.0.1:9/"  # nobody listens to the discard port
FAILED, WRONG_INPUT = 1, 2


@pytest.fixture
def story() -> Scenario:
    return thirty_events()


@pytest.fixture
def office(open_office: OpenOffice, story: Scenario) -> Office:
    """An office that has heard everything, and whose PARS is away."""
    office = open_office(NOWHERE, log={"level": "warning"}, pumps=["intake"])
    story.mend(str(story.physicians[0].number), birth_date_known="09-10")
    story.write_tables(office.tables)
    office.publish(story.events)
    with office.service() as service:
        until(lambda: office.count("events") >= len(story.events), 30, "everything heard")
        service.stop()
    return office


def test_an_audit_pack_and_every_open_question(office: Office, story: Scenario) -> None:
    folder = office.folder / "packs"
    folder.mkdir()
    asked = ("report", "audit", "HF-UPDATE", "--folder", str(folder))
    done = office.run(*asked)
    assert done.code == 0, done.err
    excel, pdf = done.rows
    assert excel["file"].endswith(".xlsx")
    assert pdf["file"].endswith(".pdf")
    assert excel["reported"] == pdf["reported"] == 0
    lines = list(load_workbook(excel["file"])["Not reported"].values)[1:]
    assert excel["not_reported"] == pdf["not_reported"] == len(lines) > 0
    assert {one.stat().st_mode & 0o777 for one in folder.iterdir()} == {0o600}
    names = {one.family_name for one in story.physicians}
    told = done.out + done.err + str([*folder.iterdir()])
    assert {name for name in names if name in told} == set()
    again = office.run(*asked)
    assert again.code == FAILED
    assert "is there already: move it away, or choose another --folder" in again.err
    alone = office.run("report", "audit", "202600002", "--format", "pdf", "--from", "2099-01-01")
    assert [row["not_reported"] for row in alone.rows] == [0]
    unknown = office.run("report", "audit", "HF")
    assert (unknown.code, unknown.out) == (FAILED, "")
    assert "no activity is called HF; there are:\n" in unknown.err
    assert "\n  HF-UPDATE (202600001)\n" in unknown.err
    assert office.run("report", "audit", "HF-UPDATE", "--to", "May").code == WRONG_INPUT

    (shown,) = office.run("check").rows
    (choice,) = shown["waiting_for_a_choice"]
    assert choice["setting"] == "profiles.main.without_birth_year"
    assert choice["records"] > 0
    assert shown["words_of_pars_nobody_knows"] == []


def test_a_misspelt_variable_stops_check_and_run_alike(
    open_office: OpenOffice, story: Scenario
) -> None:
    office = open_office(NOWHERE)
    story.write_tables(office.tables)
    wrong = {"MOC_SENDNG__WORKERS": "zebra-hunter2", "MOC_COLOUR": "red"}
    for command in ("check", "run", "demo"):
        done = office.run(command, env=wrong)
        assert done.code == WRONG_INPUT
        assert "MOC_COLOUR is no setting" in done.err
        assert "did you mean MOC_SENDING__WORKERS?" in done.err
        assert "zebra" not in done.err + done.out
        assert "Traceback" not in done.err
    assert not (office.folder / "data").exists()


def test_a_ledger_of_another_secret_is_told_with_the_rest(office: Office) -> None:
    keys = office.folder / "data" / "keys.toml"
    another = re.sub(
        '(?m)^secret = ".*"$', 'secret = "another secret altogether"', keys.read_text()
    )
    keys.write_text(another)
    done = office.run("check")
    assert done.code == WRONG_INPUT
    assert "error: the ledger: the secret is not the one" in done.err
    assert len(done.rows) == 1
