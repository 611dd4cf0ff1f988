"""An LMS's account of a learner, and what the learners table makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from consumer.board import Boards
from consumer.tables.day import DayReader, Wrong
from consumer.tables.kind import LEARNERS
from consumer.tables.value import YES, Values


class LmsAway(Exception):
    """The LMS does not answer, or asks for patience: later by itself. Quotes nothing."""


class LmsRefused(Exception):
    """A person must put something right in the LMS or in the settings. Quotes nothing.

    `code` is the LMS's own word for it, where it has one.
    """

    def __init__(self, why: str, code: str = "") -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Account:
    """What an LMS said of one user; `fields` are its own profile fields by their short names."""

    learner: str
    given_name: str
    family_name: str
    email: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fields:
    """Which profile field holds what; blank: none. `zone` is for dates kept as seconds."""

    board: str
    board_id: str
    birth_date: str = ""
    npi: str = ""
    consent: str = ""
    zone: tzinfo = UTC


def row_of(
    account: Account, site: str, fields: Fields, boards: Boards, today: date
) -> dict[str, str]:
    """The account as a row of the learners table; what is not certain stays blank, and waits.

    `consent_on` is the day on which the LMS said so.
    """
    values = Values(boards, typed=True, days=DayReader(today))

    def read(column: str, text: str) -> str:
        try:
            return values.read(column, text, 1, fields.board)
        except Wrong:
            return ""

    own = account.fields
    consent = read("consent", own.get(fields.consent, ""))
    return dict.fromkeys(LEARNERS.columns, "") | {
        "site": site,
        "learner": account.learner,
        "given_name": read("given_name", account.given_name),
        "family_name": read("family_name", account.family_name),
        "email": read("email", account.email),
        "birth_date": read("birth_date", _day(own.get(fields.birth_date, ""), fields.zone)),
        "board": fields.board,
        "board_id": read("board_id", own.get(fields.board_id, "")),
        "npi": read("npi", own.get(fields.npi, "")),
        "consent": "yes" if consent.casefold() in YES else consent,
        "consent_on": today.isoformat(),
        "consent_how": "as the LMS says",
    }


def _day(text: str, zone: tzinfo) -> str:
    """A date field's seconds since 1970, at midnight of the LMS's own time, as a date.

    Month and day, or a whole date, stay as they were typed; few seconds are no date of birth.
    """
    bare = text.strip()
    if not (bare.lstrip("-").isdigit() and bare.isascii()) or len(bare.lstrip("-")) < 6:
        return bare
    try:
        return datetime.fromtimestamp(int(bare), UTC).astimezone(zone).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return bare
