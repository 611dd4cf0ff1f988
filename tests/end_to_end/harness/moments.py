"""The named moments at which a process dies or freezes, and how a child process is told of one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum


class Moment(StrEnum):
    """Where a process is when it is struck; the value is how a plan puts it."""

    MID_BATCH = "a batch half written"
    WRITTEN = "ledger written, offset not committed"
    BEFORE_POST = "credit written down as submitting, request not sent"
    REQUEST_SENT = "request sent, before the answer"
    ANSWERED = "answer there, not written"
    BEFORE_DELETE = "about to ask PARS for a deletion"
    DELETED = "PARS has deleted, not written"
    HALF_PUBLISHED = "outbox half published"
    PUBLISHED = "outbox published, not struck off"
    REBALANCED = "partitions just given out anew"
    COMMANDED = "a person's command half done"
    BACKING_UP = "a backup half written"
    RESTORE_READY = "restore: backup ready, old ledger still in place"
    RESTORE_BETWEEN = "restore: old ledger kept, backup not yet in place"
    RESTORE_DONE = "restore: backup in place, nothing said yet"


class Blow(StrEnum):
    """What the process does to itself at the moment."""

    KILL = "is killed"
    FREEZE = "freezes"
    FREEZE_THEN_DIE = "freezes, and is killed as soon as it has posted after the thaw"


@dataclass(frozen=True, slots=True)
class Spoiling:
    """One moment, the blow, and at which time that the moment comes (1 is the first)."""

    moment: Moment
    blow: Blow
    nth: int = 1

    def __str__(self) -> str:
        time = "" if self.nth == 1 else f" for time {self.nth}"
        return f"{self.blow} at: {self.moment}{time}"

    def packed(self) -> str:
        """As an argument of a command."""
        return json.dumps([self.moment.name, self.blow.name, self.nth])


def unpacked(text: str) -> Spoiling:
    """What `packed` said."""
    moment, blow, nth = json.loads(text)
    return Spoiling(Moment[moment], Blow[blow], nth)
