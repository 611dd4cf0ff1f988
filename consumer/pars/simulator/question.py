"""What PARS can be asked about learners, whatever the language it was asked in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from consumer.pars.document import UniqueID


class NotValid(Exception):
    """The request is not what our schemas describe; the text names the rule."""


@dataclass(frozen=True, slots=True)
class LearnerQuestion:
    """GetLearnerStatusByLearner: four fields together (dossier 3.1).

    `domain` is "" when the question does not say whose number it is, as in JSON.
    """

    activity_id: str
    birth_date: str
    completed_on: date
    number: str
    domain: str = ""

    def names(self, unique_id: UniqueID) -> bool:
        """Whether the learner is asked for by this number."""
        return unique_id.value == self.number and self.domain in ("", unique_id.domain)


@dataclass(frozen=True, slots=True)
class MatchQuestion:
    """GetLearnerMatch: who the learner says to be (dossier 3.6, fields are ours)."""

    given_name: str
    family_name: str
    birth_date: str | None
    unique_id: UniqueID
