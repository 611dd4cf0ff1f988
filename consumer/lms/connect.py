"""Opens the way to an LMS that the settings name."""

from __future__ import annotations

from pathlib import Path

from consumer.lms.account import LmsRefused
from consumer.lms.moodle import Moodle
from consumer.settings.lms import LmsSettings


def connect_lms(settings: LmsSettings) -> Moodle:
    """A client of this LMS. Raises LmsRefused while there is no token."""
    return Moodle(settings.url, read_token(settings.token_file), settings.timeout_seconds)


def read_token(file: Path) -> str:
    """What stands in a file that holds a token alone. Raises LmsRefused."""
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise LmsRefused("its token_file cannot be read") from None
    if not token:
        raise LmsRefused("its token_file is empty")
    return token
