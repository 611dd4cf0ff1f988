"""Hides what is personal or secret in a text of PARS, so that it can be printed and passed on."""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterator

from consumer.pars.port import Reply
from consumer.pars.profile import ParsProfile
from consumer.participant import BirthDate, Record

_LONGEST = 200
_FORMS = (
    (re.compile(r"ccid:\S+"), "[credit ID]"),
    (re.compile(r"\b\d{1,4}[-/]\d{1,2}(?:[-/]\d{1,4})?\b"), "[date]"),
    # A board ID has six digits, a year four; a status or a quarter of a point has fewer.
    (re.compile(r"\d{4,}"), "[number]"),
)


class Mask:
    """Knows one test learner and one caller by every value that PARS may repeat."""

    def __init__(self, record: Record, profile: ParsProfile) -> None:
        found = {value: name for name, value in _known(record, profile) if value.strip()}
        longest_first = sorted(found, key=len, reverse=True)
        self._names = {value.casefold(): name for value, name in found.items()}
        self._values = re.compile(
            rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE
        )

    def text(self, text: str) -> str:
        """`text` in one line with each such value replaced by its name in brackets."""
        plain = " ".join(text.split())
        masked = self._values.sub(lambda hit: self._named(hit[0]), plain)
        for form, name in _FORMS:
            masked = form.sub(name, masked)
        return masked

    def said(self, reply: Reply) -> str:
        """What PARS answered, in its own words; of what we cannot read, the beginning."""
        spoken = f"{reply.code} {reply.message}".strip()
        if not spoken and not reply.understood:
            spoken = reply.raw.decode("utf-8", "replace")
        masked = self.text(spoken)
        return masked if len(masked) <= _LONGEST else f"{masked[:_LONGEST]}..."

    def _named(self, value: str) -> str:
        return f"[{self._names.get(value.casefold(), 'learner')}]"


def _known(record: Record, profile: ParsProfile) -> Iterator[tuple[str, str]]:
    yield "password", profile.password
    yield "user", profile.user
    yield "board ID", record.board_id
    yield "NPI", record.npi or ""
    for name in (record.given_name, record.family_name):
        for part in (name, *(word for word in name.split() if len(word) > 2)):
            yield "name", part
            yield "name", _plain(part)
    if record.birth_date is not None:
        yield from (("date", text) for text in _spoken(record.birth_date))


def _spoken(born: BirthDate) -> Iterator[str]:
    for month in (calendar.month_name[born.month], calendar.month_abbr[born.month]):
        yield f"{month} {born.day}"
        yield f"{born.day} {month}"


def _plain(name: str) -> str:
    """The name as a system without accents writes it."""
    letters = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
