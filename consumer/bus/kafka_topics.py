"""Kafka topics as the service needs them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka.errors import TopicAlreadyExistsError

from consumer.bus.kafka_client import OVERHEAD_BYTES, KafkaConfig, common, connect, typed
from consumer.bus.port import TopicMisfit


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as the service needs it; `max_message_bytes` counts key, value and headers."""

    name: str
    partitions: int = 1
    compacted: bool = False
    max_message_bytes: int = 1024 * 1024

    @property
    def settings(self) -> dict[str, str]:
        """Kafka's topic settings."""
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "max.message.bytes": str(self.max_message_bytes + OVERHEAD_BYTES),
        }


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
        "configs": spec.settings,
    }
    with suppress(TopicAlreadyExistsError):  # another process was faster
        admin.create_topics({spec.name: wanted}, wait_for_metadata=True)


def _check_fit(admin: Any, spec: TopicSpec) -> None:
    asked = [ConfigResource("topic", spec.name)]
    found = admin.describe_configs(asked, config_filter="all")["topic"][spec.name]
    policy, limit = found["cleanup.policy"]["value"], found["max.message.bytes"]["value"]
    wanted = spec.settings
    if policy != wanted["cleanup.policy"]:
        needed = f"cleanup.policy is {policy}, needed is {wanted['cleanup.policy']}"
        raise TopicMisfit(f"topic {spec.name}: {needed}")
    if int(limit) < int(wanted["max.message.bytes"]):
        needed = f"max.message.bytes is {limit}, needed is {wanted['max.message.bytes']}"
        raise TopicMisfit(f"topic {spec.name}: {needed}")
