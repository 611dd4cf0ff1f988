"""Withdrawing, correcting and answering by commands: plans, exit codes, what is written."""

from __future__ import annotations

import pytest

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
    """An office that has heard its events, and whose PARS is away."""
    opened = open_office(NOWHERE, log={"level": "warning"})
    story.write_tables(opened.tables)
    with opened.process("run", "--pump", "intake") as service:
        opened.publish(story.events)
        until(lambda: opened.count("events") == len(story.events), 30, "everything heard")
        service.stop()
    return opened


def test_what_was_not_sent_is_withdrawn_by_a_command_and_corrected_by_none(office: Office) -> None:
    listed = office.run("credit", "list", "--state", "ready").rows
    name, activity = listed[0]["id"], listed[0]["activity"]
    plan = office.run("credit", "withdraw", name, "--why", "not hers")
    assert (plan.code, plan.out) == (0, "")
    assert "it has not been sent: it is just withdrawn" in plan.err
    assert office.ledger("SELECT count(*) FROM audit") == [(0,)]
    done = office.run("credit", "withdraw", name, "--why", "not hers", "--who", "mora", "--yes")
    assert {row["standing"] for row in done.rows} == {"Withdrawn"}
    told = office.ledger("SELECT DISTINCT who, what, subject FROM audit")
    assert told == [("mora", "credit.withdrawn", name)]
    corrected = office.run("credit", "correct", "--activity", activity, "--yes")
    assert (corrected.code, corrected.out) == (0, "")
    assert "Right as they are:" in corrected.err
    assert "Nothing to correct." in corrected.err


def test_pars_away_and_wrong_names_are_told_with_the_next_step(office: Office) -> None:
    name = office.run("credit", "list", "--state", "ready").rows[-1]["id"]
    entered = office.run("credit", "done", name, "--why", "typed it in", "--yes")
    assert entered.code == FAILED
    assert "PARS cannot be asked now" in entered.err
    unknown = office.run("credit", "withdraw", "ccid:nobody:x-r1", "--why", "x", "--yes")
    assert unknown.code == FAILED
    assert "moc-consumer credit list --learner NAME" in unknown.err
    both = office.run("credit", "correct", "c1", "--activity", "X")
    assert both.code == WRONG_INPUT
    stranger = office.run("deadletter", "agree", "dl-none", "--yes")
    assert stranger.code == FAILED
    assert "no dead letter has the ID dl-none" in stranger.out
    assert office.ledger("SELECT count(*) FROM audit") == [(0,)]
