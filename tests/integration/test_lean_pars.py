"""The lean PARS of the benches: it answers as the simulator does, and counts what came twice."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from bench.lean import Lean, lean
from consumer.clock import SystemClock
from consumer.fate import Done
from consumer.pars.client import XmlPars
from consumer.pars.port import Action
from consumer.pars.simulator.server import running
from consumer.pars.verdicts import fate_of_save
from consumer.pars.xml import Documents
from tests.unit.pars.samples import ADA, CREDIT, SCHEMAS, profile, simulator

OTHER = CREDIT.replace("-r1", "-r2")


@pytest.fixture
def server() -> Iterator[Lean]:
    with lean() as started:
        yield started


def way_to(url: str) -> XmlPars:
    return XmlPars(profile(url), Documents(SCHEMAS), SystemClock())


def test_the_answer_is_the_simulator_s_byte_for_byte(server: Lean) -> None:
    mine = way_to(server.url).save(ADA, CREDIT, Action.ADD)
    with running(simulator(SystemClock())) as address:
        assert mine == way_to(address).save(ADA, CREDIT, Action.ADD)
    assert isinstance(fate_of_save(mine), Done)


def test_every_credit_once_is_what_was_expected(server: Lean) -> None:
    pars = way_to(server.url)
    for credit_id in (CREDIT, OTHER):
        pars.save(ADA, credit_id, Action.ADD)
    server.check(2)


def test_a_credit_posted_twice_stands_out(server: Lean) -> None:
    pars = way_to(server.url)
    for credit_id in (CREDIT, CREDIT):
        pars.save(ADA, credit_id, Action.ADD)
    with pytest.raises(SystemExit, match="2 posts of 1 CreditIDs"):
        server.check(2)


def test_a_credit_that_never_came_stands_out(server: Lean) -> None:
    way_to(server.url).save(ADA, CREDIT, Action.ADD)
    with pytest.raises(SystemExit, match="1 posts"):
        server.check(2)


def test_a_question_is_not_taken_for_a_report(server: Lean) -> None:
    assert httpx.get(server.url, trust_env=False).status_code == 500
    with pytest.raises(SystemExit, match="1 other requests"):
        server.check(0)
