"""A small office reports on a bad day: for every fault of the simulator, then recovery.

PARS's books are the judge: every credit once, none lost, and of each credit add before delete
before add.
"""

from __future__ import annotations

import ssl
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from consumer.clock import SystemClock
from consumer.ledger.schema import attempts
from consumer.pars.contract import Transport
from consumer.pars.simulator import running
from consumer.pars.simulator.certificate import Tls, certificate
from tests.integration.office import Office, SimulatedPars, Stage
from tests.integration.people import LENA, OTIS, PRIYA, moodle

OpenOffice = Callable[..., Office]
DAY_SECONDS = 86_400.0
# Every other request, both questions included, until it has happened six times.
OFTEN: dict[str, Any] = {"on": "any", "share": 0.5, "times": 6}
BAD_ANSWERS: list[dict[str, Any]] = [
    {"kind": "half"},
    {"kind": "wrong_type"},
    {"kind": "garbage"},
    {"kind": "huge"},
    {"kind": "bomb"},
    {"kind": "entity"},
    {"kind": "encoding"},
]
FAULTS: list[dict[str, Any]] = [
    *({"kind": "status", "status": status} for status in (400, 401, 409, 500)),
    {"kind": "garbage", "status": 404},
    {"kind": "status", "status": 400, "code": "No match", "text": "Computer says no"},
    {"kind": "status", "status": 999},
    {"kind": "retry_after", "seconds": "20m"},
    {"kind": "retry_after", "seconds": "20m", "date": True},
    {"kind": "retry_after", "status": 503, "seconds": 5},
    {"kind": "redirect"},
    {"kind": "cut_before"},
    {"kind": "cut_after_store"},
    {"kind": "hang", "seconds": 0.6},
    {"kind": "trickle", "seconds": 0.05},
    *BAD_ANSWERS,
]


def patience(kind: str) -> dict[str, float]:
    """Settings of sending: what never ends is not waited for as long as usual."""
    slow = kind in ("hang", "trickle")
    return {"request_timeout_seconds": 0.3, "connect_timeout_seconds": 2} if slow else {}


BOTH = pytest.mark.parametrize("transport", Transport)


def named(fault: dict[str, Any]) -> str:
    return "-".join(str(value) for value in fault.values())


EVERYTHING = {
    (person.board_id, activity, credit_type)
    for person, activity, credit_type in (
        *((person, "202600001", "Medical Knowledge") for person in (PRIYA, OTIS, LENA)),
        (OTIS, "202600004", "Medical Knowledge"),
        (OTIS, "202600004", "Patient Safety"),
        (PRIYA, "202600101", "Medical Knowledge"),
    )
}


def hear_everything(office: Office) -> None:
    """Six credits of three people and two providers."""
    office.hear(*map(moodle, (PRIYA, OTIS, LENA)), moodle(OTIS, "103"), moodle(PRIYA, "104"))
    assert len(office.credits) == len(EVERYTHING)


def replay_all(office: Office) -> None:
    """A person looks at everything that asks for one, and sends it round again."""
    for letter in office.open_letters():
        office.replay(letter["letter_id"])


def recover(office: Office) -> None:
    """Until the board has accepted everything; a few letters may need a second look."""
    for _ in range(4):
        replay_all(office)
        office.drive(lambda: {*office.states()} <= {"accepted", "attention", "rejected"}, days=60)
        if {*office.states()} == {"accepted"}:
            return


def every_credit_once(pars: SimulatedPars) -> None:
    """The books after recovery."""
    live = [(r["board_id"], r["activity"], r["credit_type"]) for r in pars.live]
    assert sorted(live) == sorted(EVERYTHING)
    assert {record["state"] for record in pars.live} == {"accepted"}
    assert pars.totals["doubled"] == 0


def order_of(pars: SimulatedPars) -> dict[tuple[str, str, str], list[str]]:
    """What was done to each credit, over all its revisions, in the order of the books."""
    done: dict[tuple[str, str, str], list[tuple[int, str]]] = defaultdict(list)
    for r in pars.records:
        steps = zip(r["sequence"], r["history"], strict=True)
        done[r["board_id"], r["activity"], r["credit_type"]] += steps
    return {credit: [action for _, action in sorted(steps)] for credit, steps in done.items()}


def in_order(pars: SimulatedPars) -> None:
    """Never two adds without a delete between them."""
    for steps in order_of(pars).values():
        assert steps == ["add", "delete"] * (len(steps) // 2) + ["add"]


@BOTH
@pytest.mark.parametrize("fault", FAULTS, ids=named)
def test_after_a_bad_day_every_credit_is_there_once_and_in_order(
    pars: SimulatedPars, open_office: OpenOffice, fault: dict[str, Any], transport: Transport
) -> None:
    office = open_office(url=pars.url, transport=transport, sending=patience(fault["kind"]))
    # The board will reject Lena's at first, so that one credit at least goes out, back, and out.
    pars.put_roster(LENA.diplomate(board_rejects="Name does not match roster"))
    office.hear(moodle(LENA))
    office.drive_to("submitted")
    pars.weather(fault | OFTEN)
    hear_everything(office)
    office.pass_time(DAY_SECONDS)
    pars.put_roster(LENA.diplomate())
    pars.weather(fault | {"on": "any", "times": 2})
    replay_all(office)
    office.pass_time(2 * DAY_SECONDS)
    assert pars.left() == []
    recover(office)
    every_credit_once(pars)
    in_order(pars)
    assert ["add", "delete", "add"] in order_of(pars).values()


@BOTH
def test_after_an_outage_every_credit_is_there_once_and_nobody_was_asked(
    pars: SimulatedPars, open_office: OpenOffice, transport: Transport
) -> None:
    office = open_office(url=pars.url, transport=transport)
    pars.weather(
        {"kind": "down", "seconds": "3d"}, {"kind": "down", "on": "status", "seconds": "5d"}
    )
    hear_everything(office)
    office.pass_time(5 * DAY_SECONDS)
    recover(office)
    every_credit_once(pars)
    assert office.letters == []


# ---------------------------------------------------------------- bad input


COUNTED = {
    **{fault["kind"]: "answer_not_understood" for fault in BAD_ANSWERS},
    "half": "cut",
    "trickle": "cut",
    "redirect": "redirected",
}


@BOTH
@pytest.mark.parametrize("kind", COUNTED)
def test_a_bad_answer_is_refused_and_counted_and_the_credit_neither_lost_nor_settled(
    pars: SimulatedPars, open_office: OpenOffice, kind: str, transport: Transport
) -> None:
    office = open_office(url=pars.url, transport=transport, sending=patience(kind))
    pars.weather({"kind": kind, "on": "any", "share": 1})
    office.hear(moodle(PRIYA))
    office.drive(lambda: len(outcomes(office)) >= 4)
    assert office.states() == ["submitting"]
    assert office.letters == []
    assert {*outcomes(office)} == {COUNTED[kind]}
    pars.clear()
    office.drive_to("accepted")
    assert (pars.totals["stored"], pars.totals["doubled"]) == (1, 0)


def outcomes(office: Office) -> list[str]:
    """What came of every request, as the ledger counts them."""
    return [row.outcome for row in office.rows(attempts)]


@BOTH
def test_a_redirect_is_not_followed(
    pars: SimulatedPars, open_office: OpenOffice, transport: Transport
) -> None:
    office = open_office(url=pars.url, transport=transport)
    pars.weather({"kind": "redirect"})
    office.hear(moodle(PRIYA))
    office.drive(lambda: bool(outcomes(office)))
    # It points back to where it came from: whoever follows is taken, and stands in the books.
    assert pars.totals["posts"] == 0


@contextmanager
def over_tls(office: Office, stage: Stage, kind: Tls) -> Iterator[None]:
    """The office trusts the very certificate that the same PARS now shows."""
    shown = certificate(kind, "127.0.0.1", SystemClock().now())
    office.trust = ssl.create_default_context(cadata=shown.public.decode())
    with running(stage, tls=shown) as office.url:  # type: ignore[arg-type]  all it needs is an app
        office.start()
        yield
        office.stop()


@BOTH
@pytest.mark.parametrize("kind", [Tls.WRONG_HOST, Tls.EXPIRED])
def test_a_certificate_that_must_not_be_trusted_is_told_nothing(
    pars: SimulatedPars,
    open_office: OpenOffice,
    stage: tuple[Stage, str],
    kind: Tls,
    transport: Transport,
) -> None:
    office = open_office(transport=transport)
    with over_tls(office, stage[0], kind):
        hear_everything(office)
        office.pass_time(DAY_SECONDS)
        assert pars.totals["posts"] == 0
        assert {*office.states()} <= {"ready", "submitting"}
        assert office.letters == []
        assert {*outcomes(office)} == {"tls_failed"}
    with over_tls(office, stage[0], Tls.GOOD):
        recover(office)
    every_credit_once(pars)


# ---------------------------------------------------------------- the board


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("identity", "board_identity"),
        ("duplicate", "board_already_credited"),
        ("other", "board_rejected"),
    ],
)
@BOTH
def test_whatever_a_board_rejects_goes_back_and_out_again(
    pars: SimulatedPars, open_office: OpenOffice, transport: Transport, reason: str, code: str
) -> None:
    office = open_office(url=pars.url, transport=transport)
    pars.weather({"kind": "board_rejects", "reason": reason, "share": 0.5, "times": 3})
    hear_everything(office)
    office.drive(lambda: {*office.states()} == {"accepted", "rejected"})
    assert [letter["reason"] for letter in office.open_letters()] == [code] * 3
    assert pars.left() == []
    recover(office)
    every_credit_once(pars)
    in_order(pars)
    assert sorted(map(len, order_of(pars).values())) == [1] * 3 + [3] * 3


@BOTH
def test_a_board_that_is_late_is_waited_for(
    pars: SimulatedPars, open_office: OpenOffice, transport: Transport
) -> None:
    office = open_office(url=pars.url, transport=transport)
    pars.weather({"kind": "board_late", "seconds": "10d", "share": 0.5})
    hear_everything(office)
    office.pass_time(9 * DAY_SECONDS)
    assert sorted(office.states()) == ["accepted"] * 3 + ["submitted"] * 3
    recover(office)
    every_credit_once(pars)
    assert office.letters == []


@BOTH
@pytest.mark.parametrize(
    "fault", [{"kind": "board_never"}, {"kind": "board_says", "text": "In committee"}], ids=named
)
def test_a_board_that_never_decides_leaves_the_credit_with_pars(
    pars: SimulatedPars, open_office: OpenOffice, fault: dict[str, Any], transport: Transport
) -> None:
    office = open_office(url=pars.url, transport=transport)
    pars.weather(fault)
    office.hear(moodle(PRIYA))
    office.pass_time(15 * DAY_SECONDS)
    assert (office.states(), office.letters) == (["submitted"], [])
    assert (pars.totals["live"], pars.totals["posts"]) == (1, 1)
