"""The people of the office: they take back, answer and replay as the story wants it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from consumer.desk.answering import MEANINGS
from consumer.keys import load_keys
from consumer.ledger.seal import Seal
from tests.end_to_end.harness.crew import Place
from tests.end_to_end.harness.moments import Spoiling
from tests.end_to_end.harness.story import Thread

WHY = ("--why", "as the story wants it")
_CREDITS = """
SELECT id, credit_id, state, resend, record,
 (SELECT max(completion_id) FROM completion_credits l WHERE l.credit_id = credits.id AND l.stands)
FROM credits ORDER BY id
"""
_LETTERS = """
SELECT letters.id, letters.status, letters.reasons, said FROM letters
JOIN completions ON completions.id = letters.completion_id
"""


@dataclass(frozen=True, slots=True)
class Credit:
    """One credit as the ledger has it; `name` is what commands call it."""

    name: str
    going: bool
    key: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter about something that a learner's LMS said."""

    letter_id: str
    status: str
    code: str
    account: int

    @property
    def asks(self) -> bool:
        """Whether it asks a person to decide."""
        return self.code in MEANINGS


class Desk:
    """What people see in the ledger, and the commands they give."""

    def __init__(self, place: Place, threads: Sequence[Thread]) -> None:
        self._place, self._threads = place, threads

    @cached_property
    def _seal(self) -> Seal:
        return load_keys(self._place.settings.keys_path, ledger_exists=True)[0].seal

    def credits(self) -> dict[tuple[str, str], Credit]:
        """Credits by board ID and activity."""
        found = {}
        for _, credit_id, state, resend, sealed, completion in self._place.ledger(_CREDITS):
            record = self._seal.open_record(bytes(sealed))
            going = state == "withdrawn" or (state == "withdrawing" and not resend)
            key = (record.board_id, record.pars_activity_id)
            found[key] = Credit(credit_id or f"c{completion}", going, key)
        return found

    def letters(self) -> list[Letter]:
        """Every letter about a completion, settled ones too."""
        return [
            Letter(number, status, json.loads(reasons)[0]["code"], int(said.learner))
            for number, status, reasons, sealed in self._place.ledger(_LETTERS)
            for said in [self._seal.open_said(bytes(sealed))]
        ]

    def withdraw(self, thread: Thread) -> bool:
        """Take one credit back; whether it is going now."""
        credit = self.credits().get(thread.key)
        if credit is None:
            return False
        if not credit.going:
            thread.unasked = False
            self._place.command("credit", "withdraw", credit.name, "--yes", *WHY)
            credit = self.credits().get(thread.key)
        return credit is not None and credit.going

    def tidy(self, spoiling: Spoiling | None = None, *, restored: bool = False) -> bool:
        """Go once through what is open; whether there was anything to do.

        Decisions are taken once; only a ledger that was `restored` may have forgotten them.
        """
        commands = [one for one in self._commands(restored=restored) if one]
        for number, words in enumerate(commands):
            self._place.command(*words, spoiling=spoiling if number == 0 else None)
        return bool(commands)

    def _commands(self, *, restored: bool) -> list[tuple[str, ...]]:
        open_ = [letter for letter in self.letters() if letter.status == "open"]
        of = {account: thread for thread in self._threads for account in thread.accounts}
        staying = [one for one in open_ if of[one.account].stays]
        leaving = [one for one in open_ if not of[one.account].stays and one.asks]
        agreed = [one for one in staying if one.asks] + leaving
        for letter in agreed:
            of[letter.account].unasked = False
        replayed = [one for one in staying if not one.asks]
        return [
            _words("deadletter", "agree", [one.letter_id for one in agreed]),
            _words("deadletter", "replay", [one.letter_id for one in replayed]),
            self._taking_back({of[one.account].key for one in leaving}) if restored else (),
        ]

    def _taking_back(self, answered: set[tuple[str, str]]) -> tuple[str, ...]:
        """Of what should be gone by now: what no question is open about."""
        credits_, names = self.credits(), []
        for thread in self._threads:
            credit = credits_.get(thread.key)
            waits = thread.stays or thread.acts or thread.key in answered
            if credit is None or credit.going or waits:
                continue
            thread.unasked = False
            names.append(credit.name)
        return _words("credit", "withdraw", names)


def _words(group: str, verb: str, names: Sequence[str]) -> tuple[str, ...]:
    return (group, verb, *names, "--yes", *WHY) if names else ()
