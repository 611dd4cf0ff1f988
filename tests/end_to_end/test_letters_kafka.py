"""Letters on genuine Kafka: their bytes published by other tools, and back after a lost ledger."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from kafka import KafkaProducer

from consumer.bus.port import Message, Outgoing
from tests.end_to_end.conftest import kafka_settings
from tests.end_to_end.office import Office
from tests.end_to_end.patience import until
from tests.end_to_end.replaying import NUMBER, people, refused
from tests.kafka import lms

pytestmark = pytest.mark.kafka

SECONDS = 45.0


def published(office: Office) -> dict[str, Message]:
    """How every letter stands on its topic."""
    topic = office.settings.outbox.dead_letters_topic
    return {(one.key or b"").decode(): one for one in office.heard(topic)}


def statuses(office: Office) -> Counter[str]:
    told = published(office).values()
    return Counter(dict(one.headers)["moc-status"].decode() for one in told)


def test_other_tools_send_letters_again_and_a_lost_ledger_gets_them_back(
    tmp_path: Path, kafka_bootstrap: str
) -> None:
    everyone = people(4)
    with refused(tmp_path, everyone, **kafka_settings(kafka_bootstrap)) as (office, pars):
        empty = Outgoing("", b"k", None)
        with office.service() as service:
            office.publish([empty])
            until(lambda: len(published(office)) == 5, SECONDS, "all letters on their topic")
            bare, copied = [one for one in published(office).values() if one.value][:2]
            topic = office.settings.intake.topics[0]
            # As kafka-console-producer does: the value alone.
            lms.publish(kafka_bootstrap, topic, [("send", "none", bare.value or b"")])
            # As a web page for Kafka does: key, value and headers.
            producer = KafkaProducer(bootstrap_servers=kafka_bootstrap)
            producer.send(topic, copied.value, copied.key, headers=[*copied.headers])
            producer.close()
            until(lambda: len(pars.credited()) == 2, SECONDS, "both credited")
            settled = {"resolved": 2, "open": 3}
            until(lambda: statuses(office) == settled, SECONDS, "both settled")
            service.stop()
        lose_the_ledger(office)
        back = office.run("deadletter", "replay", "--from-topic", "--yes").rows
        assert Counter(row["fate"] for row in back) == {"ready": 2, "refused": 1}
        (null,) = office.run("deadletter", "list").rows
        assert null["reason"] == "null_value"
        again = office.run("deadletter", "replay", "--from-topic", "--yes").rows
        assert {row["fate"] for row in again} == {"known"}
        with office.service() as service:
            # The events are still on Kafka: they are all heard once more.
            until(lambda: office.at_rest(7) and len(pars.credited()) == 4, SECONDS, "everything")
            service.stop()
        wanted = {(one.board_id, NUMBER): 1 for one in everyone}
        assert pars.credited() == wanted
        assert office.count("letters WHERE status = 'open'") == 1


def test_the_last_word_of_a_purged_persons_letter_is_empty(
    tmp_path: Path, kafka_bootstrap: str
) -> None:
    """Kafka's cleaner takes away all that was said before it."""
    purged, other = people(2)
    with (
        refused(tmp_path, [purged, other], **kafka_settings(kafka_bootstrap)) as (office, _),
        office.process("run", "--pump", "outbox") as service,
    ):
        until(lambda: len(published(office)) == 2, SECONDS, "both letters on their topic")
        (found,) = office.run("person", "find", purged.board_id).rows
        done = office.run("privacy", "purge", found["key"], "--why", "asked to", "--yes")
        assert done.code == 0, done.err
        last = published(office).values
        until(lambda: {one.value is None for one in last()} == {True, False}, SECONDS, "gone")
        (stays,) = [one for one in last() if one.value is not None]
        assert str(other.number).encode() in (stays.value or b"")
        service.stop()


def lose_the_ledger(office: Office) -> None:
    """Its file is gone; the keys, which are backed up apart from it, are not."""
    for file in office.settings.ledger_path.parent.glob("ledger.db*"):
        file.unlink()
