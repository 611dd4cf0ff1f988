"""Kafka topics as the service needs them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka.errors import TopicAlreadyExistsError

from consumer.bus.kafka_client import OVERHEAD_BYTES, KafkaConfig, common, connect, typed
from consumer.bus.port import BusUnavailable, TopicMisfit

_HOUR_MS = 3_600_000
_NEEDED = {"cleanup.policy", "max.message.bytes", "retention.ms", "retention.bytes"}


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as the service needs it; `max_message_bytes` counts key, value and headers.

    A topic that is made keeps what it gets for `retention_hours` (None: as long as the cluster
    says). One that is there already and keeps it for less than `least_retention_hours`, or only
    up to some size, is warned of: it may lose events before they are heard.
    """

    name: str
    partitions: int = 1
    compacted: bool = False
    max_message_bytes: int = 1024 * 1024
    retention_hours: int | None = None
    least_retention_hours: int | None = None

    @property
    def settings(self) -> dict[str, str]:
        """Kafka's topic settings."""
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "max.message.bytes": str(self.max_message_bytes + OVERHEAD_BYTES),
        }

    @property
    def retention(self) -> dict[str, str]:
        """Kafka's settings of a topic that is made, beyond those that every one must have."""
        if self.retention_hours is None:
            return {}
        return {"retention.ms": str(self.retention_hours * _HOUR_MS), "retention.bytes": "-1"}


def ensure_topics(config: KafkaConfig, specs: Sequence[TopicSpec]) -> None:
    """Make the topics that are missing; an existing one keeps its partitions and must fit.

    Raises TopicMisfit naming topic and setting, BusUnavailable.
    """
    admin, release = connect(KafkaAdminClient, common(config))
    try:
        with typed("topics"):
            there = set(admin.list_topics())
            for spec in specs:
                if spec.name not in there:
                    _create(admin, spec, config.replication_factor)
            for spec in specs:
                _check_fit(admin, spec)
    finally:
        with suppress(Exception):
            admin.close()
        release()


def _create(admin: Any, spec: TopicSpec, replication_factor: int) -> None:
    wanted = {
        "num_partitions": spec.partitions,
        "replication_factor": replication_factor,
        "configs": spec.settings | spec.retention,
    }
    with suppress(TopicAlreadyExistsError):  # another process was faster
        admin.create_topics({spec.name: wanted}, wait_for_metadata=True)


def _check_fit(admin: Any, spec: TopicSpec) -> None:
    found = _told(admin, spec.name)
    policy, limit = found["cleanup.policy"]["value"], found["max.message.bytes"]["value"]
    wanted = spec.settings
    if policy != wanted["cleanup.policy"]:
        needed = f"cleanup.policy is {policy}, needed is {wanted['cleanup.policy']}"
        raise TopicMisfit(f"topic {spec.name}: {needed}")
    if spec.least_retention_hours is not None:
        _warn_of_trimming(spec.name, spec.least_retention_hours, found)
    if int(limit) < int(wanted["max.message.bytes"]):
        needed = f"max.message.bytes is {limit}, needed is {wanted['max.message.bytes']}"
        raise TopicMisfit(f"topic {spec.name}: {needed}")


def _told(admin: Any, topic: str) -> Any:
    """The topic's settings as the broker has them. Raises BusUnavailable where it tells none."""
    asked = [ConfigResource("topic", topic)]
    found = admin.describe_configs(asked, config_filter="all").get("topic", {}).get(topic)
    # The client passes over the broker's refusal: then there simply are no settings.
    if not found or not set(found) >= _NEEDED:
        why = "it is just being made, or our user may not do DescribeConfigs on it"
        raise BusUnavailable(f"Kafka, topics: the settings of {topic} are not told: {why}")
    return found


def _warn_of_trimming(topic: str, least_hours: int, found: Any) -> None:
    """A warning and no more: a shorter time may be the office's choice, and nothing is lost yet."""
    log = structlog.get_logger()
    kept_ms, kept_bytes = (int(found[f"retention.{by}"]["value"]) for by in ("ms", "bytes"))
    if 0 <= kept_ms < least_hours * _HOUR_MS:
        log.warning(
            "topic.retention_short", topic=topic, reason="retention.ms", seconds=kept_ms // 1000
        )
    if kept_bytes >= 0:
        log.warning(
            "topic.retention_short", topic=topic, reason="retention.bytes", count=kept_bytes
        )
