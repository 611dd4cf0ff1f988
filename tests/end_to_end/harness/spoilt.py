"""Spoils one moment of the program in this process: it dies there, or freezes."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

import consumer.service
from consumer.bus.connect import Bus
from consumer.bus.port import Listener, Message, Outgoing, Partition, Publisher, Remembered
from consumer.desk import restoring
from consumer.ledger import backup, outbox
from consumer.ledger.ledger import Ledger
from consumer.pars.port import Action, Pars, Reply
from consumer.participant import Record
from consumer.parts import Parts
from tests.end_to_end.harness.moments import Blow, Moment, Spoiling

_SENT = "http11.send_request_body.complete"
_OPENING = 2
"""So many transactions open a ledger, before what a person commanded is written."""


class Striker:
    """Strikes this process when the moment has come often enough; once."""

    def __init__(self, spoiling: Spoiling) -> None:
        self.moment, self._blow = spoiling.moment, spoiling.blow
        self._nth, self._came = spoiling.nth, itertools.count(1)
        self._lock = threading.Lock()
        self.dies_next = False

    def reached(self, moment: Moment) -> None:
        """The process is at this moment now."""
        if moment is self.moment:
            with self._lock:
                if next(self._came) == self._nth:
                    self._strike()

    def posted(self) -> None:
        """A post has been answered; who was to die of that, does."""
        if self.dies_next:
            os.kill(os.getpid(), signal.SIGKILL)

    def _strike(self) -> None:
        if self._blow is Blow.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        self.dies_next = self._blow is Blow.FREEZE_THEN_DIE
        os.kill(os.getpid(), signal.SIGSTOP)


class _Pars:
    """A way to PARS that says how far each request is."""

    def __init__(self, striker: Striker, inner: Pars) -> None:
        self._striker, self._inner = striker, inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def save(self, record: Record, credit_id: str, action: Action) -> Reply:
        adds = action is Action.ADD
        self._striker.reached(Moment.BEFORE_POST if adds else Moment.BEFORE_DELETE)
        with _traced(self._striker if adds else None):
            reply = self._inner.save(record, credit_id, action)
        if adds:
            self._striker.posted()
        self._striker.reached(Moment.ANSWERED if adds else Moment.DELETED)
        return reply


_tracing = threading.local()


@contextmanager
def _traced(striker: Striker | None) -> Iterator[None]:
    _tracing.striker = striker
    try:
        yield
    finally:
        _tracing.striker = None


class _Listener:
    """Hears as usual; knows when it has got other partitions, and when it is about to commit."""

    def __init__(self, striker: Striker, inner: Listener) -> None:
        self._striker, self._inner = striker, inner
        self._member: object = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def poll(self, limit: int, timeout_seconds: float) -> list[Message]:
        heard = self._inner.poll(limit, timeout_seconds)
        member = getattr(self._inner, "_membership", None)
        if member != self._member:
            self._member = member
            self._striker.reached(Moment.REBALANCED)
        return heard

    def commit(self, positions: Mapping[Partition, int]) -> None:
        self._striker.reached(Moment.WRITTEN)
        self._inner.commit(positions)


class _Publisher:
    """Publishes in two halves."""

    def __init__(self, striker: Striker, inner: Publisher) -> None:
        self._striker, self._inner = striker, inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def publish(self, messages: Sequence[Outgoing]) -> None:
        if self._striker.moment is Moment.HALF_PUBLISHED and len(messages) > 1:
            half = len(messages) // 2
            self._inner.publish(messages[:half])
            self._striker.reached(Moment.HALF_PUBLISHED)
            messages = messages[half:]
        self._inner.publish(messages)


def spoil(striker: Striker) -> None:
    """Have the program's own parts say where they are."""
    _spoil_pars(striker)
    _spoil_bus(striker)
    _spoil_ledger(striker)
    _before(restoring, "_keep", lambda: striker.reached(Moment.RESTORE_READY))
    _after(restoring, "_keep", lambda: striker.reached(Moment.RESTORE_BETWEEN))
    _after(restoring, "_remove", _second_time(lambda: striker.reached(Moment.RESTORE_DONE)))
    _before(backup, "sync", lambda: striker.reached(Moment.BACKING_UP))
    _before(outbox, "drop", lambda: striker.reached(Moment.PUBLISHED))


def _spoil_pars(striker: Striker) -> None:
    way, send = Parts.pars, httpx.Client.send

    def pars(self: Parts, *args: Any, **more: Any) -> Any:
        return _Pars(striker, way(self, *args, **more))

    def traced(self: httpx.Client, request: httpx.Request, **more: Any) -> httpx.Response:
        request.extensions = {**request.extensions, "trace": _tell}
        return send(self, request, **more)

    Parts.pars = pars  # type: ignore[method-assign]
    httpx.Client.send = traced  # type: ignore[method-assign]


def _tell(event: str, _info: object) -> None:
    striker = getattr(_tracing, "striker", None)
    if event == _SENT and striker is not None:
        striker.reached(Moment.REQUEST_SENT)


def _spoil_bus(striker: Striker) -> None:
    class Spoilt(Bus):
        def listen(self, remembered: Remembered) -> Listener:
            return _Listener(striker, super().listen(remembered))

        def publisher(self) -> Publisher:
            return _Publisher(striker, super().publisher())

    consumer.service.Bus = Spoilt  # type: ignore[misc]


def _spoil_ledger(striker: Striker) -> None:
    """A transaction in which everything is written, and which is not committed yet."""
    begin, by_command = Ledger.begin, itertools.count(1)
    at = {"intake": Moment.MID_BATCH, "MainThread": Moment.COMMANDED}

    @contextmanager
    def spoilt(self: Ledger) -> Iterator[Any]:
        with begin(self) as db:
            yield db
            moment = at.get(threading.current_thread().name)
            opening = moment is Moment.COMMANDED and next(by_command) <= _OPENING
            if moment and not opening:
                striker.reached(moment)

    Ledger.begin = spoilt  # type: ignore[method-assign,assignment]


def _second_time(tell: Callable[[], None]) -> Callable[[], None]:
    times = itertools.count(1)
    return lambda: tell() if next(times) > 1 else None


def _before(module: Any, name: str, tell: Callable[[], None]) -> None:
    known = getattr(module, name)

    def told(*args: Any, **more: Any) -> Any:
        tell()
        return known(*args, **more)

    setattr(module, name, told)


def _after(module: Any, name: str, tell: Callable[[], None]) -> None:
    known = getattr(module, name)

    def told(*args: Any, **more: Any) -> Any:
        done = known(*args, **more)
        tell()
        return done

    setattr(module, name, told)
