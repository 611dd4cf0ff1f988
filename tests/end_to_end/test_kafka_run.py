"""`moc-consumer run` on genuine Kafka: several partitions, every topic, the whole story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from consumer.bus.port import Message, Outgoing
from consumer.demo.scenario import Author, Scenario
from tests.end_to_end.books import Pars
from tests.end_to_end.conftest import OpenOffice, kafka_settings
from tests.end_to_end.office import Office
from tests.end_to_end.patience import until

pytestmark = pytest.mark.kafka

PARTITIONS = 3
PATIENCE_SECONDS = 60.0


@pytest.fixture
def story() -> Scenario:
    """The demo's, without the one event that no line of a file can hold."""
    written = Author(datetime.now(UTC)).write()
    written.events = [event for event in written.events if event.value]
    written.expected["dead_lettered"] -= 1
    return written


@pytest.fixture
def office(open_office: OpenOffice, pars: Pars, story: Scenario, kafka_bootstrap: str) -> Office:
    sending = {"workers": 4, "request_timeout_seconds": 2, "lease_seconds": 8}
    opened = open_office(pars.url, **kafka_settings(kafka_bootstrap), sending=sending)
    story.write_tables(opened.tables)
    return opened


def test_the_story_ends_as_told(office: Office, pars: Pars, story: Scenario) -> None:
    keyed, bare = event_files(office, story)
    with office.service() as service:
        for words in (["--envelopes", str(keyed)], [str(bare)]):
            assert office.run("publish", "--yes", *words).code == 0
        until(
            lambda: office.at_rest(len(story.events)) or service.ended, PATIENCE_SECONDS, "the end"
        )
        service.stop()
    expected = story.expected
    assert pars.credited() == Counter(dict.fromkeys(story.credits, 1))
    credits_ = Counter(dict(office.ledger("SELECT state, count(*) FROM credits GROUP BY state")))
    assert credits_["accepted"] == expected["accepted"]
    assert credits_["rejected"] == expected["rejected"]
    assert office.count("completions WHERE state = 'held'") == expected["held"]
    assert office.count("letters") == expected["dead_lettered"] + expected["rejected"]
    assert office.count("events") == len(story.events)
    heard_on = {number for (number,) in office.ledger("SELECT DISTINCT partition FROM events")}
    assert heard_on == {*range(PARTITIONS)}
    assert office.committed() == len(story.events)
    assert_dead_letters(office, story)
    assert_outcomes(office, expected)


def assert_dead_letters(office: Office, story: Scenario) -> None:
    """One key a letter; the event's own bytes; why in readable headers."""
    last = last_by_key(office.heard(office.settings.outbox.dead_letters_topic))
    said = dict(office.ledger("SELECT id, stage FROM letters"))
    assert {key.decode(): headers(one)["moc-stage"] for key, one in last.items()} == said
    assert {headers(one)["moc-status"] for one in last.values()} == {"open"}
    assert all(headers(one)["moc-reason"] for one in last.values())
    published = {normal(event.value) for event in story.events}
    assert {normal(one.value) for one in last.values()} <= published


def assert_outcomes(office: Office, expected: Mapping[str, int]) -> None:
    """The last word on each credit is PARS's or the board's; its key is the CreditID."""
    last = last_by_key(office.heard(office.settings.outbox.outcomes_topic))
    told = {key.decode(): orjson.loads(one.value or b"") for key, one in last.items()}
    assert {key: one["credit_id"] for key, one in told.items()} == {key: key for key in told}
    states = Counter(one["state"] for one in told.values())
    assert states["accepted"] == expected["accepted"]
    assert states["rejected"] == expected["rejected"]


def test_missing_topics_are_made_at_the_start(office: Office) -> None:
    settings = office.settings
    topics = [settings.intake.topics[0], settings.outbox.dead_letters_topic]
    topics.append(settings.outbox.outcomes_topic)
    with closing(admin(office)) as kafka, office.service() as service:
        until(lambda: service.ended or {*topics} <= {*kafka.list_topics()}, 30, "the topics")
        service.stop()
        described = {one["name"]: one for one in kafka.describe_topics(topics)}
        assert [len(described[name]["partitions"]) for name in topics] == [PARTITIONS, 1, 1]
        assert [cleanup(kafka, name) for name in topics] == ["delete", "compact", "delete"]


def test_a_topic_that_does_not_fit_is_named(office: Office) -> None:
    topic = office.settings.outbox.dead_letters_topic
    with closing(admin(office)) as kafka:
        kafka.create_topics({topic: {"num_partitions": 1, "replication_factor": 1}})
    with office.service() as service:
        assert service.code(30) == 1
        told = service.said
    assert topic in told
    assert "cleanup.policy is delete, needed is compact" in told


# ------------------------------------------------------------------ what they share


def event_files(office: Office, story: Scenario) -> tuple[Path, Path]:
    """The LMSs' events as envelopes keyed by learner, and what is no event of theirs as it is."""
    keyed, bare = office.folder / "keyed.jsonl", office.folder / "bare.txt"
    keys = [(learner(event), event) for event in story.events]
    keyed.write_bytes(b"\n".join(envelope(key, event) for key, event in keys if key))
    bare.write_bytes(b"\n".join(event.value or b"" for key, event in keys if not key))
    return keyed, bare


def envelope(key: str, event: Outgoing) -> bytes:
    named = {name: value.decode() for name, value in event.headers}
    body = orjson.loads(event.value or b"")
    return orjson.dumps({"key": key, "headers": named, "value": body})


def learner(event: Outgoing) -> str:
    """Whose event it is, by any of the three LMSs' spellings; blank when that cannot be told."""
    try:
        body: Any = orjson.loads(event.value or b"")
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(body, dict):
        return ""
    user = body.get("certificate", body.get("body", {})).get("user", {})
    return str(body.get("relateduserid") or user.get("id") or "")


def normal(value: bytes | None) -> bytes:
    """The event whatever its spelling: `publish` writes an envelope's value anew."""
    try:
        return orjson.dumps(orjson.loads(value or b""), option=orjson.OPT_SORT_KEYS)
    except orjson.JSONDecodeError:
        return value or b""


def last_by_key(messages: list[Message]) -> dict[bytes, Message]:
    """What a compacted topic comes to."""
    return {message.key or b"": message for message in messages}


def headers(message: Message) -> dict[str, str]:
    return {name: value.decode() for name, value in message.headers}


def admin(office: Office) -> KafkaAdminClient:
    return KafkaAdminClient(bootstrap_servers=office.settings.kafka.bootstrap_servers)


def cleanup(kafka: KafkaAdminClient, topic: str) -> str:
    found = kafka.describe_configs([ConfigResource("topic", topic)], config_filter="all")
    return str(found["topic"][topic]["cleanup.policy"]["value"])
