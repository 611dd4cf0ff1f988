"""One record that needs attention: what is wrong, trying what was mended, sending it again."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from starlette.responses import Response

from consumer.console.page import action, page
from consumer.console.pages.people import TONES
from consumer.console.visit import Visit
from consumer.desk.answering import MEANINGS, Answering, NoQuestion, Undecidable
from consumer.desk.casepage import CasePage, show_case
from consumer.desk.closing import Closing, NotClosed, WhyMissing
from consumer.desk.credits import NoSuchCredit
from consumer.desk.deadletters import (
    AsksForDecision,
    NoSuchLetter,
    NotOpen,
    Shown,
    reveal_letter,
    show_letter,
)
from consumer.desk.nearly import nearly
from consumer.desk.replaying import TOO_OFTEN, Replaying
from consumer.desk.trying import Trial, try_letter
from consumer.ledger.letters import Status

ABOUT_COURSE = frozenset(
    "activity_not_found pars_activity_unknown pars_activity_anothers pars_board_missing"
    " pars_type_missing pars_points_exceeded points_off_grid points_above_maximum points_partial"
    " claims_above_maximum date_outside_activity occurrence_changed activity_unknown"
    " activity_not_registered activity_not_ours credit_type_not_registered points_invalid".split()
)
"""Reasons that are mended in the course's row of the activities table, as a rule."""
NEEDS_WHY = "Say why: it is shown wherever the completion is."


def letter(visit: Visit) -> Response:
    """The record, masked."""
    return _page(visit)


def reveal(visit: Visit) -> Response:
    """With the event as the LMS sent it; remembered."""
    console = visit.console
    try:
        original = reveal_letter(console.ledger, _id(visit), visit.who, console.clock)
    except NoSuchLetter:
        return _unknown(visit)
    return _page(visit, original=original.decode(errors="replace"))


def attempt(visit: Visit) -> Response:
    """What sending it again would come to now; nothing is written."""
    console = visit.console
    try:
        trial = try_letter(console.ledger, console.house, _id(visit), console.clock)
    except NoSuchLetter:
        return _unknown(visit)
    except NotOpen:
        return _page(visit, wrong="It is dealt with already.", status=409)
    return _page(visit, trial=trial)


def resend(visit: Visit) -> Response:
    """Send it round again, by today's tables and mappings."""
    console = visit.console
    again = visit.filled("again") == "yes"
    desk = Replaying(
        console.ledger, console.house, console.clock, visit.who, visit.filled("why"), again
    )
    gone = desk.replay(_id(visit))
    if gone.fate == TOO_OFTEN:
        return _page(visit, worn=True, status=409)
    if gone.fate == "unknown":
        return _unknown(visit)
    if gone.failed:
        return _page(visit, wrong=f"It was not sent: {gone.says}.", status=409)
    return _back(visit, f"Sent again: {gone.says}.")


def agree(visit: Visit) -> Response:
    """Do what is asked."""
    return _answered(visit, lambda desk: desk.agree(_id(visit)))


def decline(visit: Visit) -> Response:
    """Leave it as it is; a reason is needed."""
    if not visit.filled("why"):
        return _page(visit, lacks="decline", status=422)
    return _answered(visit, lambda desk: desk.decline(_id(visit)))


def discard(visit: Visit) -> Response:
    """Close it for good."""
    return _closed(visit, lambda desk: desk.discard(_id(visit)), "discard")


def not_ours(visit: Visit) -> Response:
    """Close it as another provider's."""
    return _closed(visit, lambda desk: desk.not_ours(_id(visit)), "not-ours")


def reopen(visit: Visit) -> Response:
    """Take back that it was closed."""
    console = visit.console
    try:
        Closing(console.ledger, console.clock, visit.who, "taken back").undo(_id(visit))
    except NoSuchLetter:
        return _unknown(visit)
    except NotClosed as error:
        return _page(visit, wrong=f"It stays as it is: {error}.", status=409)
    return _back(visit, "It is open again.")


# ------------------------------------------------------------ answers and endings


def _answered(visit: Visit, answer: Callable[[Answering], str]) -> Response:
    console = visit.console
    desk = Answering(console.ledger, console.house, console.clock, visit.who, visit.filled("why"))
    try:
        said = answer(desk)
    except NoSuchLetter:
        return _unknown(visit)
    except (NotOpen, NoQuestion):
        return _page(visit, wrong="It is dealt with already.", status=409)
    except Undecidable as error:
        return _page(visit, wrong=f"That cannot be done now: {error}.", status=409)
    closed = show_letter(console.ledger, _id(visit))["status"] == Status.KEPT
    undo = f"/letters/{quote(_id(visit))}/reopen" if closed else ""
    return _back(visit, f"Answered: {said}.", undo=undo)


def _closed(visit: Visit, close: Callable[[Closing], str], form: str) -> Response:
    console = visit.console
    desk = Closing(console.ledger, console.clock, visit.who, visit.filled("why"))
    try:
        said = close(desk)
    except NoSuchLetter:
        return _unknown(visit)
    except WhyMissing:
        return _page(visit, lacks=form, status=422)
    except AsksForDecision:
        return _page(visit, wrong="It asks for a decision: agree, or do not.", status=409)
    except NotOpen:
        return _page(visit, wrong="It is dealt with already.", status=409)
    return _back(visit, f"Closed: {said}.", undo=f"/letters/{quote(_id(visit))}/reopen")


# ------------------------------------------------------------ the page


def _page(
    visit: Visit,
    *,
    status: int = 200,
    wrong: str = "",
    lacks: str = "",
    worn: bool = False,
    original: str | None = None,
    trial: Trial | None = None,
) -> Response:
    try:
        found = show_letter(visit.console.ledger, _id(visit))
    except NoSuchLetter:
        return _unknown(visit)
    unknown = found["reason"] == "unknown_event"
    near = nearly(visit.console.ledger, visit.console.house, _id(visit)) if unknown else ""
    return visit.show(
        "letter.html", status, letter=found, near=near, case=_case(visit, found), tones=TONES,
        wrong=wrong, lacks=lacks, worn=worn, original=original, trial=trial, needs_why=NEEDS_WHY,
        meanings=MEANINGS.get(str(found["reason"])), filled=visit.form,
        by_hand=found["reason"] in ("duplicate_not_ours", "duplicate_answer"),
        of_course=found["reason"] in ABOUT_COURSE, of_board=found["stage"] in ("pars", "board"),
    )  # fmt: skip


def _case(visit: Visit, found: Shown) -> CasePage | None:
    """The credit or completion that it is about; of what nobody could read there is none."""
    try:
        return show_case(visit.console.desk, str(found["credit_id"]))
    except NoSuchCredit:
        return None


def _id(visit: Visit) -> str:
    return str(visit.path["id"])


def _back(visit: Visit, said: str, undo: str = "") -> Response:
    return visit.back(f"/letters/{quote(_id(visit))}", said, undo)


def _unknown(visit: Visit) -> Response:
    return visit.wrong(
        404, "Nothing there", "No record that needs attention is called this.",
        "See what there is under “Needs attention”.",
    )  # fmt: skip


PAGES = (
    page("/letters/{id}", letter),
    action("/letters/{id}/reveal", reveal),
    action("/letters/{id}/try", attempt),
    action("/letters/{id}/resend", resend),
    action("/letters/{id}/agree", agree),
    action("/letters/{id}/decline", decline),
    action("/letters/{id}/discard", discard),
    action("/letters/{id}/not-ours", not_ours),
    action("/letters/{id}/reopen", reopen),
)
