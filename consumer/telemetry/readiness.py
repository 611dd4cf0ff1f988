"""What the service can and cannot do at present, by name, with the cause in plain words."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from consumer.clock import Clock

STARTING = "starting"
"""Cause of what nobody has told anything about yet."""
STARTS_WITH = ("ledger", "mappings", "tables")
"""Without these nothing has started, whichever pumps run."""
GATEWAY = "gateway"
"""The condition of whoever takes posts of LMSs: whether they can be kept."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether one thing works, why not, and since when that is so."""

    name: str
    ok: bool
    cause: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Turning:
    """A pump, and the seconds since it last completed a turn."""

    pump: str
    seconds: float


@dataclass(slots=True)
class _Standing:
    """Who says what is wrong with one thing: several pumps use the same bus and ledger."""

    since: datetime
    starting: bool = False
    causes: dict[str, str] = field(default_factory=dict)

    @property
    def cause(self) -> str:
        causes = "; ".join(dict.fromkeys(self.causes.values()))
        return causes or (STARTING if self.starting else "")


class Readiness:
    """Told by the pumps what fails and what works again; safe to share between threads.

    A condition is bad while anybody says so: reading may work where writing does not. Turning bad
    and turning good are logged, once each.
    """

    def __init__(self, clock: Clock, starts_with: Collection[str] = STARTS_WITH) -> None:
        """`starts_with`: without these to have worked once, this process has not started."""
        self._clock, self._lock = clock, threading.Lock()
        self._starts_with = {*starts_with}
        self._standings: dict[str, _Standing] = {}
        self._turned: dict[str, float] = {}
        self._turns: Counter[str] = Counter()
        self._once_good: set[str] = set()
        self._log = structlog.get_logger()

    def expect(self, *names: str) -> None:
        """These do not work before somebody has said that they do."""
        with self._lock:
            for name in names:
                self._standings.setdefault(name, _Standing(self._clock.now(), starting=True))

    def good(self, name: str, by: str) -> None:
        """This worked just now, for `by`."""
        with self._lock:
            known = self._standings.get(name)
            if known is not None and not known.starting and by not in known.causes:
                return  # as after nearly every turn
            now = self._clock.now()
            standing = known or _Standing(now)
            was, begun = standing.cause, standing.since
            standing.starting = False
            standing.causes.pop(by, None)
            self._once_good.add(name)
            if was and not standing.cause:
                standing.since = now
            self._standings[name] = standing
        if was not in ("", STARTING) and not standing.cause:
            seconds = round((now - begun).total_seconds())
            self._log.info("condition.recovered", condition=name, seconds=seconds)

    def bad(self, name: str, by: str, cause: str) -> None:
        """This does not work, for `by`; `cause` quotes nothing of what was to be written."""
        with self._lock:
            now = self._clock.now()
            standing = self._standings.setdefault(name, _Standing(now))
            fresh = not standing.causes
            if not standing.cause:
                standing.since = now
            standing.starting = False
            standing.causes[by] = cause or "unknown"
        if fresh:
            self._log.warning("condition.failed", condition=name, cause=cause)

    def only(self, prefix: str, by: str, causes: dict[str, str]) -> None:
        """Of the things named `prefix`... those with a cause are bad; the others are no more."""
        with self._lock:
            gone = [n for n in self._standings if n.startswith(prefix) and n not in causes]
        for name in gone:
            self.good(name, by)
            with self._lock:
                self._standings.pop(name, None)
        for name, cause in causes.items():
            self.bad(name, by, cause)

    def conditions(self) -> list[Condition]:
        """Every condition there is, by its name."""
        with self._lock:
            return [
                Condition(name, not one.cause, one.cause, one.since)
                for name, one in sorted(self._standings.items())
            ]

    def not_yet(self) -> list[str]:
        """What a start still lacks: a thing that has worked once is good for that, whatever comes.

        Blank once the ledger is migrated, and tables and mappings are loaded. The bus is not waited
        for: whoever restarts what does not start would restart it for Kafka.
        """
        with self._lock:
            return sorted(self._starts_with - self._once_good)

    def unable(self) -> list[str]:
        """What makes this very process unable to take work; blank: it can.

        What takes posts can, while it can keep them; what takes none, while it can write the
        ledger. PARS, Kafka and all that others serve are no reason: it waits for them, and a
        restart or another process would wait as well.
        """
        with self._lock:
            needed = GATEWAY if GATEWAY in self._standings else "ledger"
            ill = {n for n, one in self._standings.items() if n == needed and one.cause}
            return sorted(ill | (self._starts_with - self._once_good))

    # ------------------------------------------------------------ progress

    def started(self, pumps: Collection[str]) -> None:
        """From now on each of these has to complete a turn now and then."""
        with self._lock:
            for pump in pumps:
                self._turned[pump] = self._clock.monotonic()
                self._turns[pump] += 0

    def turned(self, pump: str) -> None:
        """This pump has completed a turn."""
        with self._lock:
            self._turns[pump] += 1
            self._turned[pump] = self._clock.monotonic()

    def turns(self) -> dict[str, int]:
        """How many turns each pump has completed."""
        with self._lock:
            return dict(self._turns)

    def turning(self) -> list[Turning]:
        """Every pump, and how long ago its last turn was completed."""
        with self._lock:
            now = self._clock.monotonic()
            return [Turning(pump, now - at) for pump, at in self._turned.items()]
