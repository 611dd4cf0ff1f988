"""Runs the pumps around one ledger, and stops them within a bound."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import structlog

from consumer.bus.connect import Bus
from consumer.bus.port import BusError
from consumer.desk.looking import Desk
from consumer.desk.retaining import retaining_of
from consumer.inquiry import Inquirer, Turns, questions_of
from consumer.ledger.inquiries import Inquiries
from consumer.ledger.ledger import Ledger, LedgerUnavailable, WrongSecret
from consumer.parts import ParsFor, Parts, claims_of, domains_of, policy_of
from consumer.premises import Premises
from consumer.pumps.agreeing import Agreeing
from consumer.pumps.breaker import Breaker
from consumer.pumps.bringing import bringing_pumps
from consumer.pumps.informing import noticing_pumps, telling_pumps
from consumer.pumps.intake import IntakePump
from consumer.pumps.line import Line
from consumer.pumps.pace import Pace
from consumer.pumps.proving import ProvingPump
from consumer.pumps.publishing import PublishingPump
from consumer.pumps.reconciling import ReconcilingPump
from consumer.pumps.rejudging import RejudgingPump
from consumer.pumps.reloading import ReloadingPump
from consumer.pumps.retaining import RetainingPump
from consumer.pumps.sending import (
    FOLLOWING,
    GATHER_SECONDS,
    SUBMITTING,
    DispatcherFor,
    SendingPump,
)
from consumer.pumps.watching import WatchingPump
from consumer.telemetry.meters import Meters
from consumer.telemetry.readiness import Readiness
from consumer.telemetry.timing import Timed

_HEEDING_SECONDS = 0.5


class Pump(Protocol):
    """A loop with a name."""

    @property
    def name(self) -> str: ...

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then finish what is in hand."""
        ...


def expected(parts: Parts) -> list[str]:
    """What does not work yet when the service starts, beside the ledger."""
    hearing = "intake" in parts.settings.pumps
    return ["bus", *(["registry"] if parts.registry else [])] if hearing else []


class Service:
    """All pumps around one ledger; parts are built here and handed down."""

    def __init__(
        self,
        parts: Parts,
        ledger: Ledger,
        bus: Bus | None = None,
        pars_for: ParsFor | None = None,
        *,
        readiness: Readiness | None = None,
        stop: threading.Event | None = None,
        meters: Meters | None = None,
    ) -> None:
        self.parts, self.ledger, self.meters = parts, ledger, meters or Meters()
        self.readiness = readiness or Readiness(parts.clock)
        self.bus = bus or Bus(parts.settings)
        self._pars_for = pars_for or parts.pars
        self.premises = Premises(parts.house)
        self.stop = stop or threading.Event()
        self._failed: list[tuple[str, BaseException]] = []
        self._lines = {name: self._line(name) for name in parts.settings.web_profiles}
        self.pumps = list(self._chosen())
        self._log = structlog.get_logger()

    @property
    def desk(self) -> Desk:
        """What the desk looks with, by the tables as they stand."""
        settings, tables = self.parts.settings, self.premises.house.tables
        by_file = frozenset(settings.profiles.keys() - settings.web_profiles.keys())
        days = settings.sending.at_risk_days
        return Desk(self.ledger, tables, self.parts.clock, days, by_file)

    def run(self) -> bool:
        """Run until `stop` is set or a pump fails; False when one failed or would not end."""
        self._expect()
        threads = [
            threading.Thread(target=self._guard, args=(pump,), name=pump.name, daemon=True)
            for pump in self.pumps
        ]
        for thread in threads:
            thread.start()
        self._log.info("service.started", topics=self.parts.settings.intake.topics)
        # A signal that reached another thread, as after a freeze, is heeded when this one wakes.
        while not self.stop.wait(_HEEDING_SECONDS):
            pass
        ended = self._drain(threads)
        self._log.info("service.stopped")
        return ended and not self._failed

    def _expect(self) -> None:
        """What there is to tell about these pumps, before they say so themselves."""
        names = [pump.name for pump in self.pumps]
        self.readiness.expect(*expected(self.parts))
        for name in ("tables", "mappings", *(f"pars.{profile}" for profile in self._lines)):
            self.readiness.good(name, by="start")
        self.readiness.started(names)

    def _drain(self, threads: Sequence[threading.Thread]) -> bool:
        clock = self.parts.clock
        deadline = clock.monotonic() + self.parts.settings.stop_seconds
        for thread in threads:
            thread.join(max(0.0, deadline - clock.monotonic()))
        late = [thread.name for thread in threads if thread.is_alive()]
        for name in late:
            # Safe: what it had claimed is asked about after the lease, by whoever comes next.
            self._log.warning("pump.left_behind", pump=name)
        return not late

    def _guard(self, pump: Pump) -> None:
        """A pump that fails in a way nobody foresaw stops the service, loudly."""
        try:
            pump.run(self.stop)
        except BaseException as error:  # noqa: BLE001  its fate: the service stops, and exits 1
            self._failed.append((pump.name, error))
            # Ours say what a person must mend; another's text may hold what it choked on.
            ours = isinstance(error, BusError | LedgerUnavailable | WrongSecret)
            cause = str(error) if ours else ""
            self._log.error(
                "pump.failed",
                pump=pump.name,
                error_type=type(error).__name__,
                where=Path(_last_frame(error)).name,
                cause=cause,
            )
            self.stop.set()

    # ------------------------------------------------------------ parts

    def _chosen(self) -> list[Pump]:
        makers: dict[str, Callable[[], Sequence[Pump]]] = {
            "intake": self._hearing,
            "submit": lambda: [self._sending("submit")],
            "follow": lambda: [self._sending("follow")],
            "outbox": lambda: [
                self._publishing(),
                *telling_pumps(self.parts, self.ledger, self.readiness),
            ],
            "notices": lambda: noticing_pumps(self.parts, self.ledger, self.readiness),
        }
        return [pump for name in self.parts.settings.pumps for pump in makers[name]()]

    def _hearing(self) -> list[Pump]:
        intake = self._intake()
        return [
            intake,
            self._rejudging(),
            self._reloading(),
            self._watching(),
            *self._proving(),
            *bringing_pumps(self.parts, self.ledger, self.premises, self.readiness),
            *self._retaining(),
            *self._reconciling(intake),
        ]

    def _intake(self) -> IntakePump:
        intake = self.parts.settings.intake
        return IntakePump(
            lambda: self.bus.listen(self.ledger.remembered),
            self.ledger,
            self.premises,
            intake.batch_size,
            intake.poll_timeout_seconds,
            intake.retry_seconds,
            self.parts.clock,
            intake,
            self.readiness,
            intake.silent_seconds,
            self.meters,
            self.parts.tracing,
            domains_of(self.parts.settings),
        )

    def _rejudging(self) -> Pump:
        settings = self.parts.settings
        return RejudgingPump(
            settings.tables_dir,
            settings.profiles,
            self.ledger,
            self.premises,
            settings.intake.look_seconds,
            self.parts.clock,
            self.readiness,
            settings.sending.at_risk_days,
        )

    def _reloading(self) -> Pump:
        settings = self.parts.settings
        return ReloadingPump(
            settings.mappings_dir,
            settings.schemas_dir,
            self.ledger,
            self.premises,
            settings.intake.look_seconds,
            self.parts.clock,
            self.readiness,
        )

    def _watching(self) -> Pump:
        look_seconds = self.parts.settings.intake.look_seconds
        return WatchingPump(self.ledger, self.readiness, look_seconds, self.parts.clock)

    def _proving(self) -> list[Pump]:
        registry, intake = self.parts.registry, self.parts.settings.intake
        if registry is None:
            return []
        return [ProvingPump(registry, self.readiness, intake.retry_seconds, self.parts.clock)]

    def _reconciling(self, intake: IntakePump) -> list[Pump]:
        settings = self.parts.settings
        if not settings.reconcile:
            return []
        return [
            ReconcilingPump(
                settings.reconcile,
                settings.intake.topics[0],
                self.ledger,
                self.premises,
                self.bus.publisher,
                random.SystemRandom().random,
                lambda: intake.quiet_seconds,
                settings.intake.look_seconds,
                self.parts.clock,
                self.readiness,
            )
        ]

    def _retaining(self) -> list[Pump]:
        retaining = retaining_of(self.parts.settings, self.ledger, self.parts.clock)
        if retaining is None:
            return []
        clock = self.parts.clock
        return [RetainingPump(retaining, self.ledger, clock, self.readiness, self.meters)]

    def _sending(self, name: str) -> Pump:
        settings, sending = self.parts.settings, self.parts.settings.sending
        agreeing = Agreeing(settings.tables_dir, settings.profiles, self.ledger, self.premises)
        return SendingPump(
            name,
            SUBMITTING if name == "submit" else FOLLOWING,
            replace(
                claims_of(settings, self.ledger, traced=self.parts.tracing.on),
                agreed=agreeing.agreed,
            ),
            self._lines,
            self.dispatcher_for(),
            sending.workers,
            sending.idle_seconds,
            self.parts.clock,
            self.readiness,
            self.meters,
            self.parts.tracing,
            agreeing.take_up,
        )

    def dispatcher_for(self) -> DispatcherFor:
        """Makes a dispatcher with a way to PARS of its own, for one worker thread."""
        policy, clock = policy_of(self.parts.settings), self.parts.clock
        book, turns, settings = Inquiries(self.ledger), Turns(), self.parts.settings
        tracing = self.parts.tracing
        return lambda name: Inquirer(
            Timed(self._pars_for(name), name, self.meters, clock, tracing),
            policy,
            clock,
            questions_of(settings, name),
            book,
            turns,
        )

    def _line(self, name: str) -> Line:
        sending = self.parts.settings.sending
        profile = self.parts.settings.profiles[name]
        breaker = Breaker(
            sending.breaker_failures,
            sending.breaker_pause_seconds,
            sending.stopped_pause_seconds,
            probe_seconds=3 * sending.request_timeout_seconds,
        )
        burst = max(1.0, profile.requests_per_second * GATHER_SECONDS)
        return Line(name, breaker, Pace(profile.requests_per_second, burst))

    def _publishing(self) -> Pump:
        settings = self.parts.settings
        topics = {
            "moc.dead-letters": settings.outbox.dead_letters_topic,
            "moc.outcomes": settings.outbox.outcomes_topic,
        }
        return PublishingPump(
            self.bus.publisher,
            self.ledger,
            topics,
            settings.outbox.idle_seconds,
            settings.intake.retry_seconds,
            self.parts.clock,
            self.readiness,
            self.parts.tracing,
        )


def _last_frame(error: BaseException) -> str:
    trace = error.__traceback__
    where = "?"
    while trace is not None:
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return where
