"""Waiting for something to become true, with a deadline and without a bare sleep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_SECONDS = 0.05


def until(found: Callable[[], T], seconds: float, what: str) -> T:
    """The first true value of `found`; fails when none came in time."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (value := found()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        pause.wait(LOOK_SECONDS)
    return value
