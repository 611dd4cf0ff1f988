"""How a kafka-python client is set up, opened, released, and its errors told."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from kafka.errors import KafkaError, SaslAuthenticationFailedError
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.record.default_records import DefaultRecordBatch

from consumer.bus.port import BusUnavailable

# Room for what Kafka adds to key, value and headers in a record, its batch and the request.
OVERHEAD_BYTES = 16 * 1024
HEARTBEAT_SECONDS = 3.0

# A client, and what releases its thread and sockets.
Connected = tuple[Any, Callable[[], None]]


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """How to reach the brokers; the names and values are Kafka's own."""

    protocol: str = "PLAINTEXT"
    sasl_mechanism: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """Where Kafka is and how patient we are with it; `replication_factor` -1 is the cluster's."""

    bootstrap_servers: str
    group: str
    client_id: str = "moc-consumer"
    group_instance_id: str | None = None
    security: KafkaSecurity = KafkaSecurity()
    session_timeout_seconds: float = 45.0
    max_poll_interval_seconds: float = 300.0
    connect_timeout_seconds: float = 20.0
    request_timeout_seconds: float = 30.0
    delivery_timeout_seconds: float = 60.0
    fetch_max_bytes: int = 16 * 1024 * 1024
    partition_fetch_bytes: int = 4 * 1024 * 1024
    max_message_bytes: int = 2 * 1024 * 1024
    replication_factor: int = -1
    close_timeout_seconds: float = 5.0
    metadata_seconds: float = 60.0  # a topic or partition made later is heard within this time
    assignment: Literal["range", "sticky", "cooperative"] = "range"
    when_events_are_gone: Literal["stop", "skip"] = "stop"


def connect(kind: Callable[..., Any], options: Mapping[str, Any]) -> Connected:
    """A client, and what releases its thread and sockets whatever state it is in.

    A client whose constructor fails leaves its thread running, so we keep hold of its inside.
    """
    _keep_contents_out_of_logs()
    insides: list[Any] = []
    refusals: list[BaseException] = []

    def inside(**own: Any) -> Any:
        net = NetworkSelector(**own)
        insides.append(KafkaNetClient(net, _Attentive(refusals, net, **own), **own))
        return insides[-1]

    def release() -> None:
        for client in insides:
            with suppress(Exception):
                client.close()

    try:
        return kind(**options, kafka_client=inside), release
    except (KafkaError, OSError) as error:
        release()
        # A client that may not come in knocks until its time is over, and then says only that.
        raise BusUnavailable(f"Kafka, connect: {_cause((refusals or [error])[-1])}") from error
    except BaseException:
        release()
        raise


class _Attentive(KafkaConnectionManager):  # type: ignore[misc, unused-ignore]  # as the stubs are
    """Keeps why a connection did not come about, which the client itself only logs.

    A broker that hangs up with its refusal can be faster than the client, which then drops the
    refusal unread: that it hung up on our login must do as the cause.
    """

    def __init__(self, refusals: list[BaseException], net: Any, **own: Any) -> None:
        super().__init__(net, **own)
        self._refusals = refusals

    def get_connection(self, *node: Any, **how: Any) -> Any:
        connection = super().get_connection(*node, **how)
        if not connection.init_future.is_done:
            connection.init_future.add_errback(partial(self._refused, connection))
        return connection

    def _refused(self, connection: Any, error: BaseException) -> None:
        if connection.sasl_enabled and connection.broker_version_data is not None:
            self._refusals[:] = [SaslAuthenticationFailedError()]
        elif not self._refusals or not isinstance(self._refusals[0], SaslAuthenticationFailedError):
            self._refusals[:] = [error]


def _cause(error: BaseException) -> str:
    """The error's name; of TLS's, what it says too, which quotes certificates and no secret."""
    inner = error.__cause__ or error.__context__ or next(iter(error.args), None)
    shown = inner if isinstance(inner, ssl.SSLError | FileNotFoundError) else error
    said = getattr(shown, "verify_message", "") or getattr(shown, "reason", "")
    return f"{type(shown).__name__}: {said}" if said else type(shown).__name__


def common(config: KafkaConfig) -> dict[str, Any]:
    """Options of every client."""
    security = config.security
    return {
        "bootstrap_servers": config.bootstrap_servers.split(","),
        "client_id": config.client_id,
        "bootstrap_timeout_ms": int(config.connect_timeout_seconds * 1000),
        "request_timeout_ms": int(config.request_timeout_seconds * 1000),
        "metadata_max_age_ms": int(config.metadata_seconds * 1000),
        "reconnect_backoff_max_ms": 5_000,
        "security_protocol": security.protocol,
        "sasl_mechanism": security.sasl_mechanism,
        "sasl_plain_username": security.username,
        "sasl_plain_password": security.password,
        "ssl_cafile": security.ca_file,
        "ssl_certfile": security.cert_file,
        "ssl_keyfile": security.key_file,
    }


def consuming(config: KafkaConfig) -> dict[str, Any]:
    """Options of a consumer, beyond the common ones."""
    session_ms = int(config.session_timeout_seconds * 1000)
    return {
        "group_id": config.group,
        "group_instance_id": config.group_instance_id,
        "enable_auto_commit": False,
        # Nothing may move us but ourselves: a place that is not there is an error, not a jump.
        "auto_offset_reset": "none",
        # What an LMS took back by aborting its transaction was never said.
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
        "session_timeout_ms": session_ms,
        "heartbeat_interval_ms": min(int(HEARTBEAT_SECONDS * 1000), session_ms // 3),
        "max_poll_interval_ms": int(config.max_poll_interval_seconds * 1000),
        "fetch_max_bytes": config.fetch_max_bytes,
        "max_partition_fetch_bytes": config.partition_fetch_bytes,
    }


def producing(config: KafkaConfig) -> dict[str, Any]:
    """Options of a producer, beyond the common ones."""
    patience = max(config.delivery_timeout_seconds, config.request_timeout_seconds)
    return {
        "acks": "all",
        "enable_idempotence": True,
        "allow_auto_create_topics": False,
        "delivery_timeout_ms": int(patience * 1000),
        "max_block_ms": int(config.delivery_timeout_seconds * 1000),
        "max_request_size": config.max_message_bytes + OVERHEAD_BYTES,
    }


def _keep_contents_out_of_logs() -> None:
    # The client's debug lines hold keys, values, headers and the password.
    client = logging.getLogger("kafka")
    if client.getEffectiveLevel() < logging.INFO:
        client.setLevel(logging.INFO)


@contextmanager
def typed(doing: str) -> Iterator[None]:
    """The client's errors as ours, by their names alone."""
    try:
        yield
    except (KafkaError, OSError) as error:
        raise BusUnavailable(f"Kafka, {doing}: {type(error).__name__}") from error


class _Lenient(bytearray):
    """Bytes whose text, where it is not UTF-8, keeps the odd bytes as backslash escapes."""

    def __getitem__(self, index: Any) -> Any:
        piece = super().__getitem__(index)
        return _Lenient(piece) if isinstance(index, slice) else piece

    def decode(self, encoding: str = "utf-8", errors: str = "") -> str:
        return super().decode(encoding, errors or "backslashreplace")


def _hear_odd_header_names() -> None:
    """Clients in C can send header names that are not UTF-8. Unmended, one such message would
    stop its partition for good: kafka-python calls it corrupt each time it is fetched."""
    batches: Any = DefaultRecordBatch  # the stubs leave its inside out
    strict = batches._read_msg
    if strict.__name__ == "tolerant":
        return

    def tolerant(batch: Any) -> Any:
        try:
            return strict(batch)
        except UnicodeDecodeError:
            batch._buffer = _Lenient(batch._buffer)
            return strict(batch)

    batches._read_msg = tolerant


_hear_odd_header_names()
