"""What `/metrics` answers: this process's counts, and the ledger's figures, as Prometheus reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family

from consumer.clock import Clock
from consumer.telemetry.lately import Figure, Lately
from consumer.telemetry.meters import Labels, Meters
from consumer.telemetry.metrics import BY_NAME, Kind, Metric
from consumer.telemetry.readiness import Readiness


class Exposition:
    """Answers whoever scrapes; there before the ledger is, which is watched once it is open."""

    def __init__(
        self, meters: Meters, readiness: Readiness, clock: Clock, *, has_ledger: bool = True
    ) -> None:
        """Without a ledger, as the gateway alone is, nothing is told of one."""
        self.meters, self._readiness, self._clock = meters, readiness, clock
        self._lately: Lately | None = None
        self._has_ledger = has_ledger
        self._labels = Labels()
        self._process = ProcessCollector(registry=CollectorRegistry())

    def watch(self, read: Callable[[], Sequence[Figure]]) -> None:
        """From now on the figures of the whole are to be had, and are read like this."""
        self._lately = Lately(read, self._clock)

    def answer(self, accept: str) -> tuple[bytes, str]:
        """The text, and its content type, in the newest form that the other side accepts."""
        encode, content_type = choose_encoder(accept)
        return encode(self), content_type

    def collect(self) -> Iterator[Family]:
        """Everything there is to tell now, as the Prometheus client wants it."""
        yield from self.meters.registry.collect()
        yield from _families(self.now(), self._labels)
        yield from self._process.collect()

    def now(self) -> Iterator[Figure]:
        """Everything that is not counted where it happens."""
        yield from self._own()
        if not self._has_ledger:
            return
        read = self._lately.figures() if self._lately else None
        yield "moc_ledger_up", (), read is not None
        if read is not None:
            yield "moc_ledger_read_seconds", (), read.seconds
            yield from read.figures

    def _own(self) -> Iterator[Figure]:
        yield "moc_started", (), not self._readiness.not_yet()
        for one in self._readiness.conditions():
            yield "moc_condition_ok", (one.name,), one.ok
        for pump, turns in self._readiness.turns().items():
            yield "moc_pump_turns_total", (pump,), turns
        for turning in self._readiness.turning():
            yield "moc_pump_idle_seconds", (turning.pump,), turning.seconds
        for topic, count in self.meters.waiting.items():
            yield "moc_bus_waiting_events", (topic,), count
        yield from self.meters.spooled()


def _families(figures: Iterable[Figure], labels: Labels) -> Iterable[Family]:
    """Figures by their metrics; those under the same labels are added up, as OTHER may be."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for name, given, much in figures:
        of = found.setdefault(name, {})
        values = labels.values(BY_NAME[name], given)
        of[values] = of.get(values, 0.0) + much
    return [_family(BY_NAME[name], of) for name, of in found.items()]


def _family(metric: Metric, of: dict[tuple[str, ...], float]) -> Family:
    made = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = made(metric.name, metric.asks, labels=metric.labels)
    for values, much in of.items():
        family.add_metric(values, much)
    return family
