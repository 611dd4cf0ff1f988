"""What LMSs post is on the bus before they are told so, without the secret, and reaches PARS."""

from __future__ import annotations

import asyncio
import gzip
import socket
import sqlite3
import stat
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from consumer.bus.connect import Bus
from consumer.bus.embedded import EmbeddedPublisher
from consumer.bus.port import Message, Outgoing
from consumer.clock import SystemClock
from consumer.gateway.application import Gateway
from consumer.gateway.road import Road
from consumer.gateway.serving import proofs_of
from consumer.gateway.spool import Spool
from consumer.gateway.taking import Taking
from consumer.ledger.seal import Seal
from consumer.settings import SettingsProblems, load_settings
from consumer.telemetry.exposition import Exposition
from consumer.telemetry.health import answering
from consumer.telemetry.readiness import Readiness
from tests.end_to_end.patience import until
from tests.integration.lmsposts import SECRETS, SOURCES, Lms, posting
from tests.integration.office import SEALING_KEY, Office, SimulatedPars
from tests.integration.people import (
    CANVAS,
    EVERYONE,
    LENA,
    MOODLE,
    OTIS,
    PRIYA,
    TOPIC,
    canvas,
    course,
    moodle,
)  # fmt: skip
from tests.integration.test_metrics import Samples, samples
from tests.unit.test_log import logging_to

GATEWAY: dict[str, Any] = {"sources": SOURCES}
OpenOffice = Callable[..., Office]


def json_of(what: Any) -> bytes:
    value: bytes = what.value
    return value


@pytest.fixture
def served(open_office: OpenOffice) -> Office:
    """An office with a gateway in its settings."""
    return open_office(gateway=GATEWAY)


def on_bus(office: Office) -> list[Message]:
    return office.published(TOPIC)


def headers_of(message: Message) -> dict[str, str]:
    return {name: value.decode() for name, value in message.headers}


DOCEBO = {
    "event": "course.enrollment.completed", "message_id": "wh-1", "webhook_id": 12,
    "original_domain": "docebo.harbor.example", "fired_by_batch_action": False,
    "payload": {"fired_at": "2026-11-20 18:00:04", "user_id": LENA.number, "username": "lq",
                "course_id": 84, "course_name": "Sepsis", "level": "learner",
                "enrollment_date": "2026-02-01 08:00:00", "status": "completed",
                "completion_date": "2026-11-20 18:00:00", "subscribed_by_id": 12},
}  # fmt: skip
STATEMENT = {
    "id": "5b1de8a4-90c3-4f0e-9c58-2f6a7c1d0e11",
    "actor": {"objectType": "Agent", "account": {"homePage": "https://lrs.harbor.example",
                                                 "name": "990"}},
    "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
    "object": {"objectType": "Activity", "id": "https://lrs.harbor.example/course/7",
               "definition": {"type": "http://adlnet.gov/expapi/activities/course"}},
    "result": {"completion": True},
    "timestamp": "2026-11-20T18:00:00Z",
}  # fmt: skip


def test_what_five_lmss_post_reaches_the_books_of_pars(
    pars: SimulatedPars, open_office: OpenOffice
) -> None:
    fourth = replace(PRIYA, number=990, board_id="771204", family_name="Oduya", given_name="Ife")
    fifth = replace(PRIYA, number=991, board_id="771205", family_name="Brandt", given_name="Ute")
    office = open_office(url=pars.url, gateway=GATEWAY)
    pars.put_roster(*(one.diplomate() for one in (*EVERYONE, fourth, fifth)))
    office.put_learners(*(one.row() for one in (*EVERYONE, fourth, fifth)))
    office.put_activities(
        course(MOODLE, "101"), course(CANVAS, "731"), course("docebo.harbor.example", "84"),
        course("", "https://lrs.harbor.example/course/7"),
    )  # fmt: skip
    office.look()
    with posting(office.settings) as lms:
        answers = [
            lms.moodle(json_of(moodle(PRIYA))),
            lms.canvas(json_of(canvas(OTIS))),
            lms.docebo(orjson.dumps(DOCEBO)),
            lms.xapi(orjson.dumps([STATEMENT])),
            lms.form(json_of(moodle(fifth))),
        ]
    assert [one.status_code for one in answers] == [200] * 5
    assert office.hear() == {"ready": 5}
    office.drive_to(*["accepted"] * 5)
    assert sorted(pars.accepted) == sorted(
        one.board_id for one in (PRIYA, OTIS, LENA, fourth, fifth)
    )
    assert (pars.totals["doubled"], office.letters) == (0, [])


def test_the_answer_comes_when_it_is_on_the_bus(served: Office) -> None:
    with posting(served.settings) as lms:
        assert lms.moodle(json_of(moodle(PRIYA))).text == "kept\n"
        (message,) = on_bus(served)
        assert orjson.loads(message.value or b"") == orjson.loads(json_of(moodle(PRIYA))) | {
            "extra": ""
        }
        assert message.key == b"moodle"
        assert headers_of(message) == {
            "moc-posted-by": "moodle", "content-type": "application/json"
        }  # fmt: skip


def test_headers_that_matter_go_along_and_no_others(served: Office) -> None:
    with posting(served.settings) as lms:
        lms.canvas(b"{}")
        lms.xapi(b"{}", ce_id="e%201", ce_specversion="1.0", cookie="a=b", x_other="1")
    first, second = map(headers_of, on_bus(served))
    assert first == {
        "moc-posted-by": "canvas", "content-type": "application/json", "x-request-kind": "live"
    }  # fmt: skip
    assert second == {
        "moc-posted-by": "lrs", "content-type": "application/json", "ce_id": "e 1",
        "ce_specversion": "1.0", "x-experience-api-version": "1.0.3",
    }  # fmt: skip


def test_a_batch_of_cloudevents_is_an_event_each(served: Office) -> None:
    events = [{"specversion": "1.0", "id": str(n), "source": "/lms", "type": "t", "data": {"n": n}}
              for n in range(3)]  # fmt: skip
    kind = "application/cloudevents-batch+json; charset=utf-8"
    with posting(served.settings) as lms:
        assert lms.xapi(orjson.dumps(events), content_type=kind).status_code == 200
        assert lms.xapi(b'{"a": 1}', content_type=kind).status_code == 400
    heard = on_bus(served)
    assert [orjson.loads(one.value or b"") for one in heard] == events
    assert {headers_of(one)["content-type"] for one in heard} == {"application/cloudevents+json"}


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_body_is_kept_as_it_was_before(served: Office, coding: str) -> None:
    packed = {"gzip": gzip.compress, "deflate": zlib.compress}[coding](json_of(moodle(PRIYA)))
    with posting(served.settings) as lms:
        assert lms.xapi(packed, content_encoding=coding).status_code == 200
    assert [one.value for one in on_bus(served)] == [json_of(moodle(PRIYA))]


# ---------------------------------------------------------------- refusals


def told(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.text, answer.headers.get("www-authenticate", "")


def test_an_unknown_source_and_a_wrong_secret_look_the_same(served: Office) -> None:
    with posting(served.settings) as lms:
        answers = [
            lms.post("nobody", b"{}"),
            lms.post("nobody", b'{"token": "guess"}'),
            lms.post("moodle", b'{"token": "guess"}'),
            lms.post("moodle", b"no json"),
            lms.post("docebo", b"{}", {"authorization": "Basic Z3Vlc3M6Z3Vlc3M="}),
            lms.post("canvas", b"{}", {"x-signature": "sha256=00", "x-timestamp": "1"}),
            lms.post("lrs", b"{}", {"authorization": "Bearer guess"}),
            lms.canvas(b"{}", SystemClock().now() - timedelta(hours=1)),
            lms.post("", b"{}"),
            lms.post("moodle/more", b"{}"),
        ]
        assert {told(one) for one in answers} == {
            (401, "No LMS may post here by this name and secret.\n", 'Basic realm="webhooks"')
        }
        assert {told(lms.http.get(f"/in/{name}")) for name in ("moodle", "nobody")} == {
            (200, "Events are posted here.\n", "")
        }
    assert on_bus(served) == []


def test_a_body_that_is_too_large_is_not_taken_however_it_comes(open_office: OpenOffice) -> None:
    office = open_office(gateway=GATEWAY | {"body_limit_bytes": 2048})
    with posting(office.settings) as lms:
        large = b'{"a": "' + b"x" * 2048 + b'"}'
        answers = [
            lms.xapi(large),
            lms.xapi(gzip.compress(b" " * 1_000_000), content_encoding="gzip"),
            lms.post("nobody", large),
        ]
        answers.append(lms.http.post("/in/lrs", content=iter([large, large])))
        assert [one.status_code for one in answers] == [413] * 4
        assert lms.xapi(b"{}", content_encoding="br").status_code == 415
        assert lms.xapi(b"").status_code == 400
        assert lms.xapi(b'{"a": "' + b"x" * 2000 + b'"}').status_code == 200
    assert len(on_bus(office)) == 1


def test_a_source_that_posts_too_much_is_told_when_to_come_again(open_office: OpenOffice) -> None:
    hasty = {name: one | {"rate_per_second": 0.5, "burst": 3} for name, one in SOURCES.items()}
    office = open_office(gateway={"sources": hasty})
    with posting(office.settings) as lms:
        for _ in range(20):  # strangers use up nothing
            lms.post("lrs", b"{}")
        answers = [lms.xapi(b"{}") for _ in range(5)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
        assert answers[-1].headers["retry-after"] == "2"
        assert lms.moodle(json_of(moodle(PRIYA))).status_code == 200
    assert len(on_bus(office)) == 4


def test_a_body_that_does_not_come_is_not_waited_for(open_office: OpenOffice) -> None:
    office = open_office(gateway=GATEWAY | {"read_seconds": 0.2})
    with posting(office.settings) as lms:
        where = (lms.http.base_url.host, lms.http.base_url.port or 0)
        with socket.create_connection(where, 10) as slow:
            slow.sendall(b"POST /in/lrs HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
            assert slow.recv(20).startswith(b"HTTP/1.1 408")
    assert on_bus(office) == []


def test_other_questions_are_answered_and_keep_nothing(served: Office) -> None:
    with posting(served.settings) as lms:
        head = lms.http.head("/in/moodle")
        assert (head.status_code, head.content) == (200, b"")
        asked = {"webhook-request-origin": "lms.example.org", "webhook-request-rate": "120"}
        agreed = lms.http.options("/in/moodle", headers=asked).headers
        assert agreed["webhook-allowed-origin"] == "lms.example.org"
        assert agreed["webhook-allowed-rate"] == "*"
        assert lms.http.put("/in/moodle", content=b"{}").status_code == 405
        assert lms.http.post("/", content=b"{}").status_code == 404
    assert on_bus(served) == []


def test_many_at_once_are_all_there_and_each_in_its_order(served: Office) -> None:
    def send(lms: Lms, who: int) -> set[int]:
        return {lms.xapi(orjson.dumps({"who": who, "n": n})).status_code for n in range(25)}

    with posting(served.settings) as lms, ThreadPoolExecutor(8) as pool:
        codes = [*pool.map(lambda who: send(lms, who), range(8))]
    assert codes == [{200}] * 8
    heard = [orjson.loads(one.value or b"") for one in on_bus(served)]
    for who in range(8):
        assert [one["n"] for one in heard if one["who"] == who] == [*range(25)]


# ---------------------------------------------------------------- the spool


class Away:
    """Holds the embedded log, so that nobody can write to it."""

    def __init__(self, office: Office) -> None:
        EmbeddedPublisher(office.bus_path).close()
        self._log = sqlite3.connect(office.bus_path, isolation_level=None)
        self._log.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        self._log.execute("ROLLBACK")
        self._log.close()


HASTY = GATEWAY | {"bus_seconds": 0.2, "retry_seconds": 0.1}


def waiting(office: Office) -> int:
    with closing(sqlite3.connect(office.settings.spool_path)) as spool:
        (count,) = spool.execute("SELECT count(*) FROM waiting").fetchone()
        return int(count)


def test_while_the_bus_is_away_events_wait_on_disk_and_follow_in_order(
    open_office: OpenOffice,
) -> None:
    office = open_office(gateway=HASTY)
    with posting(office.settings) as lms:
        assert lms.xapi(b'{"n": 0}').status_code == 200
        assert lms.bad() == {}
        away = Away(office)
        for n in range(1, 8):
            assert lms.xapi(orjson.dumps({"n": n})).status_code == 200
        assert waiting(office) == 7
        assert "waits in the spool" in lms.bad()["gateway.bus"]
        away.end()
        until(lambda: waiting(office) == 0, 20, "the spool is empty")
        until(lambda: lms.bad() == {}, 20, "it is ready again")
        assert lms.xapi(b'{"n": 8}').status_code == 200
    heard = [orjson.loads(one.value or b"")["n"] for one in on_bus(office)]
    assert [*dict.fromkeys(heard)] == [*range(9)]


def test_after_a_post_that_could_not_be_kept_it_is_ready_again_without_another(
    open_office: OpenOffice,
) -> None:
    """Nobody sends one to a gateway that is not ready."""
    office = open_office(gateway=HASTY)
    with posting(office.settings) as lms:
        assert lms.xapi(b"{}").status_code == 200
        away = Away(office)
        with closing(sqlite3.connect(office.settings.spool_path)) as somebody:
            somebody.execute("BEGIN IMMEDIATE")
            assert lms.xapi(b"{}").status_code == 503
            assert "gateway" in lms.bad()
        until(lambda: "gateway" not in lms.bad(), 20, "posts can be kept again")
        away.end()


def test_what_waits_for_the_bus_alone_does_not_make_a_gateway_unable(
    open_office: OpenOffice,
) -> None:
    office = open_office(gateway=HASTY)
    path, clock = office.settings.spool_path, SystemClock()
    spool = Spool(path, Seal(SEALING_KEY), clock)
    spool.append([Outgoing(TOPIC, b"lms", b"{}")])
    spool.close()
    readiness, aside = Readiness(clock), path.with_name("aside")
    publisher = Bus(office.settings).hasty_publisher(0.2)
    road = Road(lambda: publisher, Spool(path, Seal(SEALING_KEY), clock), readiness)
    path.rename(aside)
    path.mkdir()
    assert not road.forward()
    assert bad_of(readiness) == {"gateway"}
    path.rmdir()
    aside.rename(path)
    away = Away(office)
    assert not road.forward()
    assert bad_of(readiness) == {"gateway.bus"}
    away.end()
    assert road.forward()
    assert bad_of(readiness) == set()
    road.close()


def bad_of(readiness: Readiness) -> set[str]:
    return {one.name for one in readiness.conditions() if not one.ok}


def test_what_waits_goes_before_what_comes_after_a_restart(open_office: OpenOffice) -> None:
    office = open_office(gateway=HASTY)
    away = Away(office)
    with posting(office.settings) as lms:
        for n in range(5):
            assert lms.xapi(orjson.dumps({"n": n})).status_code == 200
    with posting(office.settings) as lms:
        assert lms.xapi(b'{"n": 5}').status_code == 200
        away.end()
        until(lambda: waiting(office) == 0, 20, "the spool is empty")
    assert [orjson.loads(one.value or b"")["n"] for one in on_bus(office)] == [*range(6)]


def test_one_of_two_gateways_forwards_and_the_other_overtakes_nothing(
    open_office: OpenOffice,
) -> None:
    office = open_office(gateway=HASTY)
    with posting(office.settings) as one, posting(office.settings) as other:
        away = Away(office)
        for n in range(10):
            assert (one if n % 2 else other).xapi(orjson.dumps({"n": n})).status_code == 200
        away.end()
        for n in range(10, 20):
            assert (one if n % 2 else other).xapi(orjson.dumps({"n": n})).status_code == 200
        until(lambda: waiting(office) == 0, 20, "the spool is empty")
    heard = [orjson.loads(one.value or b"")["n"] for one in on_bus(office)]
    assert [*dict.fromkeys(heard)] == [*range(20)]


def test_the_spool_is_sealed_and_its_owners_alone(open_office: OpenOffice) -> None:
    office = open_office(gateway=HASTY)
    away = Away(office)
    with posting(office.settings) as lms:
        lms.moodle(json_of(moodle(PRIYA)), mail="priya@lakeside.example")
        files = [*office.settings.data_dir.glob("gateway-spool.db*")]
        kept = b"".join(file.read_bytes() for file in files)
        assert waiting(office) == 1
    assert b"priya" not in kept
    assert str(PRIYA.number).encode() not in kept
    for file in office.settings.data_dir.glob("gateway-spool.db*"):
        if "-" in file.name.removeprefix("gateway-spool") or file.suffix == ".db":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
    away.end()


def test_an_event_the_bus_never_takes_is_kept_aside_and_stops_nobody(
    open_office: OpenOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.bus.connect.MESSAGE_LIMIT_BYTES", 1000)
    office = open_office(gateway=HASTY)
    with posting(office.settings) as lms:
        large = orjson.dumps({"a": "x" * 1000})
        assert lms.xapi(large).status_code == 413
        away = Away(office)
        assert [lms.xapi(one).status_code for one in (b'{"n":1}', large, b'{"n":2}')] == [200] * 3
        away.end()
        until(lambda: waiting(office) == 1, 20, "only the large one is left")
        assert Spool(office.settings.spool_path, Seal(SEALING_KEY), SystemClock()).count() == (0, 1)
        assert lms.xapi(b'{"n":3}').status_code == 200
    assert [one.value for one in on_bus(office)] == [b'{"n":1}', b'{"n":2}', b'{"n":3}']


# ---------------------------------------------------------------- secrets


def test_no_secret_is_kept_or_logged_anywhere(open_office: OpenOffice) -> None:
    office = open_office(gateway=HASTY)
    office.publisher  # noqa: B018  its file is there
    with logging_to("debug", as_json=True) as log, posting(office.settings) as lms:
        for begin in (None, Away):
            away = begin and begin(office)
            lms.moodle(json_of(moodle(PRIYA)), extra=SECRETS["moodle"], again=[SECRETS["moodle"]])
            lms.form(json_of(moodle(OTIS)))
            lms.docebo(orjson.dumps(DOCEBO | {"secret": SECRETS["docebo"]}))
            lms.canvas(b"{}")
            lms.xapi(b"{}", x_experience_api_version=SECRETS["lrs"], ce_secret=SECRETS["lrs"])
            lms.post("moodle", orjson.dumps({"token": SECRETS["lrs"]}))
            lms.http.post(f"/in/{SECRETS['moodle']}?token={SECRETS['moodle']}", content=b"{}")
            spooled = office.settings.spool_path
            if away is not None:
                assert waiting(office) == 5
                with closing(sqlite3.connect(spooled)) as spool:
                    rows = spool.execute("SELECT sealed FROM waiting").fetchall()
                opened = b"".join(Seal(SEALING_KEY).open(row[0]) for row in rows)
                away.end()
        until(lambda: waiting(office) == 0, 20, "the spool is empty")
    office.hear()
    office.publish()
    office.close()
    kept = {"log": log.getvalue().encode(), "opened": opened}
    kept |= {file.name: file.read_bytes() for file in office.settings.data_dir.rglob("*")
             if file.is_file()}  # fmt: skip
    assert {"bus.db", "gateway-spool.db", "ledger.db"} <= kept.keys()
    for name, secret in SECRETS.items():
        spellings = {secret, secret.replace("/", "\\/"), secret.replace("/", "%2F")}
        for where, text in kept.items():
            assert not any(one.encode() in text for one in spellings), f"{name}'s is in {where}"


# ---------------------------------------------------------------- settings


def wrong(**gateway: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsProblems) as told:
        load_settings(None, gateway=gateway, profiles={})
    return told.value.problems


MINE = {"auth": "body", "secret": SECRETS["moodle"]}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"auth": "body"}, "secret, secret_file: one of them"),
        (MINE | {"secret_file": "s"}, "secret, secret_file: one of them"),
        (MINE | {"auth": "hmac"}, "header: needed with auth hmac"),
        (MINE | {"auth": "header"}, "header: needed with auth header"),
        (MINE | {"auth": "basic"}, "user: needed"),
        (MINE | {"auth": "hmac", "header": "X-S", "keep_headers": ["x-s"]}, "holds the header"),
        (MINE | {"auth": "hmac", "header": "X-S", "signed": "{timestamp}"}, "signed: {body} at"),
        (MINE | {"auth": "hmac", "header": "X-S", "signed": "{timestamp}.{body}"},
         "timestamp_header: goes with"),
        (MINE | {"auth": "hmac", "header": "X-S", "timestamp_header": "X-T"},
         "timestamp_header: goes with"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(source: dict[str, Any], says: str) -> None:
    found = "\n".join(wrong(sources={"lms": source}))
    assert says in found
    assert SECRETS["moodle"] not in found


def test_it_is_served_to_nobody_who_could_read_along() -> None:
    (why, *_) = wrong(listen="0.0.0.0:8793", sources={"lms": MINE})
    assert "gateway.proxy_peers" in why


def test_where_nobody_may_post_yet_it_does_not_start(open_office: OpenOffice) -> None:
    office = open_office(gateway={"listen": "127.0.0.1:8793"})
    nobody = pytest.raises(SettingsProblems, match="nobody may post; moc-consumer source add NAME")
    with nobody, posting(office.settings):
        pass


def test_a_topic_that_nobody_hears_is_refused(open_office: OpenOffice) -> None:
    with pytest.raises(SettingsProblems, match=r"gateway.sources.lms.topic: is not in"):
        open_office(gateway={"sources": {"lms": MINE | {"topic": "elsewhere"}}})


def test_without_its_secret_it_does_not_start(open_office: OpenOffice, tmp_path: Path) -> None:
    gone = {"auth": "body", "secret_file": tmp_path / "gone"}
    office = open_office(gateway={"sources": {"lms": gone}})
    with pytest.raises(SettingsProblems, match="No such file"), posting(office.settings):
        pass


def test_past_the_proxy_nobody_may_post(open_office: OpenOffice) -> None:
    office = open_office(gateway=GATEWAY | {"proxy_peers": ["192.0.2.7"]})
    gateway, clock = office.settings.gateway, SystemClock()
    spool = Spool(office.settings.spool_path, Seal(SEALING_KEY), clock)
    road = Road(lambda: office.publisher, spool, Readiness(clock))
    proofs = proofs_of(gateway)
    for listen, peer, code in (
        ("0.0.0.0:8793", "203.0.113.9", 403), ("0.0.0.0:8793", "192.0.2.7", 401),
        ("0.0.0.0:8793", "127.0.0.1", 401), ("127.0.0.1:8793", "127.0.0.1", 401),
    ):  # fmt: skip
        app = Gateway(gateway, listen, TOPIC, proofs, Taking(road), clock)
        assert asyncio.run(_posted(app, peer)) == code


async def _posted(app: Gateway, peer: str) -> int:
    way = httpx.ASGITransport(app, client=(peer, 40_000))
    async with httpx.AsyncClient(transport=way, base_url="http://hooks.example.org") as http:
        return (await http.post("/in/moodle", content=b"{}")).status_code


# ---------------------------------------------------------------- its figures


@contextmanager
def asked(lms: Lms) -> Iterator[Callable[[str], httpx.Response]]:
    """The gateway alone, asked how it is, as `moc-consumer gateway --health` answers."""
    made = Exposition(lms.meters, lms.readiness, SystemClock(), has_ledger=False)
    with answering("127.0.0.1:0", lms.readiness, 300, made) as where:
        yield lambda path: httpx.get(f"http://{where}{path}", trust_env=False, timeout=10)


def figures_of(answer: httpx.Response) -> Samples:
    return samples(answer.text)


def test_posts_are_counted_by_source_and_by_what_came_of_them(served: Office) -> None:
    with posting(served.settings) as lms, asked(lms) as ask:
        lms.moodle(json_of(moodle(PRIYA)))
        lms.post("moodle", b'{"token": "wrong"}')
        lms.post("nobody", b"{}")
        batch = {"content-type": "application/cloudevents-batch+json"}
        proof = {"authorization": f"Bearer {SECRETS['lrs']}"}
        lms.post("lrs", b"[{}, {}, {}]", batch | proof)
        told = figures_of(ask("/metrics"))
    posts = {
        tuple(value for _, value in labels): n for labels, n in told["moc_posts_total"].items()
    }
    assert {one: n for one, n in posts.items() if n} == {
        ("kept", "moodle"): 1, ("kept", "lrs"): 1,
        ("secret", "other"): 1, ("secret", "moodle"): 1,
    }  # fmt: skip
    assert told["moc_posted_events_total"][(("source", "lrs"),)] == 3
    assert len(on_bus(served)) == 4


def test_the_spool_is_seen_while_the_bus_is_away_and_the_gateway_is_ready(
    open_office: OpenOffice,
) -> None:
    office = open_office(gateway=HASTY)
    with posting(office.settings) as lms, asked(lms) as ask:
        assert figures_of(ask("/metrics"))["moc_spool_events"] == {(): 0}
        assert ask("/startup").status_code == 200
        away = Away(office)
        assert [lms.xapi(orjson.dumps({"n": n})).status_code for n in range(5)] == [200] * 5
        until(lambda: oldest(ask) > 0, 10, "the oldest to grow older")
        told = figures_of(ask("/metrics"))
        assert (told["moc_spool_events"], told["moc_spool_set_aside"]) == ({(): 5}, {(): 0})
        # What is away is told, and nobody restarts or shuts out this process for it.
        ready = ask("/ready")
        assert (ready.status_code, ready.json()["well"]) == (200, False)
        assert ask("/live").status_code == 200
        away.end()
        until(lambda: oldest(ask) == 0, 20, "the spool to be empty")
        assert figures_of(ask("/metrics"))["moc_spool_events"] == {(): 0}
        assert "moc_ledger_up" not in told, "it has none, and no alert of one may be raised"


def oldest(ask: Callable[[str], httpx.Response]) -> float:
    return figures_of(ask("/metrics"))["moc_spool_oldest_seconds"][()]


def test_a_spool_of_the_version_before_is_taken_over(open_office: OpenOffice) -> None:
    office = open_office(gateway=HASTY)
    path, seal = office.settings.spool_path, Seal(SEALING_KEY)
    spool = Spool(path, seal, SystemClock())
    spool.append([Outgoing(TOPIC, b"lrs", b'{"n":1}')])
    spool.close()
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP INDEX waiting_aside")
        file.execute("ALTER TABLE waiting DROP COLUMN since")
        file.commit()
    again = Spool(path, seal, SystemClock())
    assert (again.count(), again.oldest_seconds()) == ((1, 0), 0.0)
    again.append([Outgoing(TOPIC, b"lrs", b'{"n":2}')])
    assert [one.value for _, one in again.oldest(10)] == [b'{"n":1}', b'{"n":2}']
    with closing(sqlite3.connect(path)) as file:  # and what the version before writes then
        sealed = file.execute("SELECT sealed FROM waiting").fetchone()
        file.execute("INSERT INTO waiting (sealed) VALUES (?)", sealed)
        file.commit()
    assert again.count() == (3, 0)
    again.close()
