"""One row of a report that a person uploads: whose credit, and whether it comes or goes."""

from __future__ import annotations

from dataclasses import dataclass, field

from consumer.pars.port import Action
from consumer.participant import Record


@dataclass(frozen=True, slots=True)
class Entry:
    """What the web service would be sent in one request."""

    record: Record = field(repr=False)
    action: Action
    credit_id: str
