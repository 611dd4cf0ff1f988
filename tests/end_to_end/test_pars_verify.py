"""`moc-consumer pars verify` as people type it, against `moc-consumer simulate`."""

from __future__ import annotations

import re
import signal
import stat
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from consumer.pars.simulator import STEM
from consumer.resources import shipped
from tests.end_to_end.conftest import OpenOffice
from tests.end_to_end.office import PASSWORD, Office, merged
from tests.end_to_end.patience import until
from tests.end_to_end.test_cli import on_a_terminal

FITS, DIFFERS, NOT_RUN = 0, 1, 2
TABLES = shipped("mappings") / "tables"
VERIFY = ("pars", "verify")
Simulate = Callable[..., str]


@pytest.fixture
def office(open_office: OpenOffice) -> Office:
    """An office with the shipped tables, whose PARS is away."""
    opened = open_office("http://127.0.0.1:9")
    for file in TABLES.glob("*.csv"):
        (opened.tables / file.name).write_bytes(file.read_bytes())
    return opened


@pytest.fixture
def simulate(office: Office) -> Iterator[Simulate]:
    """Starts a simulator with these switches, and has the office report there."""
    with ExitStack() as running:

        def start(*switches: str) -> str:
            words = ["simulate", "--port", "0", "--provider-id", "0009999", *switches]
            words += ["--password", PASSWORD, "--roster", str(TABLES / "roster.json")]
            words += ["--activities", str(TABLES / "pars-activities.json")]
            process = running.enter_context(office.process(*words))
            said = until(lambda: re.search(r"http://\S+", process.said), 20, "the simulator")
            report_to(office, said[0])
            return str(said[0])

        yield start


def report_to(office: Office, url: str, **more: Any) -> None:
    main = {"url": url, "provider_id": "0009999"} | more
    office.write_settings(merged(office.values, {"profiles": {"main": main}}))


def totals(url: str) -> dict[str, int]:
    books = httpx.get(url.replace(STEM, "/_books"), trust_env=False)
    found: dict[str, int] = books.json()["totals"]
    return found


def test_what_differs_is_written_down_and_then_fits(office: Office, simulate: Simulate) -> None:
    url = simulate("--credentials-in", "query", "--completed-form", "noon")
    done = office.run(*VERIFY, "--yes", "--out", "fits.toml")
    assert done.code == DIFFERS, done.err
    changes = {row["change"] for row in done.rows if row["outcome"] == "differs"}
    assert changes == {
        'profiles.main.credentials_in = "query"',
        'profiles.main.completed_form = "noon"',
    }
    assert totals(url)["live"] == 0
    assert totals(url)["stored"] > 0
    written = office.folder / "fits.toml"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert PASSWORD not in written.read_text() + done.out + done.err
    office.write_settings(merged(office.values, tomllib.loads(written.read_text())))
    assert office.run("check").code == 0
    again = office.run(*VERIFY, "--yes")
    assert again.code == FITS, again.out
    assert {row["outcome"] for row in again.rows} == {"pass", "not possible"}
    assert totals(url)["live"] == 0


def test_words_nobody_knows_are_told_on_a_terminal(office: Office, simulate: Simulate) -> None:
    simulate("--word", "Pending=In review", "--word", "Activity does not exist=Nowhere")
    shown = on_a_terminal(office, "--config", str(office.config), *VERIFY, "--yes")
    lines = [line.split()[0] for line in shown.splitlines() if line[:4].strip()]
    assert {"pass", "differs", "not"} <= set(lines)
    assert '"in review": Verdict.PENDING' in shown
    assert '"nowhere", Class.ACTIVITY' in shown.replace("'", '"')
    assert "{" not in shown


def test_an_interrupted_run_cleans_up(office: Office, simulate: Simulate) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        url = simulate()
        report_to(office, url, requests_per_second=3)
        with office.process(*VERIFY, "--yes") as process:
            until(lambda url=url: totals(url)["live"], 30, "a record")  # type: ignore[misc]
            process.send(number)
            assert process.code(30) == NOT_RUN
            assert '"check":"clean_up","title":"Cleaning up","outcome":"pass"' in process.said
        assert totals(url)["live"] == 0


def test_a_report_that_arrives_after_its_timeout_is_taken_back(
    office: Office, simulate: Simulate
) -> None:
    url = simulate()
    late = {"faults": [{"kind": "hang", "seconds": 2, "times": 1}]}  # the office waits 0.75 seconds
    httpx.put(url.replace(STEM, "/_faults"), json=late, trust_env=False).raise_for_status()
    done = office.run(*VERIFY, "--yes")
    assert done.code == NOT_RUN
    assert "waiting for a report whose answer never came" in done.err
    assert [row["outcome"] for row in done.rows if row["check"] == "clean_up"] == ["pass"]
    assert (totals(url)["stored"], totals(url)["live"]) == (1, 0)


def test_without_yes_nothing_is_sent(office: Office, simulate: Simulate) -> None:
    url = simulate()
    done = office.run(*VERIFY)
    assert (done.code, done.out) == (NOT_RUN, "")
    assert "this machine: a simulator" in done.err
    assert "nothing was sent; add --yes" in done.err
    assert totals(url)["posts"] == 0


LEARNER = """\
[learner]
given_name = "Ada"
family_name = "Kowalczyk"
birth_date = "1971-09-10"
board_id = "099999"
[activity]
pars_activity_id = "202612345"
title = "Heart Failure Update"
credit_type = "Medical Knowledge"
max_points = 1.5
completed_on = 2026-05-14
"""


def test_production_is_refused_and_a_learner_is_asked_for(office: Office) -> None:
    (office.folder / "learner.toml").write_text(LEARNER)
    report_to(office, "https://parsii.invalid")
    refused = office.run(*VERIFY, "--yes", "--learner", "learner.toml")
    assert refused.code == NOT_RUN
    assert "looks like PRODUCTION" in refused.err
    assert "--i-know-this-is-production" in refused.err
    assert "Kowalczyk" not in refused.err
    known = "--i-know-this-is-production"
    tried = office.run(*VERIFY, "--yes", "--learner", "learner.toml", known)
    assert tried.code == NOT_RUN
    assert tried.rows[0]["seen"].startswith("no answer")
    report_to(office, "https://sandbox.invalid")
    asked = office.run(*VERIFY, "--yes")
    assert asked.code == NOT_RUN
    assert "--template learner.toml" in asked.err


def test_a_template_is_private_and_never_overwritten(office: Office) -> None:
    assert office.run(*VERIFY, "--template", "learner.toml").code == 0
    path = office.folder / "learner.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text()
    again = office.run(*VERIFY, "--template", "learner.toml")
    assert again.code == NOT_RUN
    assert "is there already" in again.err
    assert path.read_text() == before
    empty = office.run(*VERIFY, "--learner", "learner.toml", "--yes")
    assert empty.code == NOT_RUN
    assert "learner.toml: learner: " in empty.err


def test_a_file_that_is_there_stops_before_anything_is_sent(
    office: Office, simulate: Simulate
) -> None:
    url = simulate()
    (office.folder / "fits.toml").write_text("mine")
    done = office.run(*VERIFY, "--yes", "--out", "fits.toml")
    assert done.code == NOT_RUN
    assert totals(url)["posts"] == 0
    assert (office.folder / "fits.toml").read_text() == "mine"


def test_an_unknown_profile_is_named(office: Office) -> None:
    done = office.run(*VERIFY, "--profile", "north", "--yes")
    assert done.code == NOT_RUN
    assert "profile north is not in the settings; there are: main" in done.err
