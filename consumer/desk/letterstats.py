"""Dead letters counted: why, from which LMS, how old, how often they went round."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from sqlalchemy import select

from consumer.desk.deadletters import Shown
from consumer.desk.letterfilter import UNRECOGNISED, LetterFilter, lines
from consumer.desk.words import advice
from consumer.ledger.ledger import Ledger
from consumer.reason import unpack_reasons

_AGES = ((1, "under a day"), (7, "under a week"), (30, "under 30 days"))
_OLDER = "30 days and older"
_ROUNDS = {0: "never", 1: "once", 2: "twice"}
_ALL = 1_000_000


def letter_stats(ledger: Ledger, wanted: LetterFilter, now: datetime) -> list[Shown]:
    """How many of these letters there are by reason, source, age and replays, most first.

    Age counts from the first failure.
    """
    found: dict[str, Counter[str]] = {
        name: Counter() for name in ("reason", "source", "age", "replays")
    }
    happened: dict[str, str] = {}
    with ledger.read() as db:
        chosen = lines(wanted).limit(_ALL).subquery().c
        query = select(chosen.reasons, chosen.source, chosen.first_failed_at, chosen.replays)
        for row in db.execute(query):
            reason = unpack_reasons(row.reasons)[0]
            happened[reason.code] = advice(reason).happened
            found["reason"][reason.code] += 1
            found["source"][row.source or UNRECOGNISED] += 1
            found["age"][_age(now - row.first_failed_at)] += 1
            found["replays"][_ROUNDS.get(row.replays, "three times or more")] += 1
    return [
        {"by": by, "what": what, "letters": count, "what_happened": happened.get(what, "")}
        for by, counts in found.items()
        for what, count in counts.most_common()
    ]


def _age(age: timedelta) -> str:
    return next((words for days, words in _AGES if age < timedelta(days)), _OLDER)
