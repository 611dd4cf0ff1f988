"""What waits for a choice that only ACCME or the office can make: a setting, and its values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from consumer.candidate import Reporter, YearPolicy
from consumer.credit import Heard
from consumer.desk.deadletters import Shown
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completions
from consumer.tables.activities import Activities


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting of a provider profile that decides what becomes of those held with `code`.

    While it is `holds` nobody has chosen; what is held all the same waits for something else.
    """

    code: str
    setting: str
    values: tuple[str, ...]
    holds: str
    now: Callable[[Reporter], str]
    next_step: str


CHOICES = (
    Choice(
        "no_birth_year",
        "without_birth_year",
        tuple(policy.value for policy in YearPolicy),
        YearPolicy.HOLD.value,
        lambda profile: profile.without_birth_year.value,
        "ask ACCME what to send where a learner gave month and day only, set it and start anew;"
        " or add the year to learners.csv",  # dossier 2.3 and question 8
    ),
)


def waiting_for_choices(
    ledger: Ledger, activities: Activities, profiles: Mapping[str, Reporter]
) -> list[Shown]:
    """One row for each setting that completions wait for: its name, its values, how many, since.

    A completion whose course belongs to several profiles counts for each of them.
    """
    return [row for choice in CHOICES for row in _waiting(ledger, activities, profiles, choice)]


def _waiting(
    ledger: Ledger, activities: Activities, profiles: Mapping[str, Reporter], choice: Choice
) -> list[Shown]:
    c = completions.c
    held = (
        select(c.site, c.course, func.count().label("records"), func.min(c.heard_at).label("since"))
        # One that a board credits may still wait for another board.
        .where(c.state.in_((Heard.HELD, Heard.CREDITED)))
        .where(c.reasons.contains(f'"code":"{choice.code}"'))
        .group_by(c.site, c.course)
    )
    counts: Counter[str] = Counter()
    since: dict[str, datetime] = {}
    with ledger.read() as db:
        for row in db.execute(held):
            for name in {one.profile for one in activities.find(row.site, row.course) if one.ours}:
                counts[name] += row.records
                since[name] = min(row.since, since.get(name, row.since))
    return [
        {
            "setting": f"profiles.{name}.{choice.setting}",
            "is": choice.now(profiles[name]),
            "values": ", ".join(choice.values),
            "records": count,
            "since": since[name].isoformat(timespec="seconds"),
            "next_step": choice.next_step,
        }
        for name, count in sorted(counts.items())
        if choice.now(profiles[name]) == choice.holds
    ]
