"""What was purged, as the desk tells it: when, and that nothing can be done with it any more."""

from __future__ import annotations

from datetime import datetime


def purged_on(at: datetime) -> str:
    """Why nobody's name stands there, as a sentence."""
    return f"purged on {at:%Y-%m-%d}: nothing of the learner is kept"
