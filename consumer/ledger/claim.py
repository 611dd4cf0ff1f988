"""What a sender has in hand: a credit leased to it, and what it makes of that credit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from consumer.credit import State
from consumer.ledger.attempt import Attempt, NewWord
from consumer.participant import Record
from consumer.reason import Reason


@dataclass(frozen=True, slots=True)
class Claim:
    """One credit, ours alone until the lease ends; the fence tells a stale hand from the new.

    `among` is 0 for one that PARS has under our CreditID. One that a file without CreditIDs
    reported is asked about by four fields, which fit so many credits of ours. `restored`: since
    the backup that this ledger was put back from, PARS may have got it, or a later revision.
    `overtaken_at`: whoever was to send it lost it then, and may post it still, once thawed.
    `since`: when it became a credit. `traces`: those of its events, where spans are made.
    """

    row: int
    fence: int
    lease_until: datetime
    profile: str
    state: State
    ask: bool
    credit_id: str
    revision: int
    record: Record
    sent: Record
    resend: bool
    accepted_too: bool
    reasons: tuple[Reason, ...]
    tries: int
    absent_at: datetime | None
    first_try_at: datetime | None
    last_try_at: datetime | None
    submitted_at: datetime | None
    among: int = 0
    restored: bool = False
    overtaken_at: datetime | None = None
    since: datetime | None = None
    traces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one claim came to: the row's new values, and what people are told."""

    claim: Claim
    state: State
    values: Mapping[str, object] = field(default_factory=dict)
    refused: tuple[Reason, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    posted: bool = False


@dataclass(frozen=True, slots=True)
class Settled:
    """How many claims were not stale; the words of PARS heard for the first time.

    `heard`: by which events each credit was heard of, of which outcomes were told, by its row.
    """

    written: int
    words: tuple[NewWord, ...]
    heard: Mapping[int, Sequence[Mapping[str, str | int]]] = field(default_factory=dict)
