"""After a restore: whether PARS has a credit, under this or a later revision or by four fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from consumer.fate import Absent, StatusFate
from consumer.ledger.attempt import Attempt
from consumer.ledger.claims import Claim
from consumer.pars.port import Pars
from consumer.pars.verdicts import fate_of_status, revisions_shown
from consumer.participant import Record
from consumer.reason import Stopped

LATER = 3
"""How many revisions beyond the one we know of are asked about by their CreditIDs.

They show what the four fields do not: a correction of the day or of the activity.
"""


def search(pars: Pars, claim: Claim) -> tuple[StatusFate, Attempt]:
    """The first answer that is not "not found", else that; questions as few as possible."""
    answers = _answers(pars, claim)
    last = next(answers)
    while isinstance(last[0], Absent) and (more := next(answers, None)):
        last = more
    return last


def _answers(pars: Pars, claim: Claim) -> Iterator[tuple[StatusFate, Attempt]]:
    yield _by_id(pars, claim.credit_id)
    for record in dict.fromkeys((claim.sent, claim.record)):
        try:
            yield _by_learner(pars, claim, record)
        except Stopped:
            continue  # without a birth date the revisions alone can be asked about
    stem, _, known = claim.credit_id.rpartition("-r")
    if known.isdecimal():
        for revision in range(int(known) + 1, int(known) + 1 + LATER):
            yield _by_id(pars, f"{stem}-r{revision}")


def _by_id(pars: Pars, credit_id: str) -> tuple[StatusFate, Attempt]:
    reply = pars.status(credit_id)
    fate = fate_of_status(reply, credit_id)
    return fate, Attempt.of("ask", reply, fate, credit_id)


def _by_learner(pars: Pars, claim: Claim, record: Record) -> tuple[StatusFate, Attempt]:
    """What PARS has of this learner, activity and day that may be this credit.

    What came under an ID of PARS's own is only looked at where a file may have brought it.
    """
    reply = pars.status_by_learner(record)
    if not claim.among:
        reply = replace(reply, credits=revisions_shown(reply.credits, claim.credit_id))
    fate = fate_of_status(reply, claim.credit_id, claim.among or 1)
    return fate, Attempt.of("ask", reply, fate, claim.credit_id)
