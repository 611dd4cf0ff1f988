"""What this process has done, counted while it does it; read whenever somebody asks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

import prometheus_client
from prometheus_client import CollectorRegistry, Histogram

from consumer.credit import State
from consumer.dealings import Exchange
from consumer.ledger.surges import Settled
from consumer.telemetry.metrics import BY_NAME, Figure, Metric

# A second series for each, with the moment it began, says nothing that anybody asks.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

MOST_VALUES = 100
"""Different values of one label; what comes beyond is counted together as OTHER."""
OTHER = "other"
KEPT = "kept"
"""Outcome of a post that was taken."""
SKIPPED = ("repeat", "ignored")
"""Fates of what is not written down: heard before, or none of our business by its mapping."""
PURGED = ("completions", "credits", "letters", "trail", "events")
"""Kinds of records that go by age: `trail` are why and values, `events` those of a log."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,119}")
_UNSENT = {State.READY, State.SUBMITTING}
_DECIDED = {State.ACCEPTED, State.REJECTED}
_THERE = {State.SUBMITTED, *_DECIDED}


class Labels:
    """Keeps the values of labels few and plain: each costs memory here and wherever it is kept."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], set[str]] = {}

    def values(self, metric: Metric, given: Iterable[str]) -> tuple[str, ...]:
        """The values to count under; OTHER for one too many, or that is no code or name."""
        pairs = zip(metric.labels, given, strict=True)
        return tuple(self._kept((metric.name, label), value) for label, value in pairs)

    def _kept(self, place: tuple[str, str], value: str) -> str:
        known = self._known.setdefault(place, set())
        if value in known:
            return value
        if len(known) >= MOST_VALUES or not _PLAIN.fullmatch(value):
            return OTHER
        known.add(value)
        return value


class Meters:
    """Told by the pumps; safe to share between threads, never waits for anything but a lock."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._labels = Labels()
        self._events = self._counter("moc_events_total")
        self._skipped = self._counter("moc_events_skipped_total")
        for why in SKIPPED:
            self._skipped.labels(why)  # from 0 on: an increase from nothing is none
        self._moved = self._counter("moc_credits_moved_total")
        self._requests = self._counter("moc_pars_requests_total")
        self._refused = self._counter("moc_sign_ins_refused_total")
        self._posts = self._counter("moc_posts_total")
        self._posted = self._counter("moc_posted_events_total")
        self._purged = self._counter("moc_retention_purged_total")
        for kind in PURGED:
            self._purged.labels(kind)
        self._took = self._histogram("moc_pars_request_seconds")
        self._sending = self._histogram("moc_credit_sending_seconds")
        self._deciding = self._histogram("moc_credit_deciding_seconds")
        self._waiting: Mapping[str, int] = {}
        self._spooled: Callable[[], Iterable[Figure]] = tuple

    # ------------------------------------------------------------ told by pumps

    def heard(self, settled: Sequence[Settled], fates: Mapping[str, int]) -> None:
        """A batch is in the ledger: what was new in it, and how much needed nothing, by fate."""
        for (source, fate), count in Counter((one.source, one.fate) for one in settled).items():
            self._count(self._events, "moc_events_total", count, source, fate)
        for why in SKIPPED:
            if fates.get(why):
                self._count(self._skipped, "moc_events_skipped_total", fates[why], why)

    def ended(self, exchanges: Sequence[Exchange], now: datetime) -> None:
        """These dealings with PARS are in the ledger."""
        for exchange in exchanges:
            done = exchange.settlement
            for one in done.attempts:
                where = (done.claim.profile, one.action, one.outcome)
                self._count(self._requests, "moc_pars_requests_total", 1, *where)
            if done.state is not done.claim.state:
                self._moved_on(exchange, now)

    def asked(self, profile: str, action: str, seconds: float) -> None:
        """PARS has answered a request, or has not, after so long."""
        self._time(self._took, "moc_pars_request_seconds", seconds, profile, action)

    def bus_waits(self, waiting: Mapping[str, int]) -> None:
        """So many events of each topic wait for this process; none known: it cannot be said."""
        self._waiting = dict(waiting)

    def not_let_in(self, way: str) -> None:
        """Somebody's password was wrong, or a provider's word was not good."""
        self._count(self._refused, "moc_sign_ins_refused_total", 1, way)

    def purged(self, gone: Mapping[str, int]) -> None:
        """So many records of each kind were old enough to go, and went."""
        for kind in PURGED:
            self._count(self._purged, "moc_retention_purged_total", gone[kind], kind)

    def posts_from(self, sources: Iterable[str]) -> None:
        """These LMSs may post: counted from 0 on, since an increase from nothing is none."""
        for source in sources:
            self._count(self._posts, "moc_posts_total", 0, source, KEPT)
            self._count(self._posted, "moc_posted_events_total", 0, source)

    def post_kept(self, source: str, events: int) -> None:
        """A post of this LMS is durable, with so many events in it."""
        self._count(self._posts, "moc_posts_total", 1, source, KEPT)
        self._count(self._posted, "moc_posted_events_total", events, source)

    def post_refused(self, source: str, cause: str) -> None:
        """A post was refused; a blank source is no LMS of ours."""
        self._count(self._posts, "moc_posts_total", 1, source, cause)

    # ------------------------------------------------------------ asked by who scrapes

    def spool_is(self, read: Callable[[], Iterable[Figure]]) -> None:
        """There is a spool of posted events; how it stands is read like this."""
        self._spooled = read

    def spooled(self) -> Iterable[Figure]:
        """How the spool stands now; nothing where there is none, or it cannot be read."""
        return self._spooled()

    @property
    def waiting(self) -> Mapping[str, int]:
        """As told last."""
        return self._waiting

    # ------------------------------------------------------------ parts

    def _moved_on(self, exchange: Exchange, now: datetime) -> None:
        done = exchange.settlement
        claim, profile = done.claim, done.claim.profile
        self._count(self._moved, "moc_credits_moved_total", 1, profile, done.state.value)
        first = claim.state in _UNSENT and claim.submitted_at is None
        if first and done.state in _THERE and claim.since:
            seconds = (now - claim.since).total_seconds()
            self._time(self._sending, "moc_credit_sending_seconds", seconds, profile)
        if done.state in _DECIDED and claim.submitted_at is not None:
            seconds = (now - claim.submitted_at).total_seconds()
            self._time(self._deciding, "moc_credit_deciding_seconds", seconds, profile)

    def _counter(self, name: str) -> prometheus_client.Counter:
        one = BY_NAME[name]
        return prometheus_client.Counter(one.name, one.asks, one.labels, registry=self.registry)

    def _histogram(self, name: str) -> Histogram:
        one, registry = BY_NAME[name], self.registry
        return Histogram(one.name, one.asks, one.labels, buckets=one.buckets, registry=registry)

    def _count(
        self, counter: prometheus_client.Counter, name: str, count: int, *values: str
    ) -> None:
        counter.labels(*self._labels.values(BY_NAME[name], values)).inc(count)

    def _time(self, histogram: Histogram, name: str, seconds: float, *values: str) -> None:
        histogram.labels(*self._labels.values(BY_NAME[name], values)).observe(max(0.0, seconds))
