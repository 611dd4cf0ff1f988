"""Sessions that were ended before their time, remembered in the ledger for all its processes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from sqlalchemy import Connection

from consumer.clock import Clock
from consumer.console.session import Session
from consumer.ledger.ledger import Ledger, get_fact, set_fact

_NAME = "console.ended."


@dataclass(slots=True)
class _Ended:
    """Of one user: all sessions that began before a time, and single ones by number."""

    before: float = 0.0
    numbers: dict[str, float] = field(default_factory=dict)


class Endings:
    """What makes signing out final: a copy of the cookie is worth nothing afterwards."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger, self._clock = ledger, clock

    def has_ended(self, session: Session) -> bool:
        """Whether somebody signed out of it, or everywhere since. Raises LedgerUnavailable."""
        with self._ledger.read() as db:
            ended = self._ended(db, session)
        return session.began_at < ended.before or session.number in ended.numbers

    def end(self, db: Connection, session: Session, until: float) -> None:
        """Nobody comes in by this session again; `until` is when it would end by itself."""
        ended = self._ended(db, session)
        now = self._clock.now().timestamp()
        ended.numbers = {number: at for number, at in ended.numbers.items() if at > now}
        ended.numbers[session.number] = until
        self._put(db, session, ended)

    def end_all(self, db: Connection, session: Session) -> None:
        """Nobody comes in by any session of this user that began until now."""
        self._put(db, session, _Ended(before=self._clock.now().timestamp()))

    def _ended(self, db: Connection, session: Session) -> _Ended:
        told = get_fact(db, self._key(session))
        return _Ended(**json.loads(told)) if told else _Ended()

    def _put(self, db: Connection, session: Session, ended: _Ended) -> None:
        value = json.dumps({"before": ended.before, "numbers": ended.numbers})
        set_fact(db, self._key(session), value)

    def _key(self, session: Session) -> str:
        who = self._ledger.identity.digest("console user", session.way, session.name)
        return _NAME + who[:32]
