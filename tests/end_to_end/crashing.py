"""The service with one moment of it spoilt: `python crashing.py MOMENT`, settings as for `run`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from consumer.bus.connect import Bus
from consumer.bus.port import Listener, Partition, Publisher, Remembered
from consumer.clock import SystemClock
from consumer.event import Envelope
from consumer.mapping.catalogue import Catalogue
from consumer.pars.port import Action, Pars, Reply
from consumer.participant import Record
from consumer.parts import Parts, gather, open_service_ledger
from consumer.service import Service
from consumer.settings import load_settings
from consumer.telemetry.log import configure_logging


class Moment(StrEnum):
    """What goes wrong, the first time it could."""

    BEFORE_COMMIT = "before_commit"  # killed: the ledger has the batch, the bus does not know yet
    BEFORE_POST = "before_post"  # killed: `submitting` is written, nothing has left
    AFTER_POST = "after_post"  # killed: PARS has it and said so, the ledger does not know yet
    CORE_RAISES = "core_raises"  # the journey raises what nobody foresaw, quoting the event
    SHELL_RAISES = "shell_raises"  # a pump does


def die() -> None:
    """As if the power had gone: no handler, no clean-up."""
    os.kill(os.getpid(), signal.SIGKILL)


class _Listener:
    """Hears as usual, and dies where it should say what it has heard."""

    def __init__(self, inner: Listener) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def commit(self, positions: Mapping[Partition, int]) -> None:
        die()


class _Publisher:
    """Raises what it was to publish."""

    def publish(self, messages: object) -> None:
        raise RuntimeError(f"could not publish {messages}")

    def close(self) -> None:
        pass


class _Bus(Bus):
    def __init__(self, moment: Moment, *given: Any) -> None:
        super().__init__(*given)
        self._moment = moment

    def listen(self, remembered: Remembered) -> Listener:
        listener = super().listen(remembered)
        return _Listener(listener) if self._moment is Moment.BEFORE_COMMIT else listener

    def publisher(self) -> Publisher:
        return _Publisher() if self._moment is Moment.SHELL_RAISES else super().publisher()


class _Pars:
    """Dies on one side of the post or the other."""

    def __init__(self, moment: Moment, inner: Pars) -> None:
        self._moment, self._inner = moment, inner

    def save(self, record: Record, credit_id: str, action: Action) -> Reply:
        if self._moment is Moment.BEFORE_POST:
            die()
        reply = self._inner.save(record, credit_id, action)
        if self._moment is Moment.AFTER_POST:
            die()
        return reply

    def status(self, credit_id: str) -> Reply:
        return self._inner.status(credit_id)

    def status_by_learner(self, record: Record) -> Reply:
        return self._inner.status_by_learner(record)

    def match(self, record: Record) -> Reply:
        return self._inner.match(record)

    def close(self) -> None:
        self._inner.close()


class _Catalogue(Catalogue):
    """Recognises nothing, and quotes what it did not recognise."""

    def __init__(self, inner: Catalogue) -> None:
        super().__init__(inner.mappings, inner.version, inner.meanings)

    def events(self, envelope: Envelope) -> Any:
        raise RuntimeError(f"what is {envelope}?")


def service(moment: Moment) -> Service:
    """What `moc-consumer run` would run, but for the moment."""
    settings = load_settings(Path(os.environ["MOC_CONFIG"]))
    configure_logging(settings.log.level, as_json=True)
    parts: Parts = gather(settings, SystemClock())
    if moment is Moment.CORE_RAISES:
        parts = replace(parts, catalogue=_Catalogue(parts.catalogue))
    bus = _Bus(moment, settings)
    ledger = open_service_ledger(settings)
    return Service(parts, ledger, bus, lambda profile: _Pars(moment, parts.pars(profile)))


def main() -> None:
    """Run until SIGTERM, or until the moment."""
    spoilt = service(Moment(sys.argv[1]))
    signal.signal(signal.SIGTERM, lambda *_: spoilt.stop.set())
    os._exit(0 if spoilt.run() else 1)


if __name__ == "__main__":
    main()
