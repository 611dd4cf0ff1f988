"""Readiness: who said what is wrong, since when, told once; and what it answers over HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from consumer.telemetry.health import CannotListen, answering
from consumer.telemetry.readiness import GATEWAY, STARTS_WITH, Condition, Readiness
from tests.fakes import MORNING, FakeClock

STALLED_SECONDS = 300.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def readiness(clock: FakeClock) -> Readiness:
    return Readiness(clock)


def bad(readiness: Readiness) -> dict[str, str]:
    return {one.name: one.cause for one in readiness.conditions() if not one.ok}


def test_what_nobody_has_told_of_yet_is_not_ready(readiness: Readiness) -> None:
    readiness.expect("bus")
    assert bad(readiness) == {"bus": "starting"}
    with capture_logs() as said:
        readiness.good("bus", "intake")
    assert (bad(readiness), said) == ({}, [])


def test_a_condition_is_bad_since_it_turned_bad(readiness: Readiness, clock: FakeClock) -> None:
    readiness.good("ledger", "submit")
    clock.advance(60)
    readiness.bad("ledger", "submit", "disk I/O error")
    clock.advance(60)
    readiness.bad("ledger", "submit", "database or disk is full")
    since = MORNING + timedelta(seconds=60)
    full = Condition("ledger", ok=False, cause="database or disk is full", since=since)
    assert readiness.conditions() == [full]
    readiness.good("ledger", "submit")
    later = MORNING + timedelta(seconds=120)
    assert readiness.conditions() == [Condition("ledger", ok=True, cause="", since=later)]


def test_it_stays_bad_while_anybody_says_so(readiness: Readiness) -> None:
    readiness.bad("bus", "intake", "no route")
    readiness.bad("bus", "outbox", "no room")
    assert bad(readiness) == {"bus": "no route; no room"}
    readiness.good("bus", "intake")
    assert bad(readiness) == {"bus": "no room"}
    readiness.good("bus", "outbox")
    assert bad(readiness) == {}


def test_turning_bad_and_turning_good_are_logged_once_each(
    readiness: Readiness, clock: FakeClock
) -> None:
    with capture_logs() as said:
        for _ in range(3):
            for pump in ("intake", "submit"):
                readiness.bad("ledger", pump, "disk full")
        clock.advance(3600)
        for _ in range(3):
            for pump in ("intake", "submit"):
                readiness.good("ledger", pump)
    failed = {"condition": "ledger", "cause": "disk full", "event": "condition.failed"}
    recovered = {"condition": "ledger", "seconds": 3600, "event": "condition.recovered"}
    assert said == [failed | {"log_level": "warning"}, recovered | {"log_level": "info"}]


def test_a_source_that_was_let_go_is_spoken_of_no_more(readiness: Readiness) -> None:
    readiness.good("bus", "intake")
    readiness.only("source.", "watch", {"source.moodle": "held", "source.canvas": "held"})
    assert [*bad(readiness)] == ["source.canvas", "source.moodle"]
    readiness.only("source.", "watch", {"source.canvas": "held"})
    assert [one.name for one in readiness.conditions()] == ["bus", "source.canvas"]


# ---------------------------------------------------------------- over HTTP


@pytest.fixture
def address(readiness: Readiness) -> Iterator[str]:
    with answering("127.0.0.1:0", readiness, STALLED_SECONDS) as where:
        yield f"http://{where}"


def asked(url: str) -> tuple[int, dict[str, Any]]:
    answer = httpx.get(url, trust_env=False)
    return answer.status_code, answer.json()


@pytest.fixture
def started(readiness: Readiness) -> Readiness:
    for name in STARTS_WITH:
        readiness.good(name, "start")
    return readiness


def test_ready_says_what_fails(readiness: Readiness, address: str) -> None:
    readiness.good("bus", "intake")
    readiness.bad("ledger", "intake", "database or disk is full")
    code, told = asked(f"{address}/ready")
    assert (code, told["ok"], told["well"]) == (503, False, False)
    assert told["unable"] == ["ledger", "mappings", "tables"]
    since = "2026-11-22T15:15:00+00:00"
    assert told["conditions"] == [
        {"name": "bus", "ok": True, "cause": "", "since": since},
        {"name": "ledger", "ok": False, "cause": "database or disk is full", "since": since},
    ]


@pytest.mark.parametrize(
    "name", ["bus", "pars.main", "registry", "gateway.bus", "tables", "mappings", "webhook.crm"]
)
def test_what_others_serve_makes_no_process_unable_to_take_work(
    started: Readiness, address: str, name: str
) -> None:
    """An orchestrator must neither stall a rollout nor restart anything for it."""
    started.bad(name, "somebody", "it is away")
    for path in ("ready", "live", "startup"):
        assert asked(f"{address}/{path}")[0] == 200
    told = asked(f"{address}/ready")[1]
    assert (told["ok"], told["well"], told["unable"]) == (True, False, [])
    assert bad(started) == {name: "it is away"}


def test_without_its_ledger_it_takes_no_work(started: Readiness, address: str) -> None:
    assert asked(f"{address}/ready")[0] == 200
    started.bad("ledger", "intake", "disk full")
    code, told = asked(f"{address}/ready")
    assert (code, told["unable"]) == (503, ["ledger"])


def test_what_takes_posts_is_ready_while_it_can_keep_them(started: Readiness, address: str) -> None:
    started.good(GATEWAY, "taking")
    started.bad("ledger", "intake", "disk full")
    assert asked(f"{address}/ready")[0] == 200
    started.bad(GATEWAY, "taking", "the spool: SQLITE_FULL")
    code, told = asked(f"{address}/ready")
    assert (code, told["unable"]) == (503, [GATEWAY])


def test_live_while_every_pump_turns(readiness: Readiness, address: str, clock: FakeClock) -> None:
    assert asked(f"{address}/live") == (200, {"ok": True, "pumps": []})
    readiness.started(["intake", "submit"])
    readiness.bad("ledger", "intake", "away")
    clock.advance(STALLED_SECONDS - 1)
    readiness.turned("submit")
    assert asked(f"{address}/live")[0] == 200
    clock.advance(1)
    code, told = asked(f"{address}/live")
    assert (code, told["ok"]) == (503, False)
    assert told["pumps"] == [
        {"name": "intake", "ok": False, "seconds": 300.0},
        {"name": "submit", "ok": True, "seconds": 1.0},
    ]


def test_an_address_that_is_taken_is_named(readiness: Readiness) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        where = f"127.0.0.1:{other.getsockname()[1]}"
        refused = pytest.raises(CannotListen, match=f"health.listen: {where}: Address already")
        with refused, answering(where, readiness, STALLED_SECONDS):
            pass


def test_without_an_address_nothing_listens(readiness: Readiness) -> None:
    with answering("", readiness, STALLED_SECONDS) as where:
        assert where == ""
