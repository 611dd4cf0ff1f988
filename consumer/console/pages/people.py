"""People: found by anything, and one of them with everything that was heard."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.responses import Response

from consumer.console.page import action, page
from consumer.console.visit import Visit
from consumer.desk.people import Find, find_people
from consumer.desk.person import NoSuchPerson, PersonPage, reveal_person, show_person

TONES = {
    "Accepted by the board": "good",
    "Rejected by the board": "bad",
    "Needs attention": "act",
    "Waiting for learner": "act",
}
"""How a standing looks; any other one is plain."""


def find(visit: Visit) -> Response:
    """Those whom the words in the search box mean; masked."""
    text, state, activity = visit.asked("q"), visit.asked("state"), visit.asked("activity")
    found = find_people(visit.console.desk, Find(text, activity, state, after=visit.asked("after")))
    more = {"q": text, "state": state, "activity": activity, "after": found.after}
    after = "/people?" + urlencode({k: v for k, v in more.items() if v}) if found.after else ""
    return visit.show(
        "people.html", text=text, state=state, activity=activity, people=found.people,
        after=after, tones=TONES,
    )  # fmt: skip


def person(visit: Visit) -> Response:
    """One person, masked."""
    try:
        found = show_person(visit.console.desk, str(visit.path["key"]))
    except NoSuchPerson:
        return _nobody(visit)
    return _page(visit, found)


def reveal(visit: Visit) -> Response:
    """One person, readable; remembered."""
    try:
        found = reveal_person(visit.console.desk, str(visit.path["key"]), visit.who)
    except NoSuchPerson:
        return _nobody(visit)
    return _page(visit, found)


def _page(visit: Visit, found: PersonPage) -> Response:
    return visit.show("person.html", page=found, tones=TONES)


def _nobody(visit: Visit) -> Response:
    return visit.wrong(
        404, "Nobody there", "This person is not known, or no longer.",
        "Search by family name, e-mail, board ID or LMS user ID.",
    )  # fmt: skip


PAGES = (
    page("/people", find),
    page("/people/{key}", person),
    action("/people/{key}/reveal", reveal),
)
