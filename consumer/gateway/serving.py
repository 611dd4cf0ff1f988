"""Serves the gateway: beside the pumps, or as the process itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from consumer.bus.connect import Bus
from consumer.clock import Clock
from consumer.gateway.application import Gateway
from consumer.gateway.proof import Proof, proof_of
from consumer.gateway.road import CONDITION, ONTO_THE_BUS, Road
from consumer.gateway.spool import Spool, SpoolUnavailable
from consumer.gateway.taking import Taking
from consumer.ledger.seal import Seal
from consumer.settings import Settings, SettingsProblems
from consumer.settings.gateway import GatewaySettings
from consumer.telemetry.meters import Meters
from consumer.telemetry.metrics import Figure
from consumer.telemetry.readiness import Readiness
from consumer.telemetry.serving import served
from consumer.telemetry.spans import SILENT, Tracing

_MOST_CONNECTIONS = 2000
_LOOK_SECONDS = 1.0  # for what another process put into the spool and could not forward
_START_SECONDS = 1.0  # for the bus to be reached before the first post
_STOP_SECONDS = 5.0
_NOBODY = "gateway.sources: nobody may post; moc-consumer source add NAME makes one"


@contextmanager
def receiving(
    settings: Settings,
    seal: Seal,
    clock: Clock,
    readiness: Readiness,
    listen: str = "",
    meters: Meters | None = None,
    tracing: Tracing = SILENT,
) -> Iterator[str]:
    """The address while LMSs may post there.

    Raises CannotListen; SettingsProblems where that would not be safe, or a secret is missing.
    """
    gateway = settings.gateway
    listen, proofs, bus = listen or gateway.listen, proofs_of(gateway), Bus(settings)
    spool, meters = Spool(settings.spool_path, seal, clock), meters or Meters()
    meters.posts_from(proofs)
    meters.spool_is(lambda: _standing(spool))
    road = Road(lambda: bus.hasty_publisher(gateway.bus_seconds), spool, readiness, tracing)
    taking, stop = Taking(road), threading.Event()
    topic = settings.intake.topics[0]
    app = Gateway(gateway, listen, topic, proofs, taking, clock, meters, tracing)
    readiness.expect(CONDITION, ONTO_THE_BUS)
    road.try_to_keep()
    pump = threading.Thread(
        target=forward, args=(road, gateway, readiness, clock, stop), daemon=True,
        name="gateway-forwarding",
    )  # fmt: skip
    try:
        taking.start()
        pump.start()
        # Not longer: an LMS that posts meanwhile, and never again, is to find somebody.
        road.was_tried.wait(_START_SECONDS)
        # The server ends first: what it has taken in by then is still written.
        with served(app, gateway, "gateway", listen, _MOST_CONNECTIONS) as address:
            structlog.get_logger().info("gateway.started", count=len(proofs))
            yield address
    finally:
        stop.set()
        road.something_waits.set()
        taking.end(_STOP_SECONDS)
        pump.join(_STOP_SECONDS)
        road.close()


def _standing(spool: Spool) -> Sequence[Figure]:
    """How the spool stands; nothing while it cannot be read, as the condition says then."""
    try:
        waiting, aside = spool.count()
        oldest = spool.oldest_seconds()
    except SpoolUnavailable:
        return ()
    return (
        ("moc_spool_events", (), waiting),
        ("moc_spool_oldest_seconds", (), oldest),
        ("moc_spool_set_aside", (), aside),
    )


def proofs_of(gateway: GatewaySettings) -> dict[str, Proof]:
    """How each source proves itself. Raises SettingsProblems with all that is wrong.

    That nobody may post is wrong here alone: `source add` must run with these settings.
    """
    proofs: dict[str, Proof] = {}
    problems = [] if gateway.sources else [_NOBODY]
    for name, source in gateway.sources.items():
        try:
            proofs[name] = proof_of(name, source)
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise SettingsProblems(problems)
    return proofs


def forward(
    road: Road,
    gateway: GatewaySettings,
    readiness: Readiness,
    clock: Clock,
    stop: threading.Event,
) -> None:
    """Bring what waits in the spool onto the bus, until told to stop."""
    while not stop.is_set():
        road.something_waits.clear()
        while road.forward() and not stop.is_set():
            readiness.turned(CONDITION)
        road.was_tried.set()
        road.recover()
        readiness.turned(CONDITION)
        # A bus that is away is not asked anew with every post.
        if road.is_stuck:
            clock.wait(stop, gateway.retry_seconds)
        else:
            road.something_waits.wait(_LOOK_SECONDS)
