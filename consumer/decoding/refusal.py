"""How a decoder refuses an event."""

from __future__ import annotations

from typing import NoReturn

from consumer.reason import Reason, Stage, Stopped


def stop(code: str, field: str = "body", detail: str = "") -> NoReturn:
    """Refuse the event at stage `decode`; `detail` holds nothing of the event."""
    raise Stopped(Reason(Stage.DECODE, code, field, detail))
