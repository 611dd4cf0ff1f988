"""What the service needs of PARS, whatever the transport."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from consumer.pars.registered import Registered
from consumer.pars.value import Value
from consumer.participant import Record


class Action(StrEnum):
    """`LearnerRecordAction` of a report (dossier 2.1, row 21)."""

    ADD = "add"
    DELETE = "delete"


class Broke(StrEnum):
    """Where a request broke before an answer was whole."""

    NOT_SENT = "not_sent"  # no byte of the request left: name, route, refused, connect timeout
    CUT = "cut"  # it may have arrived: read or write timeout, reset, half an answer
    TLS = "tls"  # the other side is not who it should be, or speaks no TLS we accept


@dataclass(frozen=True, slots=True)
class ActivityNumber:
    """What an activity is asked for by: a catalog of its identifiers, and the number in it."""

    catalog: str
    value: str


@dataclass(frozen=True, slots=True)
class CreditStatus:
    """One record as PARS's status service shows it; the texts are PARS's own, unjudged."""

    credit_id: str
    status: str
    reason: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request, before the fate table has judged it.

    `message` and `raw` may repeat personal data: they go into sealed columns only. `raw` is the
    answer as it came, at most the profile's answer limit; a status PARS uses stands in `credits`
    unchanged, whether or not the table knows the word.
    """

    status: int | None = None
    broke: Broke | None = None
    code: str = ""
    message: str = field(default="", repr=False)
    retry_after_seconds: float | None = None
    understood: bool = False
    credits: tuple[CreditStatus, ...] = ()
    activities: tuple[Registered, ...] = ()
    raw: bytes = field(default=b"", repr=False)


class Pars(Protocol):
    """One thread's way to PARS for one provider profile. Never raises for what the network does."""

    def save(self, record: Record, credit_id: str, action: Action) -> Reply:
        """Report (or withdraw) one credit: SaveLearnerActivity, one report per request.

        Raises Stopped when the document does not satisfy our schema: nothing was sent then.
        """
        ...

    def status(self, credit_id: str) -> Reply:
        """What PARS knows of this credit: GetLearnerStatusByCreditId."""
        ...

    def status_by_learner(self, record: Record) -> Reply:
        """Every credit of this learner in this activity that day, whatever its CreditID.

        Raises Stopped when the record lacks what the question needs, a birth date for one.
        """
        ...

    def match(self, record: Record) -> Reply:
        """Whether the board knows the learner: `code` Match or NoMatch.

        `code` is "not_supported", nothing was sent, where a transport has no such question.
        """
        ...

    def activity(self, number: ActivityNumber) -> Reply:
        """What PARS has registered under this number: GetActivity.

        Raises Stopped when it is no such number.
        """
        ...

    def register(self, document: Value) -> Reply:
        """Add, change or delete one activity: SaveActivity, one activity per request.

        Raises Stopped when the document does not satisfy our schema: nothing was sent then.
        """
        ...

    def close(self) -> None:
        """Release the connection."""
        ...
