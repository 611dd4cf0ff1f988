"""The work lists: what needs somebody, what waits and for whom, and many things done at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import Response

from consumer.console.page import action, page
from consumer.console.pages.people import TONES
from consumer.console.role import Role
from consumer.console.visit import Visit
from consumer.desk.asklist import ask_file
from consumer.desk.deadletters import open_ids
from consumer.desk.letterfilter import LetterFilter
from consumer.desk.replaying import TOO_OFTEN, Gone, Replaying
from consumer.desk.trying import FATES
from consumer.desk.worklists import LISTS, TITLES, Wanted, groups, work_list
from consumer.ledger.letters import Status

MOST_AT_ONCE = 500
"""As many as a form holds, and somebody waits for."""
ABOUT = {
    "attention": "Somebody has to look at these: each reason says who, and how.",
    "consent": "The learner took the consent back after these were reported. Each is withdrawn, or"
    " kept for a reason, by a person.",
    "waiting": "Something is missing. Each goes by itself once the table has it.",
    "at_risk": "These have to be reported soon, or are late already; the earliest first.",
    "rejected": "The board said no. Its reason stands with each.",
    "release": "These are ready, and wait until somebody lets them go.",
    "on_its_way": "These need nobody: they are being sent, or the board is deciding.",
    "not_reportable": "These give no credit, for the reason that stands with each.",
}
EMPTY = {
    "attention": "What PARS or a rule refuses, and what nobody could read, comes here with its"
    " reason and what to do.",
    "consent": "When a learner's consent goes, what PARS has already comes here: nothing is"
    " withdrawn by itself.",
    "waiting": "Who lacks a board ID, a birth date or consent comes here, until the learners table"
    " has it.",
    "at_risk": "What is not reported yet and has few days left comes here, the earliest first.",
    "rejected": "What a board rejects comes here, with the board's own reason.",
    "release": "When an activity or LMS is held or rehearsed, what is ready waits here.",
    "on_its_way": "What is being sent, and what the board is deciding, can be seen here.",
    "not_reportable": "Completions that give no credit, of another provider's course for example,"
    " can be found here.",
}
"""What a list is for, and what would come into it."""


def show(visit: Visit) -> Response:
    """One list: by reason, then its items, a page of them."""
    name, reason = _list(visit), visit.asked("reason")
    desk = visit.console.desk
    found = work_list(desk, Wanted(name, reason, after=visit.asked("after")))
    known = groups(desk, name)
    chosen = next((one for one in known if one.reason == reason), None)
    more = {"reason": reason, "after": found.after}
    after = f"{_at(name)}?" + urlencode({k: v for k, v in more.items() if v})
    return visit.show(
        "work.html", name=name, at=_at(name), title=TITLES[name], about=ABOUT[name],
        empty=EMPTY[name], groups=known, chosen=chosen, reason=reason, items=found.items,
        first=_at(name) if visit.asked("after") else "", after=after if found.after else "",
        tones=TONES, sendable=_sendable(name, visit),
        most=MOST_AT_ONCE,
    )  # fmt: skip


def ask(visit: Visit) -> Response:
    """Whom to ask for what, as a file; remembered."""
    content = ask_file(visit.console.desk, visit.who)
    headers = {"Content-Disposition": 'attachment; filename="ask-list.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


def plan(visit: Visit) -> Response:
    """What sending many again would come to: counted, and nothing is sent."""
    name, ids = _list(visit), _chosen(visit)
    if not ids:
        return visit.back(_at(name), "Nothing was chosen.")
    told = _replaying(visit).preview(ids)
    rows = [
        (told.happened[reason], FATES.get(fate, fate), count)
        for (reason, fate), count in told.counts.most_common()
    ]
    return visit.show(
        "work-plan.html", name=name, at=_at(name), title=TITLES[name], plan=told, rows=rows
    )


def resend(visit: Visit) -> Response:
    """Send those of the plan again, one after the other."""
    name, ids = _list(visit), _chosen(visit)
    told = Counter(_came_to(gone) for gone in _replaying(visit).go(ids))
    said = "; ".join(f"{count:,}: {says}" for says, count in told.most_common())
    return visit.back(_at(name), f"Sent again. {said}." if said else "Nothing was chosen.")


def _came_to(gone: Gone) -> str:
    """In a coordinator's words; what is said to the command line names its options."""
    if gone.fate == TOO_OFTEN:
        return "not sent, it came back twice before: look at it by itself"
    if gone.fate in (*Status, "unknown"):
        return "not sent, it is dealt with already"
    return gone.says if gone.fate != "asks" else FATES["asks"]


def _replaying(visit: Visit) -> Replaying:
    console = visit.console
    # Of many, what would only come back stays: it would be counted as sent again, and hide.
    return Replaying(
        console.ledger, console.house, console.clock, visit.who, visit.filled("why"), each=False
    )


def _chosen(visit: Visit) -> Sequence[str]:
    """The ticked ones, or all of one reason."""
    if reason := visit.filled("reason"):
        wanted = LetterFilter(reason=reason, limit=MOST_AT_ONCE)
        return open_ids(visit.console.ledger, wanted)
    ids = [str(one) for one in visit.form.getlist("letter")]
    return list(dict.fromkeys(ids))[:MOST_AT_ONCE]


def _sendable(name: str, visit: Visit) -> bool:
    """Whether its items may be ticked, and sent again together."""
    return name in {"attention", "rejected"} and visit.may(Role.COORDINATOR)


def _list(visit: Visit) -> str:
    name = str(visit.path["list"]).replace("-", "_")
    if name not in LISTS:
        raise HTTPException(404)
    return name


def _at(name: str) -> str:
    return f"/work/{name.replace('_', '-')}"


PAGES = (
    action("/work/ask-list", ask),
    page("/work/{list}", show),
    action("/work/{list}/plan", plan),
    action("/work/{list}/resend", resend),
)
