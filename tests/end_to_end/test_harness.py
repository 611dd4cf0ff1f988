"""Rounds of the crash harness, the same ones every time: every named moment, every setting."""

from __future__ import annotations

import pytest

from tests.conftest import do_without
from tests.end_to_end.harness.headlines import HEADLINES
from tests.end_to_end.harness.plan import draw
from tests.end_to_end.harness.run import Order, run
from tests.end_to_end.harness.steps import Setting
from tests.end_to_end.harness.tally import Tally
from tests.kafka.jars import NoJars, classpath, java
from tests.postgres.server import NoPostgres, programs

SEED = "suite"
STARTING_SECONDS = 240.0
"""After that no round begins any more: a slow machine plays fewer, at least half of them."""
LEAST = len(HEADLINES) // 2


@pytest.fixture(scope="module")
def tally(tmp_path_factory: pytest.TempPathFactory) -> Tally:
    """What each headline's round of one fixed seed came to."""
    try:
        java(), classpath()
    except NoJars as error:
        do_without("Apache Kafka", error)
    try:
        programs()
    except NoPostgres as error:
        do_without("PostgreSQL", error)
    order = Order(len(HEADLINES), SEED, jobs=2, seconds=STARTING_SECONDS)
    return run(order, tmp_path_factory.mktemp("crash"), print)


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_nothing_is_lost_nothing_credited_twice_nothing_out_of_order(tally: Tally) -> None:
    failed = [str(done) for done in tally.rounds if not done.good]
    assert not failed, "\n".join(failed)
    assert len(tally.rounds) >= LEAST
    assert {done.plan.setting for done in tally.rounds} == {*Setting}


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_processes_were_struck(tally: Tally) -> None:
    assert sum(done.counts["kills"] for done in tally.rounds) >= len(tally.rounds) // 2
    assert sum(done.counts["moments"] for done in tally.rounds) > 0


def test_a_seed_is_a_plan() -> None:
    for number in range(len(HEADLINES)):
        assert str(draw(SEED, number)) == str(draw(SEED, number))
    assert str(draw(SEED, 0)) != str(draw("another", 0))


def test_every_headline_is_played_on_every_setting_it_has() -> None:
    most = max(len(one.settings) for one in HEADLINES)
    plans = [draw(SEED, number) for number in range(most * len(HEADLINES))]
    played = {(plan.headline.words, plan.setting) for plan in plans}
    assert played == {(one.words, on) for one in HEADLINES for on in one.settings}
