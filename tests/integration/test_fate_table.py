"""Every row of the fate table met at the simulator itself, over real HTTP in both languages."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from consumer.clock import SystemClock
from consumer.fate import SendFate, StatusFate
from consumer.pars.contract import Transport
from consumer.pars.port import Action, Broke, Pars, Reply
from consumer.pars.simulator import running
from consumer.pars.simulator.certificate import Tls, certificate
from consumer.pars.symptoms import OK, SAVE, SAVE_ELSE, STATUS, STATUS_ELSE, Row
from consumer.pars.verdicts import fate_of_save, fate_of_status, row_for
from tests.fakes import FakeClock
from tests.unit.pars.samples import ADA, CREDIT, simulator
from tests.unit.pars.scripted import client
from tests.unit.pars.spoken import ASKED, SAVED

Fault = dict[str, Any]
BOTH = pytest.mark.parametrize("transport", Transport)


def fault_for(wanted: Reply) -> Fault | None:
    """The fault that makes the simulator answer so; None when it does so by itself."""
    if wanted.broke is not None:
        return {"kind": "cut_before"} if wanted.broke is Broke.CUT else None
    if wanted.retry_after_seconds is not None:
        wait = f"{wanted.retry_after_seconds}s"
        return {"kind": "retry_after", "status": wanted.status, "seconds": wait}
    if not wanted.understood:
        return {"kind": "garbage", "status": wanted.status}
    if wanted.status in OK:
        return None
    return {"kind": "status", "status": wanted.status, "code": wanted.code, "text": wanted.message}


def sayable(wanted: Reply) -> bool:
    """Whether a PARS with one record of this credit can say it: 1xx is never the last word."""
    about_ours = [one for one in wanted.credits if one.credit_id == CREDIT]
    plain = not wanted.credits or (len(wanted.credits) == len(about_ours) == 1)
    empty = any(not one.status for one in wanted.credits)  # no such word can be asked for
    return (wanted.broke is not None or (wanted.status or 0) >= 200) and plain and not empty


@contextmanager
def speaking(wanted: Reply, transport: Transport, *, on: str) -> Iterator[Pars]:
    """A client of a simulator that is about to answer so."""
    clock = FakeClock()
    shown = certificate(Tls.EXPIRED, "127.0.0.1", SystemClock().now())
    tls = shown if wanted.broke is Broke.TLS else None
    trust = ssl.create_default_context(cadata=shown.public.decode()) if tls else None
    with running(simulator(clock), tls=tls) as url:
        if fault := fault_for(wanted):
            put(url, fault | {"on": on})
        if wanted.broke is Broke.NOT_SENT:
            url = nowhere()
        with client(url, transport, tls=trust, clock=clock) as pars:
            for one in wanted.credits:
                put(url, {"kind": "board_says", "text": one.status})
                put(url, {"kind": "board_rejects", "text": one.reason})
                pars.save(ADA, CREDIT, Action.ADD)
            yield pars


def put(url: str, *rules: Fault) -> None:
    httpx.put(f"{url}/_faults", json={"faults": rules}, trust_env=False).raise_for_status()


def nowhere() -> str:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


WALKED_SAVES = [one for one in SAVED if sayable(one[0])]
WALKED_ASKS = [
    (reply, fate)
    for reply, fate in ASKED
    if sayable(reply) and (reply.credits or reply.broke or fault_for(reply))
]


@BOTH
@pytest.mark.parametrize(("wanted", "fate"), WALKED_SAVES, ids=repr)
def test_what_the_simulator_says_to_a_report_has_its_fate(
    transport: Transport, wanted: Reply, fate: SendFate
) -> None:
    with speaking(wanted, transport, on="save") as pars:
        reply = pars.save(ADA, CREDIT, Action.ADD)
    own = {200, 201} if wanted.understood and wanted.status in OK else {wanted.status}
    assert reply.status in own
    assert fate_of_save(reply) == fate
    assert same_row(reply, wanted, SAVE, SAVE_ELSE)


@BOTH
@pytest.mark.parametrize("ask", [lambda p: p.status(CREDIT), lambda p: p.status_by_learner(ADA)],
                         ids=["by credit", "by learner"])  # fmt: skip
@pytest.mark.parametrize(("wanted", "fate"), WALKED_ASKS, ids=repr)
def test_what_the_simulator_says_to_a_question_has_its_fate(
    transport: Transport, ask: Callable[[Pars], Reply], wanted: Reply, fate: StatusFate
) -> None:
    with speaking(wanted, transport, on="status") as pars:
        reply = ask(pars)
    assert fate_of_status(reply, CREDIT) == fate
    assert same_row(reply, wanted, STATUS, STATUS_ELSE)


def same_row(reply: Reply, wanted: Reply, table: tuple[Row, ...], otherwise: Row) -> bool:
    return row_for(reply, table, otherwise) is row_for(wanted, table, otherwise)


@pytest.mark.parametrize(
    ("table", "otherwise", "walked"),
    [(SAVE, SAVE_ELSE, WALKED_SAVES), (STATUS, STATUS_ELSE, WALKED_ASKS)],
    ids=["save", "status"],
)
def test_no_row_was_left_out_everything_else_included(
    table: tuple[Row, ...], otherwise: Row, walked: list[tuple[Reply, object]]
) -> None:
    met = [row_for(reply, table, otherwise) for reply, _ in walked]
    assert [row.code for row in (*table, otherwise) if row not in met] == []
