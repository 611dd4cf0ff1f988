"""The decision table: what we have of a credit, by what arrives (design 5). One line, one test."""

from __future__ import annotations

from enum import StrEnum

from consumer.credit import Heard, State


class Nothing(StrEnum):
    """The row that is not there."""

    ABSENT = "absent"


class Alone(StrEnum):
    """A credit being withdrawn, or withdrawn, because no completion led to it any more."""

    WITHDRAWING = "withdrawing_alone"
    WITHDRAWN = "withdrawn_alone"


class Aside(StrEnum):
    """A completion that a person has closed: discarded, not ours, or corrected to another one."""

    SET_ASIDE = "set_aside"


Row = Nothing | Heard | State | Alone | Aside


class Arrival(StrEnum):
    """How what arrives compares with what the row holds."""

    SAME = "same"  # the fact we have, emitted again
    LATER = "later"  # the same fact with a later completion date
    CHANGED = "changed"  # other content, not later
    RETRACTION = "retraction"  # the LMS takes the completion back
    REPLAY = "replay"  # a person asks for it to be judged and sent again
    CORRECTION = "correction"  # a person mended a table or a mapping, and has seen what differs


class Move(StrEnum):
    """What to do about it."""

    WRITE = "write"  # judge it and write the row as it now stands
    DUPLICATE = "duplicate"  # nothing to do, but remember that it was heard
    NOTE = "note"  # the first completion counts: keep the later date as a note
    ADOPT = "adopt"  # take the new facts for the next replay; a person has the row already
    HOLD = "hold"  # it was taken back before: a person decides
    RETRACT = "retract"  # nothing has been sent: take the row back
    REVIEW = "review"  # PARS may have it: a person decides
    RESEND = "resend"  # ask PARS first, then send under the same CreditID
    CORRECT = "correct"  # withdraw, wait for confirmation, add under the next revision


_TABLE = """
                  same       later      changed    retraction replay     correction
absent            write      write      write      retract    write      write
retracted         hold       write      hold       duplicate  write      write
held              duplicate  note       write      retract    write      write
not_reportable    write      write      write      retract    write      write
refused           write      write      write      retract    write      write
set_aside         duplicate  write      write      retract    write      write
ready             duplicate  note       write      retract    write      write
submitting        duplicate  note       review     review     duplicate  correct
submitted         duplicate  note       review     review     duplicate  correct
reported          duplicate  note       review     review     duplicate  review
accepted          duplicate  note       review     review     duplicate  correct
rejected          duplicate  note       adopt      review     correct    correct
attention         duplicate  note       adopt      review     resend     resend
withdrawing       duplicate  note       adopt      duplicate  duplicate  adopt
withdrawn         duplicate  hold       hold       duplicate  resend     hold
withdrawing_alone correct    correct    correct    duplicate  correct    correct
withdrawn_alone   resend     resend     resend     duplicate  resend     resend
"""


def _parse(table: str) -> dict[tuple[str, Arrival], Move]:
    head, *lines = table.strip().splitlines()
    arrivals = [Arrival(word) for word in head.split()]
    return {
        (row, arrival): Move(move)
        for row, *moves in map(str.split, lines)
        for arrival, move in zip(arrivals, moves, strict=True)
    }


DECISIONS = _parse(_TABLE)


def decide(row: Row, arrival: Arrival) -> Move:
    """The one move for this row and this arrival; every pair has one."""
    return DECISIONS[row.value, arrival]
