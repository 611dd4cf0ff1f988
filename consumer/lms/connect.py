"""Opens the way to an LMS that the settings name."""

from __future__ import annotations

from consumer.lms.account import LmsRefused
from consumer.lms.moodle import Moodle
from consumer.settings.lms import LmsSettings


def connect_lms(settings: LmsSettings) -> Moodle:
    """A client of this LMS. Raises LmsRefused while there is no token."""
    try:
        token = settings.token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise LmsRefused("its token_file cannot be read") from None
    if not token:
        raise LmsRefused("its token_file is empty")
    return Moodle(settings.url, token, settings.timeout_seconds)
