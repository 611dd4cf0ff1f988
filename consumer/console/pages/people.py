"""People: found by anything, and one of them with everything that was heard."""

from __future__ import annotations

from starlette.responses import Response

from consumer.console.page import action, page
from consumer.console.role import Role
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


def everybody(visit: Visit) -> Response:
    """Whom the LMSs told of, the latest first; of one activity or standing, if that is asked."""
    wanted = Find("", visit.asked("activity"), visit.asked("state"), after=visit.asked("after"))
    return _people(visit, wanted)


def find(visit: Visit) -> Response:
    """Those whom the search box means; its words name people, and stand in no address."""
    return _people(visit, Find(visit.filled("q"), after=visit.filled("after")))


def _people(visit: Visit, wanted: Find) -> Response:
    found = find_people(visit.console.desk, wanted)
    return visit.show("people.html", wanted=wanted, found=found, tones=TONES)


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
    page("/people", everybody),
    action("/people", find, needs=Role.VIEWER),
    page("/people/{key}", person),
    action("/people/{key}/reveal", reveal),
)
