"""Whether a credit goes to PARS by itself: an activity or a source may be held, or rehearsed."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """How the credits of an activity, or of an LMS, go to PARS."""

    AUTOMATIC = "automatic"  # by themselves
    HOLD = "hold"  # each once a coordinator has released it
    SHADOW = "shadow"  # not at all: everything up to the sending is done, to be looked at


class Subject(StrEnum):
    """What a switch is about."""

    ACTIVITY = "activity"
    SOURCE = "source"


RELEASE_WORDS = {Mode.HOLD: "Waiting for release", Mode.SHADOW: "Rehearsal"}
"""What people read where a ready credit stands still for a person (design 2)."""
