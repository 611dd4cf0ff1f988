"""`activity list` and `activity submit` as people type them, against the simulator over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.clock import SystemClock
from consumer.demo.scenario import PROVIDER_ID
from consumer.pars.simulator import Activity, Provider, Simulator, running
from consumer.resources import shipped
from tests.end_to_end.conftest import OpenOffice
from tests.end_to_end.office import PASSWORD, Office
from tests.unit.pars.activities import activity, document

WRONG_INPUT, FAILED = 2, 1
HEART = Activity(
    "202612345",
    PROVIDER_ID,
    "Heart Failure Update",
    date(2026, 1, 1),
    date(2026, 12, 31),
    {"ABIM": {"Medical Knowledge": Decimal("1.5")}},
)
TABLE = """\
site,course,activity,pars_activity_id,title,credit_types,max_points,zone
learn.example.org,101,HF-UPDATE,202612345,Heart Failure Update,Medical Knowledge,2,America/Chicago
learn.example.org,102,SEPSIS,,Sepsis,Medical Knowledge,1,America/Chicago
"""


@pytest.fixture
def pars() -> Iterator[tuple[Simulator, str]]:
    providers = [Provider(PROVIDER_ID, "demo", PASSWORD)]
    simulator = Simulator(providers, shipped("schemas"), SystemClock(), activities=[HEART])
    with running(simulator) as url:
        yield simulator, url


@pytest.fixture
def office(open_office: OpenOffice, pars: tuple[Simulator, str]) -> Office:
    opened = open_office(pars[1], log={"level": "warning"})
    (opened.tables / "activities.csv").write_text(TABLE, encoding="utf-8")
    learners = "learner,given_name,family_name,birth_date,board_id,consent\n"
    (opened.tables / "learners.csv").write_text(learners, encoding="utf-8")
    return opened


def written(office: Office, *activities: dict[str, Any]) -> str:
    path = Path(office.folder) / "new.json"
    path.write_bytes(orjson.dumps(document(*activities)))
    return str(path)


def test_the_list_shows_what_is_missing_and_what_pars_says(office: Office) -> None:
    heart, sepsis = office.run("activity", "list").rows
    assert (heart["in_pars"], heart["missing"]) == ("unknown", "")
    assert "pars_activity_id: nine digits are needed" in sepsis["missing"]
    heart, sepsis = office.run("activity", "list", "--ask").rows
    assert (heart["in_pars"], sepsis["in_pars"]) == ("yes", "unknown")
    assert heart["pars_says"].startswith("ABIM 1.5 (Medical Knowledge); more points than")


def test_nothing_is_sent_before_the_plan_was_seen(
    office: Office, pars: tuple[Simulator, str]
) -> None:
    done = office.run("activity", "submit", written(office, activity()))
    assert (done.code, done.out) == (0, "")
    assert "Add HF-2026: Heart Failure Update (ABIM 1.5)" in done.err
    assert "Add --yes" in done.err
    assert pars[0].registered()["totals"]["posts"] == 0


def test_what_is_submitted_is_registered_and_its_number_told(
    office: Office, pars: tuple[Simulator, str]
) -> None:
    file = written(office, activity(), activity("COPD"))
    done = office.run("activity", "submit", file, "--yes")
    assert done.code == 0
    assert [one["outcome"] for one in done.rows] == ["registered", "registered"]
    numbers = [one["activity_id"] for one in pars[0].registered()["activities"]]
    assert [one["pars_activity_id"] for one in done.rows] == numbers[1:]
    assert numbers[1] in done.rows[0]["how"]


def test_every_problem_of_the_file_is_told_and_nothing_sent(
    office: Office, pars: tuple[Simulator, str]
) -> None:
    wrong = activity(ForPublicList="yes")
    del wrong["Lom"]["general"]["title"]
    done = office.run("activity", "submit", written(office, wrong), "--yes")
    assert done.code == WRONG_INPUT
    assert len(done.err.splitlines()) == 2
    assert "MedicalEducationMetrics/1/Lom/general: required title" in done.err
    assert pars[0].registered()["totals"]["posts"] == 0


def test_a_refusal_ends_with_an_exit_code_and_the_next_step(office: Office) -> None:
    gone = activity(pars_id="202500000", action="Delete")
    done = office.run("activity", "submit", written(office, gone), "--yes")
    assert (done.code, done.rows[0]["outcome"]) == (FAILED, "refused")
    assert done.rows[0]["how"]


def test_an_unknown_profile_is_named(office: Office) -> None:
    file = written(office, activity())
    done = office.run("activity", "submit", file, "--profile", "south", "--yes")
    assert done.code == WRONG_INPUT
    assert "there are: main" in done.err
