"""Traces: from what an LMS posts to the request to PARS, and nobody's data in any of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.ledger.outbox import OUTCOMES
from consumer.settings.tracing import TracingSettings
from consumer.telemetry.spans import (
    ATTRIBUTES,
    BY_NAME,
    CREDIT,
    PARS,
    POST,
    PROCESS,
    PUBLISH,
    RECEIVE,
    SILENT,
    WEBHOOK,
    tracing_of,
)
from consumer.trace import is_traceparent, traceparent_of
from tests.collector import Collector, Seen, collecting
from tests.integration.lmsposts import SECRETS, SOURCES, posting
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import EVERYONE, LENA, OTIS, PRIYA, TOPIC, canvas, moodle
from tests.integration.test_outcomes import of, tell
from tests.unit.test_log import logging_to
from tests.webhookserver import Webhook

OpenOffice = Callable[..., Office]
TRACE, OTHER = "0af7651916cd43dd8448eb211c80319c", "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT, ANOTHER = f"00-{TRACE}-b7ad6b7169203331-01", f"00-{OTHER}-00f067aa0ba902b7-01"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that is there."""
    with collecting() as opened:
        yield opened


@pytest.fixture
def hook() -> Iterator[Webhook]:
    """A webhook that is there."""
    with Webhook().serving() as server:
        yield server


def tracing(collector: Collector, **more: Any) -> dict[str, Any]:
    return {"endpoint": collector.url} | more


def headers_of(message: Any) -> dict[str, str]:
    return {name: value.decode() for name, value in message.headers}


def trace_of(header: str) -> str:
    assert is_traceparent(header.encode())
    return header.split("-")[1]


def asked_under(pars: SimulatedPars) -> set[str]:
    """The traces of the requests to PARS."""
    return {trace_of(one["traceparent"]) for one in pars.requests if "traceparent" in one}


def test_a_post_and_the_request_to_pars_are_of_one_trace(
    pars: SimulatedPars, open_office: OpenOffice, collector: Collector, hook: Webhook
) -> None:
    """And what is told of it: its outcomes, on the topic and by webhook. Another's dead letter."""
    office = open_office(
        url=pars.url,
        gateway={"sources": SOURCES},
        webhooks={"crm": of(hook)},
        tracing=tracing(collector),
    )
    tell(office)
    proof = {"authorization": f"Bearer {SECRETS['lrs']}"}
    with posting(office.settings, office.tracing) as lms:
        good, bad = moodle(PRIYA).value or b"", moodle(OTIS, "102", timecreated="soon").value or b""
        assert lms.post("lrs", good, proof | {"traceparent": PARENT}).status_code == 200
        assert lms.post("lrs", bad, proof | {"traceparent": ANOTHER}).status_code == 200
    assert office.hear() == {"ready": 1, "refused": 1}
    office.drive_to("accepted")
    office.publish()
    assert tell(office) == 2
    office.tracing.close(5)

    assert {trace_of(one["traceparent"]) for one in pars.requests if "traceparent" in one} == {
        TRACE
    }
    assert all("tracestate" not in one for one in pars.requests)
    (letter,) = office.published()
    assert trace_of(headers_of(letter)["traceparent"]) == OTHER
    told = [headers_of(one)["traceparent"] for one in office.published(OUTCOMES)]
    assert {trace_of(one) for one in told} == {TRACE}
    assert {trace_of(one.headers["traceparent"]) for one in hook.posted} == {TRACE}

    (post,) = collector.of(TRACE, POST)
    (heard,) = collector.of(TRACE, PROCESS)
    dealings, requests = collector.of(TRACE, CREDIT), collector.of(TRACE, PARS)
    assert (post.parent, heard.parent) == ("b7ad6b7169203331", post.span)
    assert {one.parent for one in dealings} == {heard.span}
    assert {one.parent for one in requests} <= {one.span for one in dealings}
    actions = [one.said["moc.action"] for one in requests]
    assert (actions[0], {*actions[1:]}) == ("add", {"ask"})
    (credit,) = office.credits
    assert {one.said["moc.credit_id"] for one in (heard, *dealings, *requests)} == {
        credit.credit_id
    }
    assert [*dict.fromkeys(one.said["moc.state"] for one in dealings)] == [
        "submitted", "accepted",
    ]  # fmt: skip
    assert heard.said["moc.fate"] == "ready"
    assert (heard.said["messaging.destination.name"], heard.said["messaging.kafka.offset"]) == (
        TOPIC, 0,
    )  # fmt: skip
    assert [one.said["moc.state"] for one in collector.of(TRACE, WEBHOOK)] == [
        "submitted", "accepted",
    ]  # fmt: skip
    (refused,) = collector.of(OTHER, PROCESS)
    assert refused.said["moc.fate"] == "refused"


def test_spans_of_several_events_are_linked_to_each(
    open_office: OpenOffice, collector: Collector
) -> None:
    """A batch has many traces, and a credit may have two: they are not one another's parents."""
    office = open_office(tracing=tracing(collector))
    traced = (("traceparent", PARENT.encode()),)
    office.hear(
        moodle(PRIYA, headers=traced),
        replace(canvas(PRIYA), headers=(("ce_traceparent", ANOTHER.encode()),)),
        moodle(OTIS),
    )
    with office.ledger.begin() as db:
        claims = office.claims.claim(db, "main", ["ready"], 10, office.clock.now())
    assert [[trace_of(two) for two in one.traces] for one in claims if len(one.traces) == 2] == [
        [TRACE, OTHER]
    ]
    office.tracing.close(5)
    (batch,) = (one for one in collector.spans if one.name == RECEIVE)
    assert {*batch.links} == {TRACE, OTHER}
    assert batch.said["messaging.batch.message_count"] == 3
    events = [one for one in collector.spans if one.name == PROCESS]
    assert {one.trace for one in events} > {TRACE, OTHER}
    assert all(one.links == (batch.trace,) for one in events)
    (own,) = (one for one in events if one.trace not in (TRACE, OTHER))
    assert (own.parent, own.trace == batch.trace) == ("", False)


def test_what_is_no_news_makes_no_span_of_its_own(
    open_office: OpenOffice, collector: Collector
) -> None:
    office = open_office(tracing=tracing(collector))
    office.hear(moodle(PRIYA))
    office.lose_bus()
    assert office.hear(moodle(PRIYA)) == {"repeat": 1}
    office.tracing.close(5)
    assert [one.name for one in collector.spans].count(PROCESS) == 1


def test_what_waits_goes_on_in_its_trace_when_it_can(
    pars: SimulatedPars, open_office: OpenOffice, collector: Collector
) -> None:
    """Hours or days later, judged again by another table, in another process."""
    office = open_office(url=pars.url, tracing=tracing(collector))
    office.put_learners(OTIS.row())
    office.look()
    assert office.hear(moodle(PRIYA, headers=(("traceparent", PARENT.encode()),))) == {"held": 1}
    office.start()
    office.put_learners(*(one.row() for one in EVERYONE))
    office.look()
    office.drive_to("accepted")
    assert {trace_of(one["traceparent"]) for one in pars.requests if "traceparent" in one} == {
        TRACE
    }


@pytest.mark.parametrize(
    "words",
    [
        "Priya Raman", "00-Priya", PARENT.upper(), PARENT + "-Priya", f"ff{PARENT[2:]}",
        f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{TRACE}-{'0' * 16}-01", PARENT + "\n",
    ],
)  # fmt: skip
def test_what_is_no_trace_goes_nowhere(
    open_office: OpenOffice, words: str, collector: Collector
) -> None:
    office = open_office(tracing=tracing(collector))
    said = (("traceparent", words.encode()),)
    office.hear(moodle(PRIYA, headers=said), moodle(OTIS, timecreated="soon", headers=said))
    office.publish()
    office.tracing.close(5)
    (letter,) = office.published()
    assert "traceparent" not in headers_of(letter)
    kept = [row.trace for row in office.completions]
    assert all(is_traceparent(one.encode()) and one not in words for one in kept)
    assert words.strip().encode() not in b"".join(collector.bodies)


@given(st.binary(max_size=80))
def test_law_only_a_traceparent_is_taken_for_one(value: bytes) -> None:
    found = traceparent_of((("traceparent", value),))
    assert found == "" or (len(found) == 55 and found.encode() == value)


# ---------------------------------------------------------------- without it


def test_without_an_endpoint_pars_and_webhooks_are_told_nothing_more(
    pars: SimulatedPars, open_office: OpenOffice, hook: Webhook
) -> None:
    """The ledger keeps it all the same, and what we publish ourselves has it."""
    office = open_office(url=pars.url, webhooks={"crm": of(hook)})
    tell(office)
    office.hear(moodle(PRIYA, headers=(("traceparent", PARENT.encode()),)))
    office.drive_to("accepted")
    office.publish()
    assert tell(office) == 2
    assert [one for one in (*pars.requests, *(p.headers for p in hook.posted))
            if "traceparent" in one] == []  # fmt: skip
    assert {headers_of(one)["traceparent"] for one in office.published(OUTCOMES)} == {PARENT}


def test_without_the_libraries_it_says_so_and_works(
    open_office: OpenOffice, monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> None:
    monkeypatch.delitem(sys.modules, "consumer.telemetry.tracing", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with logging_to("info", as_json=True) as out:
        office = open_office(tracing=tracing(collector))
        assert office.tracing is SILENT
        assert office.hear(moodle(PRIYA)) == {"ready": 1}
    (said,) = map(orjson.loads, out.getvalue().splitlines())
    assert said["event"] == "tracing.off"
    assert "moc-consumer[tracing]" in said["cause"]
    assert collector.bodies == []


# ---------------------------------------------------------------- a collector that is away


def test_a_collector_that_is_away_or_hangs_holds_up_nothing(
    pars: SimulatedPars, open_office: OpenOffice, collector: Collector
) -> None:
    collector.is_silent = True
    office = open_office(url=pars.url, tracing=tracing(collector))
    began = time.monotonic()
    for number in range(4):
        office.hear(*(moodle(one, headers=()) for one in EVERYONE[number::4]))
    office.drive(lambda: {*office.states()} == {"accepted"})
    worked = time.monotonic() - began
    office.tracing.close(0.5)
    assert time.monotonic() - began < worked + 2.0, "the end waits no longer than it may"
    assert worked < 20
    assert sorted(pars.accepted) == sorted(one.board_id for one in EVERYONE)


def test_what_was_not_sent_when_it_ends_is_sent_then(
    open_office: OpenOffice, collector: Collector
) -> None:
    office = open_office(tracing=tracing(collector))
    office.hear(moodle(PRIYA))
    office.tracing.close(5)
    assert {one.name for one in collector.spans} == {RECEIVE, PROCESS}


def test_only_so_many_of_those_without_a_trace_are_traced(
    open_office: OpenOffice, collector: Collector
) -> None:
    office = open_office(tracing=tracing(collector, share=0))
    office.hear(moodle(OTIS), moodle(PRIYA, headers=(("traceparent", PARENT.encode()),)))
    office.tracing.close(5)
    assert {one.trace for one in collector.spans} == {TRACE}


def test_the_collector_is_told_the_password_and_who_sends(
    collector: Collector,
) -> None:
    settings = TracingSettings(endpoint=collector.url, authorization="Bearer k")  # type: ignore[arg-type]
    made = tracing_of(settings)
    with made.span(PUBLISH, count=1):
        pass
    made.close(5)
    assert [one["authorization"] for one in collector.headers] == ["Bearer k"]
    assert [{*one} for one in collector.resources] == [{"service.name", "service.version"}]


def test_a_fault_is_told_by_its_type_alone(collector: Collector) -> None:
    made = tracing_of(TracingSettings(endpoint=collector.url))
    with pytest.raises(ValueError, match="Raman"), made.span(PUBLISH):
        raise ValueError("Priya Raman, born 7 March")
    with made.span(PUBLISH, topic="Priya Raman <priya@example.org>", credit_id="not of this span"):
        pass
    made.close(5)
    wrong, odd = collector.spans
    assert (wrong.error, wrong.said) == (True, {"error.type": "ValueError"})
    assert odd.said == {"messaging.destination.name": "other"}
    assert b"Raman" not in b"".join(collector.bodies)


# ---------------------------------------------------------------- nobody's data


def test_every_span_is_of_the_table_and_nobodys_data_is_in_any(
    pars: SimulatedPars, open_office: OpenOffice, collector: Collector, hook: Webhook
) -> None:
    office = open_office(
        url=pars.url,
        gateway={"sources": SOURCES},
        webhooks={"crm": of(hook)},
        tracing=tracing(collector),
    )
    pars.put_roster(PRIYA.diplomate(), OTIS.diplomate(board_rejects="identity"),
                    LENA.diplomate(month=1))  # fmt: skip
    tell(office)
    with posting(office.settings, office.tracing) as lms:
        for one in (moodle(PRIYA), moodle(OTIS), moodle(LENA), moodle(LENA, timecreated="x")):
            lms.moodle(one.value or b"")
    office.hear()
    pars.weather({"kind": "status", "status": 503, "times": 2})
    office.drive(lambda: not {*office.states()} & {"ready", "submitting", "submitted"})
    office.publish()
    tell(office)
    office.tracing.close(5)
    assert {one.name for one in collector.spans} == BY_NAME.keys()
    for span in collector.spans:
        assert {*span.said} <= allowed(span)
    whole = b"".join(collector.bodies)
    for who in EVERYONE:
        for word in (who.family_name, who.given_name, who.board_id):
            assert word.encode() not in whole


def allowed(span: Seen) -> set[str]:
    return {ATTRIBUTES[key] for key in (*BY_NAME[span.name].keys, "error")}


def test_a_password_for_the_collector_goes_by_https_alone() -> None:
    with pytest.raises(ValueError, match="https"):
        TracingSettings(endpoint="http://collector.example/v1/traces", authorization="Bearer k")  # type: ignore[arg-type]
