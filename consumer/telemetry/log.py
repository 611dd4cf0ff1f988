"""Logs: facts in the past tense, and only keys that are declared here (design 10)."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, TextIO

import structlog

from consumer.pars.word import SEALED, is_plain
from consumer.telemetry.logevents import KEYS
from consumer.telemetry.seldom import Seldom

ALLOWED = KEYS
"""Keys that may be logged: coordinates, codes and counts, never contents."""


def allow_listed(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The event without any key that is not declared above."""
    return {key: value for key, value in event.items() if key in ALLOWED}


def plain_words(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """The event; a word of PARS's only if nothing personal can stand in it."""
    if "word" in event and not is_plain(str(event["word"])):
        event["word"] = SEALED
    return event


def configure_logging(level: str, *, as_json: bool, stream: TextIO | None = None) -> None:
    """Send our logs, and warnings of libraries without their text, to `stream` (stderr)."""
    out = _Steadfast(stream or sys.stderr)
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=out.isatty())
    )
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            allow_listed,
            plain_words,
            Seldom(time.monotonic),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )
    _quiet_libraries()


class _Steadfast:
    """What nobody can write down any more, on a full disk, must not stop what it tells of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write, or lose, this text."""
        with suppress(OSError, ValueError):  # a full disk, a reader that went away; closed
            self._stream.write(text)

    def flush(self) -> None:
        """Bring what was written to its reader, if that can be done."""
        with suppress(OSError, ValueError):
            self._stream.flush()

    def isatty(self) -> bool:
        """Whether a person reads along."""
        return self._stream.isatty()


def _quiet_libraries() -> None:
    """Libraries log what they handle, such as URLs and payloads: only that they warned passes."""
    root = logging.getLogger()
    root.handlers = [_Counted()]
    root.setLevel(logging.WARNING)


class _Counted(logging.Handler):
    """Tells which library warned; its text stays out, since it may repeat what it handled."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.warning("library.warned", where=record.name, state=record.levelname.lower())
