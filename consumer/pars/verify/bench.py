"""A verification's dealings with PARS: in good time, written down, and never left lying about."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from consumer.clock import Clock
from consumer.fate import Absent, Found, StatusFate
from consumer.pars.port import Action, Pars, Reply
from consumer.pars.profile import ParsProfile
from consumer.pars.symptoms import SAVE, SAVE_ELSE, STATUS, STATUS_ELSE, Move, Row
from consumer.pars.verdicts import fate_of_status, row_for
from consumer.pars.verify.mask import Mask
from consumer.pars.verify.subject import Subject
from consumer.participant import Record
from consumer.settings import Settings

Connect = Callable[[ParsProfile], Pars]
Ask = Callable[[Pars], Reply]

# Moves after which PARS certainly has nothing of what it was sent.
_NOTHING_STORED = (Move.REFUSE, Move.STOP, Move.RETRY_UNSENT)
_BUSY = (429, 503)
_TRIES = 3
_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Told:
    """One answer, the line of the fate table that it hit, and its words masked."""

    reply: Reply
    row: Row
    words: str

    @property
    def taken(self) -> bool:
        """Whether PARS says that it did what it was asked."""
        return self.row.move is Move.DONE

    @property
    def heard(self) -> bool:
        """Whether PARS answered, and not only that it is busy or away."""
        status = self.reply.status
        return status is not None and status < 500 and status not in (408, 425, 429)

    def __str__(self) -> str:
        status = "no answer" if self.reply.status is None else f"HTTP {self.reply.status}"
        return f'{status}, "{self.words}"' if self.words else status


@dataclass(frozen=True, slots=True)
class Asked:
    """What PARS says of one CreditID, after so many seconds of asking."""

    told: Told
    fate: StatusFate
    seconds: float


class Bench:
    """One provider profile, one test learner; remembers every CreditID that PARS may hold.

    `profile` starts as configured and becomes what works; `standing` is the CreditID of the record
    that is there while it is tried out.
    """

    def __init__(
        self,
        settings: Settings,
        profile: ParsProfile,
        subject: Subject,
        connect: Connect,
        clock: Clock,
        run: str,
        patience_seconds: float,
    ) -> None:
        """`run` is a word that tells this run's CreditIDs from every other's."""
        self.settings, self.configured, self.profile = settings, profile, profile
        self.provider, self.subject, self.clock = settings.profiles[profile.name], subject, clock
        self.patience_seconds = patience_seconds
        self.admitted, self.standing = False, ""
        self.seconds: list[float] = []
        self.busy: list[Reply] = []
        self.words: set[str] = set()
        self._connect, self._run = connect, run
        self._ways: list[tuple[ParsProfile, Pars]] = []
        self._mask = Mask(subject.record, profile)
        self._count, self._next_at = 0, clock.monotonic()
        self._held: dict[str, tuple[Record, ParsProfile]] = {}
        self._deleted: set[str] = set()
        self._unheard: set[str] = set()
        self._never = threading.Event()

    # ------------------------------------------------------------ names

    @property
    def prefix(self) -> str:
        """How every CreditID of this run begins."""
        return f"ccid:{self.provider.domain}:verify-{self._run}-"

    def new_credit_id(self) -> str:
        """A CreditID that nobody has used."""
        self._count += 1
        return f"{self.prefix}{self._count:02d}-r1"

    def setting(self, name: str) -> str:
        """The path of one of this profile's settings."""
        return f"profiles.{self.profile.name}.{name}"

    @property
    def unheard(self) -> bool:
        """Whether a report was sent whose answer never came."""
        return bool(self._unheard)

    @property
    def held(self) -> tuple[str, ...]:
        """CreditIDs that PARS may hold still."""
        return tuple(self._held)

    # ------------------------------------------------------------ dealings

    def add(self, record: Record, credit_id: str, profile: ParsProfile | None = None) -> Told:
        """Report one credit; written down before it is sent, whatever comes of it."""
        chosen, before = profile or self.profile, self._held.get(credit_id)
        was_deleted = credit_id in self._deleted
        self._held[credit_id] = (record, chosen)
        self._deleted.discard(credit_id)

        def send(pars: Pars) -> Reply:
            self._unheard.add(credit_id)
            return pars.save(record, credit_id, Action.ADD)

        told = self.told(self.ask(send, chosen), SAVE, SAVE_ELSE)
        if told.heard or told.reply.status in _BUSY or told.row.move in _NOTHING_STORED:
            self._unheard.discard(credit_id)
        if told.row.move in _NOTHING_STORED:
            self._deleted |= {credit_id} if was_deleted else set()
            if before is None:
                del self._held[credit_id]
        return told

    def forget(self, credit_id: str) -> None:
        """Nothing of this CreditID was sent."""
        self._held.pop(credit_id, None)
        self._unheard.discard(credit_id)

    def delete(self, credit_id: str) -> Told:
        """Withdraw one credit, repeating what was sent."""
        record, profile = self._held[credit_id]
        told = self.save(record, credit_id, Action.DELETE, profile)
        if told.taken or told.row.code == "record_unknown":
            self._deleted.add(credit_id)
        return told

    def save(
        self, record: Record, credit_id: str, action: Action, profile: ParsProfile | None = None
    ) -> Told:
        """One SaveLearnerActivity that is not written down: PARS must have no cause to store it."""
        reply = self.ask(lambda pars: pars.save(record, credit_id, action), profile)
        return self.told(reply, SAVE, SAVE_ELSE)

    def status(self, credit_id: str, profile: ParsProfile | None = None) -> Told:
        """What PARS says of this CreditID, once."""
        reply = self.ask(lambda pars: pars.status(credit_id), profile)
        self.words |= {one.status for one in reply.credits}
        return self.told(reply, STATUS, STATUS_ELSE)

    def status_until(
        self, credit_id: str, wanted: type[Found] | type[Absent], until: float | None = None
    ) -> Asked:
        """The first answer that is `wanted`, or the last one; `until` is monotonic seconds."""
        started = self.clock.monotonic()
        until = started + self.patience_seconds if until is None else until
        while True:
            told = self.status(credit_id)
            fate, now = fate_of_status(told.reply, credit_id), self.clock.monotonic()
            may_change = isinstance(fate, Found | Absent) or not told.heard
            if isinstance(fate, wanted) or not may_change or now >= until:
                return Asked(told, fate, now - started)
            self.clock.wait(self._never, _PAUSE_SECONDS)

    def status_by_learner(self) -> Told:
        """What PARS says of the learner, the activity and the day."""
        reply = self.ask(lambda pars: pars.status_by_learner(self.subject.record))
        return self.told(reply, STATUS, STATUS_ELSE)

    def told(self, reply: Reply, table: tuple[Row, ...], otherwise: Row) -> Told:
        """An answer beside the line of `table` that it hits."""
        return Told(reply, row_for(reply, table, otherwise), self._mask.said(reply))

    def mask(self, text: str) -> str:
        """A text of PARS without the learner."""
        return self._mask.text(text)

    def ask(self, ask: Ask, profile: ParsProfile | None = None) -> Reply:
        """The answer to one request; asked again, at most twice, while PARS says to wait."""
        pars = self._way(profile or self.profile)
        return self.timed(lambda: ask(pars))

    def timed(self, request: Callable[[], Reply]) -> Reply:
        """One request at the profile's pace, with its time; see `ask`."""
        for _ in range(_TRIES):
            self._keep_pace()
            started = self.clock.monotonic()
            reply = request()
            self.seconds.append(self.clock.monotonic() - started)
            if reply.status not in _BUSY:
                break
            self.busy.append(reply)
            wait = reply.retry_after_seconds or _PAUSE_SECONDS
            self.clock.wait(self._never, min(wait, self.patience_seconds))
        return reply

    # ------------------------------------------------------------ the end

    def take_back(self) -> Iterator[str]:
        """Delete everything that PARS may hold; gives the CreditIDs not proven to be gone.

        Only asking, and finding nothing, proves a withdrawal; and a report whose answer never came
        may arrive still, so it is waited for first.
        """
        self.close()  # an interruption may have left a request half said
        until = self.clock.monotonic() + self.patience_seconds
        for credit_id in self._unheard:
            self.status_until(credit_id, Found, until)
        for credit_id in self._held.keys() - self._deleted:
            self.delete(credit_id)
        until = self.clock.monotonic() + self.patience_seconds
        for credit_id in self.held:
            absent = isinstance(self.status_until(credit_id, Absent, until).fate, Absent)
            if absent and credit_id in self._deleted:
                self.forget(credit_id)
            else:
                yield credit_id

    def close(self) -> None:
        """Release every connection."""
        while self._ways:
            _, pars = self._ways.pop()
            pars.close()

    def _way(self, profile: ParsProfile) -> Pars:
        for known, pars in self._ways:
            if known == profile:
                return pars
        pars = self._connect(profile)
        self._ways.append((profile, pars))
        return pars

    def _keep_pace(self) -> None:
        now = self.clock.monotonic()
        self.clock.wait(self._never, max(0.0, self._next_at - now))
        self._next_at = max(now, self._next_at) + 1 / self.provider.requests_per_second
