"""Where genuine Apache Kafka comes from here: named, from a container, or from its jars."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.kafka import jars
from tests.kafka.broker import START_SECONDS, Broker, BrokerFailed, answers, free_ports

NAMED = "KAFKA_BOOTSTRAP_SERVERS"


class NoKafka(Exception):
    """No way leads to Apache Kafka here; the text names each and why."""


@dataclass(frozen=True)
class Found:
    """One Kafka for the whole run: its address, where it is from, how to end it."""

    bootstrap: str
    says: str
    stop: Callable[[], None]


def find(folder: Path) -> Found:
    """The first that can be had; `folder` is for a broker's data. Raises NoKafka."""
    bootstrap = os.environ.get(NAMED)
    if bootstrap:
        return Found(bootstrap, f"the one {NAMED} names, {bootstrap}", lambda: None)
    if _docker_answers():
        return _container()
    try:
        return _from_jars(folder)
    except jars.NoJars as error:
        raise NoKafka(f"no {NAMED}, no Docker engine, {error}") from error


def _from_jars(folder: Path) -> Found:
    broker = Broker(folder)
    broker.start()
    says = f"Apache Kafka {jars.version()} from jars at {broker.bootstrap}"
    return Found(broker.bootstrap, says, broker.stop)


def _docker_answers() -> bool:
    """Whether an engine answers: a docker command alone proves nothing."""
    try:
        import docker  # type: ignore[import-untyped]  # ships no types

        docker.from_env(timeout=5).ping()
    except Exception:  # noqa: BLE001 - whatever is wrong with it, there is no engine to use
        return False
    return True


def _container() -> Found:
    from testcontainers.core.container import DockerContainer

    port, image = free_ports(1)[0], f"apache/kafka:{jars.version()}"
    container = DockerContainer(image).with_bind_ports(9092, port)
    for name, value in _settings(container.get_container_host_ip(), port).items():
        container = container.with_env(name, value)
    container.start()
    bootstrap = f"{container.get_container_host_ip()}:{port}"
    deadline = time.monotonic() + START_SECONDS
    while not answers(bootstrap):
        if time.monotonic() > deadline:
            said = b"\n".join(container.get_logs()).decode(errors="replace")
            container.stop()
            raise BrokerFailed(f"{image} did not answer; the end of its log:\n{said[-4000:]}")
    return Found(bootstrap, f"Apache Kafka, container {image} at {bootstrap}", container.stop)


def _settings(host: str, port: int) -> dict[str, str]:
    """The broker's properties in the spelling of the `apache/kafka` image."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{host}:{port}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS": "1",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_HEAP_OPTS": "-Xmx512m",
    }
