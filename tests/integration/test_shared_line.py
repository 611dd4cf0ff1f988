"""Several processes report for one profile: they keep one pace, and one probe leaves for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from consumer.ledger.ledger import Ledger
from consumer.pumps.sending import SendingPump
from consumer.pumps.watching import WatchingPump
from consumer.service import Service
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import LENA, OTIS, PRIYA, moodle

OpenOffice = Callable[..., Office]
PROCESSES = 3


@contextmanager
def processes(office: Office) -> Iterator[list[SendingPump]]:
    """The submit pumps of so many processes: they share nothing but the ledger."""
    ledgers: list[Ledger] = [office.open_ledger() for _ in range(PROCESSES)]
    services = [Service(office.service.parts, one) for one in ledgers]
    yield [pump for one in services for pump in one.pumps if isinstance(pump, SendingPump)][::2]
    for ledger in ledgers:
        ledger.close()


def turn_all(pumps: list[SendingPump]) -> None:
    """Each process goes on until it has nothing to do."""
    for pump in pumps:
        with ThreadPoolExecutor(2) as pool:
            while pump.turn(pool):
                pass


def test_all_processes_together_keep_the_pace(open_office: OpenOffice, pars: SimulatedPars) -> None:
    office = open_office(url=pars.url, profile={"requests_per_second": 1})
    office.hear(*(moodle(one, number) for one in (PRIYA, OTIS, LENA) for number in ("101", "102")))
    sent = []
    with processes(office) as pumps:
        for _ in range(6):
            turn_all(pumps)
            sent.append(pars.totals["posts"])
            office.clock.advance(1)
    assert sent == [1, 2, 3, 4, 5, 6]


def test_in_an_outage_one_probe_leaves_for_all(
    open_office: OpenOffice, pars: SimulatedPars
) -> None:
    # A failed post is due again at once: nothing but the line may hold it back.
    hasty = {"backoff_first_seconds": 0.001, "backoff_longest_seconds": 0.001}
    office = open_office(url=pars.url, sending=hasty | {"breaker_failures": 2})
    office.hear(*(moodle(one) for one in (PRIYA, OTIS, LENA)))
    pars.weather(*({"kind": "status", "status": 500, "times": 1, "on": "any"} for _ in range(40)))
    with processes(office) as pumps:
        turn_all(pumps)
        for _ in range(3):
            office.clock.advance(59)
            left = len(pars.left())
            turn_all(pumps)
            assert len(pars.left()) == left, "asked in the pause"
            office.clock.advance(2)
            turn_all(pumps)
            assert len(pars.left()) == left - 1, "not one probe"
        pars.clear()
        office.clock.advance(61)
        turn_all(pumps)
    office.drive_to("accepted", "accepted", "accepted")
    assert (pars.totals["live"], pars.totals["doubled"]) == (3, 0)


def test_each_process_says_that_pars_does_not_serve(
    open_office: OpenOffice, pars: SimulatedPars
) -> None:
    office = open_office(url=pars.url, sending={"breaker_failures": 1})
    office.hear(moodle(PRIYA))
    pars.weather(*({"kind": "status", "status": 500, "times": 1, "on": "any"} for _ in range(9)))
    ledger = office.open_ledger()
    other = Service(office.service.parts, ledger)
    watch = next(pump for pump in other.pumps if isinstance(pump, WatchingPump))

    def told_elsewhere() -> list[str]:
        watch.turn()
        return [c.cause for c in other.readiness.conditions() if c.name == "pars.main"]

    assert told_elsewhere() == []
    submit, _ = office.sending
    turn_all([submit])
    (cause,) = told_elsewhere()
    assert "nothing is sent before" in cause
    pars.clear()
    office.clock.advance(3600)
    turn_all([submit])
    assert told_elsewhere() == [""]
    ledger.close()


def test_credentials_that_were_put_right_are_tried_at_the_next_start(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.weather({"kind": "status", "status": 401, "times": 1, "on": "any"})
    reporting.hear(moodle(PRIYA))
    submit, _ = reporting.sending
    while submit.turn(reporting.pool):
        pass
    reporting.clock.advance(301)  # what was answered 401 may be tried again, the profile not yet
    assert not submit.turn(reporting.pool)
    assert pars.totals["live"] == 0
    with processes(reporting) as pumps:
        turn_all(pumps)
        reporting.clock.advance(301)  # an early "not found" proves nothing
        turn_all(pumps)
    assert pars.totals["live"] == 1
    assert reporting.clock.monotonic() < reporting.settings.sending.stopped_pause_seconds
