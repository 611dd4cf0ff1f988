"""Revisions that PARS has and nobody waits for: late posts, and ledgers that were lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from consumer.credit import State
from consumer.desk.correcting import Correcting, Wanted
from consumer.desk.withdrawing import withdraw
from consumer.ledger.claims import Claim
from consumer.pars.port import Action
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import DAY, MOODLE, PRIYA, course, moodle


def claimed(office: Office, state: State = State.READY) -> Claim:
    """What a worker took in hand, perhaps just before its process froze."""
    with office.ledger.begin() as db:
        (claim,) = office.claims.claim(db, "main", [state], 1, office.clock.now())
    return claim


def wake(office: Office, claim: Claim) -> None:
    """Its process goes on as if no time had passed: it asks, posts and settles."""
    late = replace(claim, lease_until=claim.lease_until + 99 * DAY)
    exchange = office.service.dispatcher_for()("main").carry(late, None)
    with office.ledger.begin() as db:
        office.claims.settle(db, [replace(exchange.settlement, claim=claim)], office.clock.now())


def corrected(office: Office) -> None:
    """The office mends the points and corrects what was sent."""
    office.put_activities(course(MOODLE, "101", max_points="1.25"))
    office.look()
    desk = Correcting(office.ledger, office.service.premises.house, office.clock)
    list(desk.correct(desk.select(Wanted(activity="HF-UPDATE"))))


def histories(pars: SimulatedPars) -> dict[str, list[str]]:
    """What PARS did with each revision."""
    return {r["credit_id"].rpartition("-")[2]: r["history"] for r in pars.records}


def test_an_older_revision_posted_late_is_found_and_deleted(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    frozen = claimed(reporting)
    corrected(reporting)
    reporting.drive_to("accepted")
    wake(reporting, frozen)
    assert pars.totals["live"] == 2
    reporting.drive(lambda: sorted(reporting.states()) == ["accepted", "withdrawn"])
    assert histories(pars) == {"r2": ["add"], "r1": ["add", "delete"]}
    assert (reporting.credits[0].state, reporting.open_letters()) == ("accepted", [])


def test_an_older_revision_posted_late_goes_before_the_next_one_is_sent(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    frozen = claimed(reporting)
    corrected(reporting)
    while reporting.states() == ["withdrawing"]:
        reporting.clock.advance(3601)
        wake(reporting, claimed(reporting, State.WITHDRAWING))
    assert reporting.states() == ["ready"]
    wake(reporting, frozen)
    reporting.drive(lambda: sorted(reporting.states()) == ["accepted", "withdrawn"])
    (old, new) = pars.records
    assert max(old["sequence"]) < min(new["sequence"])


def test_an_older_revision_posted_late_by_a_hand_that_never_settles_is_found_all_the_same(
    reporting: Office, pars: SimulatedPars
) -> None:
    """Frozen before its post, thawed while the correction is made, and killed after the post."""
    reporting.hear(moodle(PRIYA))
    frozen = claimed(reporting)
    corrected(reporting)
    reporting.pass_time(1800)
    reporting.service.parts.pars("main").save(frozen.record, frozen.credit_id, Action.ADD)
    reporting.drive_to("accepted")
    assert histories(pars) == {"r1": ["add", "delete"], "r2": ["add"]}
    (old, new) = pars.records
    assert max(old["sequence"]) < min(new["sequence"])


def test_a_credit_whose_sender_never_came_back_is_withdrawn_for_good_only_when_it_cannot(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    frozen = claimed(reporting)
    reporting.clock.advance(301)
    taken_over = claimed(reporting, State.SUBMITTING)
    desk_withdraws(reporting, taken_over.credit_id)
    reporting.pass_time(1800)
    reporting.service.parts.pars("main").save(frozen.record, frozen.credit_id, Action.ADD)
    reporting.drive_to("withdrawn")
    assert histories(pars) == {"r1": ["add", "delete"]}
    assert pars.totals["live"] == 0


def test_posted_late_though_withdrawn_it_is_withdrawn_again(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    frozen = claimed(reporting)
    desk_withdraws(reporting, frozen.credit_id)
    reporting.drive_to("withdrawn")
    wake(reporting, frozen)
    assert pars.totals["live"] == 1
    reporting.drive_to("withdrawn")
    assert histories(pars) == {"r1": ["add", "delete"]}


def desk_withdraws(office: Office, name: str) -> None:
    """A coordinator takes the credit back."""
    list(withdraw(office.ledger, [name], "mora", "not hers", office.clock))


def test_a_stale_hand_that_posted_nothing_leaves_nothing(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    frozen = claimed(reporting)
    corrected(reporting)
    reporting.drive_to("accepted")
    pars.weather({"kind": "cut_before"})
    wake(reporting, frozen)
    reporting.drive(lambda: sorted(reporting.states()) == ["accepted", "withdrawn"])
    assert histories(pars) == {"r2": ["add"]}


@pytest.mark.parametrize("there", [2, 3])
def test_a_lost_ledger_finds_the_revision_that_pars_has(
    reporting: Office, pars: SimulatedPars, there: int
) -> None:
    reporting.hear(moodle(PRIYA))
    claim = claimed(reporting)
    client, first = reporting.service.parts.pars("main"), claim.credit_id
    for action in (Action.ADD, Action.DELETE):
        client.save(claim.record, first, action)
    client.save(claim.record, first.replace("-r1", f"-r{there}"), Action.ADD)
    reporting.lose_ledger()
    reporting.hear()
    reporting.drive_to("accepted")
    assert reporting.credit.credit_id == first.replace("-r1", f"-r{there}")
    assert (pars.totals["live"], pars.totals["stored"], reporting.letters) == (1, 2, [])


def test_a_lost_ledger_of_which_pars_has_nothing_any_more_sends_the_next_revision(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    claim = claimed(reporting)
    for action in (Action.ADD, Action.DELETE):
        reporting.service.parts.pars("main").save(claim.record, claim.credit_id, action)
    reporting.lose_ledger()
    reporting.hear()
    reporting.drive_to("accepted")
    assert histories(pars) == {"r1": ["add", "delete"], "r2": ["add"]}
