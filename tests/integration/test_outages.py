"""PARS or the ledger away for days: everything arrives, once, and the readiness says why."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import OperationalError

from consumer.ledger.schema import attempts
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import LENA, OTIS, PRIYA, moodle, raw

OpenOffice = Callable[..., Office]
DAY_SECONDS = 86_400.0
CLASS = [replace(PRIYA, number=n, board_id=f"1{n:05d}") for n in range(5000, 5010)]
NEVER = threading.Event()


def bad(office: Office) -> dict[str, str]:
    """What is not ready, and why."""
    return {one.name: one.cause for one in office.service.readiness.conditions() if not one.ok}


def turn(office: Office, *names: str) -> None:
    """One turn of these pumps as they take it when they run: faults and all."""
    for name in names:
        pump = office.pump(name)
        if name in ("submit", "follow"):
            pump.turn(office.pool)
        elif name == "intake":
            pump._try_turn(NEVER)
        elif name == "outbox":
            pump._try_turn()
        else:
            pump.turn()


# ---------------------------------------------------------------- PARS


def test_pars_is_away_for_days_while_completions_come_in(
    pars: SimulatedPars, open_office: OpenOffice
) -> None:
    office = open_office(url=pars.url)
    pars.weather({"kind": "down", "on": "any", "seconds": "4d"})
    for day, person in enumerate((PRIYA, OTIS, LENA)):
        office.hear(moodle(person))
        office.pass_time(DAY_SECONDS)
        assert bad(office) == {"pars.main": f"{DOWN}; it is asked again by itself"}, day
    office.drive_to("accepted", "accepted", "accepted")
    assert bad(office) == {}
    assert (pars.totals["live"], pars.totals["doubled"], office.letters) == (3, 0, [])


DOWN = "PARS is busy or down"


def test_what_only_a_person_can_mend_at_pars_is_told_with_what_to_do(
    pars: SimulatedPars, open_office: OpenOffice
) -> None:
    office = open_office(url=pars.url, passwords={"main": "mistyped"})
    office.hear(moodle(PRIYA))
    office.pass_time(DAY_SECONDS)
    assert "correct the profile's credentials" in bad(office)["pars.main"]
    office.start(passwords={"main": "correct-horse"})
    office.drive_to("accepted")
    assert bad(office) == {}


# ---------------------------------------------------------------- the ledger


@contextmanager
def ledger_away(office: Office, *, after_it_was_written: bool = False) -> Iterator[None]:
    """No commit succeeds, as far as its caller can tell."""

    def fail(connection: Connection) -> None:
        if after_it_was_written:
            connection.connection.commit()
        raise OperationalError("COMMIT", None, Exception("disk I/O error"))

    event.listen(office.ledger.engine, "commit", fail)
    try:
        yield
    finally:
        event.remove(office.ledger.engine, "commit", fail)


def in_hand(office: Office) -> int:
    """Exchanges that a pump keeps until the ledger can take them."""
    return sum(len(pump._unsettled) + len(pump._under_way) for pump in office.sending)


@pytest.mark.parametrize("written", [False, True], ids=["lost", "written"])
def test_what_pars_answered_is_kept_through_an_outage_of_the_ledger(
    reporting: Office, pars: SimulatedPars, written: bool
) -> None:
    office = reporting
    pars.put_roster(*(one.diplomate() for one in CLASS))
    office.put_learners(*(one.row() for one in CLASS))
    office.look()
    office.hear(*map(moodle, CLASS))
    turn(office, "submit")
    wait(office.sending[0]._under_way)
    most, posts = in_hand(office), pars.totals["posts"]
    assert most == posts > 0
    with ledger_away(office, after_it_was_written=written):
        for _ in range(30):
            turn(office, "submit", "follow")
            assert in_hand(office) <= most
            office.clock.advance(DAY_SECONDS / 10)  # every lease runs out
        assert bad(office) == {"ledger": "disk I/O error"}
        assert pars.totals["posts"] <= posts + most
    office.drive_to(*["accepted"] * len(CLASS))
    assert (pars.totals["live"], pars.totals["posts"]) == (len(CLASS), len(CLASS))
    assert (pars.totals["doubled"], office.letters, bad(office)) == (0, [], {})
    posts = [row.credit_row for row in office.rows(attempts) if row.action == "add"]
    assert {*posts} == {row.id for row in office.credits}


def test_a_refusal_that_was_written_but_not_confirmed_is_one_letter(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.put_roster(replace(PRIYA, birth_date="1971-10-09").diplomate())
    reporting.hear(moodle(PRIYA))
    turn(reporting, "submit")
    with ledger_away(reporting, after_it_was_written=True):
        for _ in range(3):
            turn(reporting, "submit")
    reporting.drive_to("attention")
    assert len(reporting.letters) == 1
    assert pars.totals["posts"] == 1


def test_what_was_heard_is_kept_through_an_outage_of_the_ledger(office: Office) -> None:
    with ledger_away(office):
        office.publisher.publish([moodle(PRIYA), raw(b"{")])
        for _ in range(5):
            turn(office, "intake", "watch")
            assert len(office.intake._batch) == 2
        assert bad(office) == {"ledger": "disk I/O error"}
        assert (office.fates, office.letters) == ([], [])
    turn(office, "intake")
    assert (office.fates, bad(office)) == (["ready", "refused"], {})
    assert len(office.letters) == 1


@pytest.mark.parametrize(
    "text", ["disk I/O error", "database or disk is full", "attempt to write a readonly database"]
)
def test_every_pump_outlives_whatever_a_disk_does(office: Office, text: str) -> None:
    def fail(_: Connection) -> None:
        raise OperationalError("BEGIN", None, Exception(text))

    office.publisher.publish([moodle(PRIYA)])
    event.listen(office.ledger.engine, "begin", fail)
    for pump in office.service.pumps:
        stop = Once()
        pump.run(stop)
    assert bad(office) == {"ledger": text}
    event.remove(office.ledger.engine, "begin", fail)
    for pump in office.service.pumps:
        pump.run(Once())
    assert (bad(office), office.states()) == ({}, ["ready"])


class Once(threading.Event):
    """Lets a pump take two turns, and stops it."""

    def __init__(self) -> None:
        super().__init__()
        self._asked = 0

    def is_set(self) -> bool:
        """Whether two turns were taken."""
        self._asked += 1
        return self._asked > 4 or super().is_set()


# ---------------------------------------------------------------- tables and sources


def test_a_table_that_is_refused_is_told_until_it_is_mended(office: Office) -> None:
    office.put_learners({"learner": "4413307", "colour": "green"})
    office.look()
    assert "the one before stays in force: learners.csv" in bad(office)["tables"]
    office.put_learners(PRIYA.row())
    office.look()
    assert bad(office) == {}
