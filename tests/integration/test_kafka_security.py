"""Kafka behind TLS and passwords, set up as an administrator writes it down."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consumer.bus.connect import Bus, kafka_config
from consumer.bus.kafka import KafkaPublisher
from consumer.bus.port import BusUnavailable
from consumer.settings import Settings
from tests.contract.buses import drain, events, unique, values
from tests.kafka.broker import Broker
from tests.kafka.guarded import MECHANISMS, PASSWORD, USER, Authority, Guarded

pytestmark = pytest.mark.kafka

WRONG = "wrong-Battery-10"
PROFILE = {
    "provider_id": "0009999",
    "name": "Example Academy of Medicine",
    "domain": "example.org",
    "by_file": True,
}


@pytest.fixture
def guarded(guarded_broker: Broker) -> Guarded:
    """The listeners that ask who is there."""
    assert guarded_broker.guarded is not None
    return guarded_broker.guarded


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[str]]:
    """Whatever any library logs, at every level, as text; never a password."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    root, handler = logging.getLogger(), Kept()
    before = root.level, logging.getLogger("kafka").level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("kafka").setLevel(logging.NOTSET)
    yield lines
    root.removeHandler(handler)
    root.setLevel(before[0])
    logging.getLogger("kafka").setLevel(before[1])
    assert any("kafka" in line.lower() for line in lines), "nothing was listened to"
    assert [line for line in lines if PASSWORD in line or WRONG in line] == []


def settings(bootstrap: str, **kafka: Any) -> Settings:
    """Settings as an administrator writes them; topics and group are the test's own."""
    return Settings(
        bus="kafka",
        profiles={"main": PROFILE},
        kafka={"bootstrap_servers": bootstrap, "replication_factor": 1, **kafka},
        intake={"topics": [unique("events")], "group": unique("group")},
        outbox={"dead_letters_topic": unique("dead"), "outcomes_topic": unique("outcomes")},
    )


def says_and_hears(settings: Settings) -> None:
    """Publisher and listener of one bus meet on the broker."""
    bus, topic = Bus(settings), settings.intake.topics[0]
    with closing(bus.publisher()) as publisher, closing(bus.listen(lambda _: {})) as listener:
        publisher.publish(events(topic, "1", "2"))
        heard = drain(listener, 2)
        listener.commit({message.strand: message.offset + 1 for message in heard})
        assert values(heard) == ["1", "2"]
        assert sum(listener.committed().values()) == 2


def told(settings: Settings) -> str:
    """What is said when it does not come about; no thread is left, and no password told."""
    before = set(threading.enumerate())
    impatient = replace(kafka_config(settings), connect_timeout_seconds=4.0)
    with pytest.raises(BusUnavailable) as refused:
        KafkaPublisher(impatient)
    assert set(threading.enumerate()) <= before
    assert PASSWORD not in repr(refused.getrepr(chain=True))
    assert WRONG not in repr(refused.getrepr(chain=True))
    return str(refused.value)


def sasl(mechanism: str, password: str = PASSWORD) -> dict[str, str]:
    return {"sasl_mechanism": mechanism, "username": USER, "password": password}


# ------------------------------------------------------------------ doors that open


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_a_password_opens(guarded: Guarded, protocol: str, mechanism: str) -> None:
    tls = {"ca_file": guarded.authority.ca_file} if protocol == "SASL_SSL" else {}
    address = guarded.addresses[protocol]
    says_and_hears(settings(address, security_protocol=protocol, **sasl(mechanism), **tls))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_tls_alone_opens(guarded: Guarded, host: str) -> None:
    address = guarded.addresses["SSL"].replace("127.0.0.1", host)
    ca_file = guarded.authority.ca_file
    says_and_hears(settings(address, security_protocol="SSL", ca_file=ca_file))


def test_our_certificate_opens_where_one_is_wanted(guarded: Guarded) -> None:
    cert, key = guarded.authority.issue("moc-consumer")
    ours = {"ca_file": guarded.authority.ca_file, "cert_file": cert, "key_file": key}
    says_and_hears(settings(guarded.addresses["MUTUAL"], security_protocol="SSL", **ours))


# ------------------------------------------------------------------ doors that stay shut


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_wrong_password_is_told(guarded: Guarded, mechanism: str) -> None:
    address, wrong = guarded.addresses["SASL_PLAINTEXT"], sasl(mechanism, WRONG)
    asked = settings(address, security_protocol="SASL_PLAINTEXT", **wrong)
    assert told(asked) == "Kafka, connect: SaslAuthenticationFailedError"


def test_an_unknown_authority_is_told(guarded: Guarded, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other", "Another Authority").ca_file
    said = told(settings(guarded.addresses["SSL"], security_protocol="SSL", ca_file=other))
    assert said.startswith("Kafka, connect: SSLCertVerificationError: unable to get local issuer")


def test_a_certificate_of_another_host_is_told(guarded: Guarded) -> None:
    address, ca_file = guarded.addresses["STRANGER"], guarded.authority.ca_file
    said = told(settings(address, security_protocol="SSL", ca_file=ca_file))
    assert said.startswith("Kafka, connect: SSLCertVerificationError: ")
    assert "certificate is not valid for '127.0.0.1'" in said


def test_a_missing_certificate_of_ours_is_told(guarded: Guarded) -> None:
    address, ca_file = guarded.addresses["MUTUAL"], guarded.authority.ca_file
    said = told(settings(address, security_protocol="SSL", ca_file=ca_file))
    assert said.startswith("Kafka, connect: SSLError: ")
    assert "CERTIFICATE" in said  # "bad" or "required", by the version of TLS


def test_a_file_that_is_not_there_is_told(guarded: Guarded, tmp_path: Path) -> None:
    address, nowhere = guarded.addresses["SSL"], tmp_path / "nowhere.pem"
    said = told(settings(address, security_protocol="SSL", ca_file=nowhere))
    assert said == "Kafka, connect: FileNotFoundError"


def test_tls_to_a_broker_that_does_not_speak_it_is_told(
    guarded_broker: Broker, guarded: Guarded
) -> None:
    plain = guarded_broker.bootstrap
    said = told(settings(plain, security_protocol="SSL", ca_file=guarded.authority.ca_file))
    assert said.startswith("Kafka, connect: SSL")
