"""Correcting what an event says, field by field: tried before it is kept, and taken back."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from starlette.responses import Response

from consumer.console.page import action, page
from consumer.console.role import Role
from consumer.console.visit import Visit
from consumer.desk.changed import ChangedMeanwhile
from consumer.desk.deadletters import AsksForDecision, NoSuchLetter, NotOpen
from consumer.desk.editing import Draft, Editing, EditProblems, EditRefused, Wanted
from consumer.desk.trying import Trial

HIDDEN = "learner"
"""The field that says who it is: masked, and blank in the form, unless somebody reveals it."""
LABELS = {
    "learner": ("User ID in the LMS", "Whose completion it is, as the LMS numbers its users."),
    "course": ("Course in the LMS", "As it stands in the activities table."),
    "completed": ("Completed", "A day, or a time with its zone: 2026-11-20T18:30:00-06:00."),
    "points": ("Points", "Where the learner claims them; blank otherwise."),
    "occurrence": ("Session or claim", "Where the activity may be credited more than once."),
    "site": ("LMS site", "As it stands in the tables."),
    "source": ("LMS", "Which LMS sent it, such as moodle."),
}
_UNCORRECTABLE = (NotOpen, EditRefused)


def form(visit: Visit) -> Response:
    """What the event says, to be corrected; the learner is masked."""
    return _opened(visit)


def reveal(visit: Visit) -> Response:
    """The same with the learner; remembered."""
    return _opened(visit, show=True)


def attempt(visit: Visit) -> Response:
    """What sending it again would come to with these corrections; nothing is kept."""
    try:
        trial = _desk(visit).try_out(_id(visit), Wanted(_changed(visit)))
    except NoSuchLetter:
        return _gone(visit)
    except EditProblems as wrong:
        return _opened(visit, wrong=wrong.problems)
    except _UNCORRECTABLE as error:
        return _refused(visit, error)
    return _opened(visit, trial=trial)


def save(visit: Visit) -> Response:
    """Keep the corrections; sending it again goes by them."""
    wanted = _changed(visit)
    if not wanted:
        return _opened(visit, said="Nothing differs from what the event says.")
    try:
        _desk(visit).save(_id(visit), _seen(visit), Wanted(wanted))
    except NoSuchLetter:
        return _gone(visit)
    except EditProblems as wrong:
        return _opened(visit, wrong=wrong.problems)
    except ChangedMeanwhile as changed:
        return _opened(visit, meanwhile=changed)
    except _UNCORRECTABLE as error:
        return _refused(visit, error)
    return visit.back(_at(visit), "Kept. Try it, then send it again.", undo=f"{_at(visit)}/as-sent")


def as_sent(visit: Visit) -> Response:
    """The event says again what the LMS sent."""
    desk = _desk(visit)
    try:
        seen = desk.open(_id(visit)).version
        desk.take_back(_id(visit), seen)
    except NoSuchLetter:
        return _gone(visit)
    except ChangedMeanwhile as changed:
        return _opened(visit, meanwhile=changed)
    except _UNCORRECTABLE as error:
        return _refused(visit, error)
    return visit.back(_at(visit), "The event says again what the LMS sent.")


# ------------------------------------------------------------ the page


def _opened(
    visit: Visit,
    *,
    show: bool = False,
    trial: Trial | None = None,
    wrong: Mapping[str, str] | None = None,
    meanwhile: ChangedMeanwhile | None = None,
    said: str = "",
) -> Response:
    try:
        draft = _desk(visit).open(_id(visit), reveal=show)
    except NoSuchLetter:
        return _gone(visit)
    except _UNCORRECTABLE as error:
        return _refused(visit, error)
    status = 409 if meanwhile else 422 if wrong else 200
    told = _told(visit, draft, revealed=show)
    return visit.show(
        "correction.html", status, draft=draft, at=_at(visit), labels=LABELS, hidden=HIDDEN,
        was=told, fields=told | _changed(visit), wrong=dict(wrong or {}), trial=trial,
        meanwhile=meanwhile, nothing=said, show=show or _saw(visit),
    )  # fmt: skip


def _told(visit: Visit, draft: Draft, *, revealed: bool) -> dict[str, str]:
    """What the event says; who it is about stays in sight of whoever has revealed it before."""
    told = dict(draft.fields)
    if not revealed:
        told[HIDDEN] = visit.filled(f"was-{HIDDEN}") if _saw(visit) else ""
    return told


def _saw(visit: Visit) -> bool:
    return visit.filled("shown") == "yes"


def _changed(visit: Visit) -> dict[str, str]:
    """The fields that were filled in otherwise than the page had them."""
    found = {name: visit.filled(name) for name in LABELS if name in visit.form}
    return {n: text for n, text in found.items() if text != visit.filled(f"was-{n}")}


def _desk(visit: Visit) -> Editing:
    console = visit.console
    return Editing(console.ledger, console.house, console.clock, visit.who, visit.filled("why"))


def _id(visit: Visit) -> str:
    return str(visit.path["id"])


def _seen(visit: Visit) -> int:
    seen = visit.filled("seen")
    return int(seen) if seen.isdecimal() and len(seen) < 9 else -1


def _at(visit: Visit) -> str:
    return f"/letters/{quote(_id(visit))}"


def _gone(visit: Visit) -> Response:
    return visit.wrong(
        404, "Nothing there", "No record that needs attention is called this.",
        "See what there is under “Needs attention”.",
    )  # fmt: skip


def _refused(visit: Visit, error: Exception) -> Response:
    told = str(error)
    if isinstance(error, AsksForDecision):
        told = "it asks for a decision: agree to it, or do not"
    elif isinstance(error, NotOpen):
        told = "it is dealt with already"
    return visit.wrong(409, "Not to be corrected here", f"{told[:1].upper()}{told[1:]}.")


PAGES = (
    page("/letters/{id}/edit", form, needs=Role.COORDINATOR),
    action("/letters/{id}/edit", save),
    action("/letters/{id}/edit/reveal", reveal),
    action("/letters/{id}/edit/try", attempt),
    action("/letters/{id}/as-sent", as_sent),
)
