"""What our user may not do on the cluster: said by name, waited for, and no harm to the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ResourcePattern,
    ResourceType,
)

from consumer.bus.kafka import KafkaConfig, KafkaPublisher, TopicSpec, ensure_topics
from consumer.bus.kafka_client import KafkaSecurity
from consumer.bus.port import BusUnavailable
from tests.contract.buses import KafkaBus, drain_until, events, unique, values
from tests.end_to_end.patience import until
from tests.kafka.broker import Broker
from tests.kafka.guarded import PASSWORD, USER

pytestmark = pytest.mark.kafka

Deny = Callable[[str, ACLOperation], Callable[[], None]]


@pytest.fixture
def config(guarded_broker: Broker) -> KafkaConfig:
    """As our user, who may do all that nobody forbids."""
    assert guarded_broker.guarded is not None
    address = guarded_broker.guarded.addresses["SASL_PLAINTEXT"]
    security = KafkaSecurity("SASL_PLAINTEXT", "PLAIN", USER, PASSWORD)
    return KafkaBus(address).config(unique("group"), security=security)


@pytest.fixture
def deny(guarded_broker: Broker) -> Iterator[Deny]:
    """Forbids our user one thing on one topic; what comes back allows it again."""
    with ExitStack() as at_the_end:
        admin = KafkaAdminClient(bootstrap_servers=guarded_broker.bootstrap)
        at_the_end.callback(admin.close)

        def forbid(topic: str, operation: ACLOperation) -> Callable[[], None]:
            where, kinds = ResourcePattern(ResourceType.TOPIC, topic), ACLPermissionType
            rules = {ACLOperation.ALL: kinds.ALLOW, operation: kinds.DENY}
            admin.create_acls([ACL(f"User:{USER}", "*", *rule, where) for rule in rules.items()])
            every = ACLFilter(None, None, ACLOperation.ANY, kinds.ANY, where)
            at_the_end.callback(admin.delete_acls, [every])
            return lambda: admin.delete_acls([every]) and None

        yield forbid


def refusal(attempt: Callable[[], None]) -> str:
    """What is said when it does not come about; empty when it does."""
    try:
        attempt()
    except BusUnavailable as error:
        return str(error)
    return ""


def test_a_topic_we_may_not_describe_is_named_and_waited_for(
    config: KafkaConfig, deny: Deny
) -> None:
    spec = TopicSpec(unique("events"), max_message_bytes=config.max_message_bytes)
    ensure_topics(config, [spec])
    allow = deny(spec.name, ACLOperation.DESCRIBE_CONFIGS)
    said = until(lambda: refusal(lambda: ensure_topics(config, [spec])), 30, "being refused")
    assert spec.name in said
    assert "DescribeConfigs" in said
    allow()
    until(lambda: not refusal(lambda: ensure_topics(config, [spec])), 30, "being let in")


def test_a_topic_we_may_not_write_spoils_no_other(
    config: KafkaConfig, deny: Deny, guarded_broker: Broker
) -> None:
    shut, open_ = unique("shut"), unique("open")
    specs = [TopicSpec(n, max_message_bytes=config.max_message_bytes) for n in (shut, open_)]
    ensure_topics(config, specs)
    allow = deny(shut, ACLOperation.WRITE)
    with closing(KafkaPublisher(config)) as publisher:
        publisher.publish(events(open_, "1"))
        said = until(lambda: refusal(lambda: publisher.publish(events(shut, "1"))), 30, "refusal")
        assert "TopicAuthorizationFailedError" in said
        publisher.publish(events(open_, "2"))
        allow()
        until(lambda: not refusal(lambda: publisher.publish(events(shut, "2"))), 30, "writing")
        publisher.publish(events(open_, "3"))
    assert heard(guarded_broker, open_, last="3") == ["1", "2", "3"]
    assert heard(guarded_broker, shut, last="2").count("2") == 1


def heard(broker: Broker, topic: str, last: str) -> list[str]:
    """What the topic holds, up to this."""
    with closing(KafkaBus(broker.bootstrap).listener([topic], unique("reader"))) as listener:
        return values(drain_until(listener, lambda so_far: values(so_far)[-1:] == [last]))
