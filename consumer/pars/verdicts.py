"""What an answer of PARS makes of a record: the fate table, read from the top (dossier section 4).

No text of PARS ever gets into a Reason: it may repeat personal data.
"""

from __future__ import annotations

import re
from dataclasses import replace

from consumer.fate import (
    Absent,
    Answered,
    Done,
    Doubtful,
    Found,
    QuestionFate,
    Refused,
    Retry,
    SendFate,
    StatusFate,
    StopLine,
    Unclear,
    Verdict,
)
from consumer.pars.port import Broke, CreditStatus, Reply
from consumer.pars.symptoms import (
    BOARD,
    BOARD_ELSE,
    SAVE,
    SAVE_ELSE,
    STATUS,
    STATUS_ELSE,
    WORDS,
    Move,
    Row,
)
from consumer.reason import Reason, Stage


def fate_of_save(reply: Reply) -> SendFate:
    """What the answer to SaveLearnerActivity makes of the record."""
    row = row_for(reply, SAVE, SAVE_ELSE)
    reason = _reason(row, reply)
    match row.move:
        case Move.DONE:
            return Done()
        case Move.RETRY | Move.RETRY_UNSENT:
            return Retry(reason, reply.retry_after_seconds, row.move is Move.RETRY)
        case Move.REFUSE:
            return Refused((reason,))
        case Move.STOP:
            return StopLine(reason)
    return Unclear(reason)


def fate_of_status(reply: Reply, credit_id: str, among: int = 0) -> StatusFate:
    """What the answer to a status question says about this credit.

    An unknown status string is Found with Verdict.UNKNOWN: keep the raw answer, tell someone.
    `among` is 0 when it was asked by CreditID; by the four fields, how many credits of ours they
    fit that PARS may hold under CreditIDs of its own.
    """
    row = row_for(reply, STATUS, STATUS_ELSE)
    reason = _reason(row, reply)
    match row.move:
        case Move.READ if among:
            return _read_strangers(reply.credits, credit_id, among)
        case Move.READ:
            return _read(reply.credits, credit_id)
        case Move.ABSENT:
            return Absent()
        case Move.STOP:
            return StopLine(reason)
    return Retry(reason, reply.retry_after_seconds)


def fate_of_question(reply: Reply) -> QuestionFate:
    """What the answer to GetActivity or GetLearnerMatch is worth: the status question's table."""
    row = row_for(reply, STATUS, STATUS_ELSE)
    match row.move:
        case Move.READ:
            return Answered()
        case Move.ABSENT:
            return Absent()
        case Move.STOP:
            return StopLine(_reason(row, reply))
    return Retry(_reason(row, reply), reply.retry_after_seconds)


def credits_shown(reply: Reply) -> tuple[CreditStatus, ...] | Retry | StopLine:
    """What the answer to a question by learner shows; nothing is an answer too."""
    fate = fate_of_status(replace(reply, credits=()), "")
    return fate if isinstance(fate, Retry | StopLine) else reply.credits


def row_for(reply: Reply, table: tuple[Row, ...], otherwise: Row) -> Row:
    """The first row of `table` that fits, else `otherwise`."""
    return next((row for row in table if _fits(row, reply)), otherwise)


def _fits(row: Row, reply: Reply) -> bool:
    if reply.broke is not None or isinstance(row.when, Broke):
        return row.when is reply.broke
    return (
        reply.status in row.when
        and row.understood in (None, reply.understood)
        and (row.text is None or _says(row.text, f"{reply.code} {reply.message}"))
    )


def _says(pattern: str, text: str) -> bool:
    return re.search(pattern, " ".join(text.split()), re.IGNORECASE) is not None


def _reason(row: Row, reply: Reply) -> Reason:
    detail = "" if reply.status is None else f"HTTP {reply.status}"
    return Reason(Stage.PARS, row.code, detail=detail)


def _read(credits_: tuple[CreditStatus, ...], credit_id: str) -> StatusFate:
    if not credits_:
        return Absent()
    ours = {one for one in credits_ if one.credit_id == credit_id}
    if len(ours) != 1:
        # About another credit, or two things at once about ours: no answer to what was asked.
        return Retry(Reason(Stage.PARS, "answer_about_another_credit"))
    return decision_of(ours.pop())


def _read_strangers(credits_: tuple[CreditStatus, ...], credit_id: str, among: int) -> StatusFate:
    """The answer does not name credit types: several are told apart by nothing but their number.

    Under a CreditID of ours, of whatever revision, it is known.
    """
    own = revisions_shown(credits_, credit_id)
    if len(own) == 1:
        return decision_of(own[0])
    domain = credit_id.rpartition(":")[0] + ":"
    left = [one for one in credits_ if one in own or not one.credit_id.startswith(domain)]
    if not left:
        return Absent()
    found = {decision_of(one) for one in left}
    if len(left) == 1 == among:
        return found.pop()
    if len(left) < among or len(found) > 1:
        return Doubtful(Reason(Stage.PARS, "cannot_tell_which"))
    return replace(found.pop(), credit_id="")


def revisions_shown(credits_: tuple[CreditStatus, ...], credit_id: str) -> tuple[CreditStatus, ...]:
    """Those that are this credit, under whatever revision."""
    own = credit_id.rpartition("-r")[0] + "-r"
    return tuple(one for one in credits_ if one.credit_id.startswith(own))


def decision_of(credit: CreditStatus) -> Found:
    """What PARS's words about one credit mean; a rejection with the code of its reason."""
    verdict = WORDS.get(" ".join(credit.status.split()).casefold(), Verdict.UNKNOWN)
    if verdict is not Verdict.REJECTED:
        return Found(verdict, credit_id=credit.credit_id)
    known = (code for pattern, code in BOARD if _says(pattern, credit.reason))
    return Found(verdict, Reason(Stage.BOARD, next(known, BOARD_ELSE)), credit.credit_id)
