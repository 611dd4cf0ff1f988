"""Nothing personal stands on any page that somebody can come to without revealing it."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from consumer.console.page import Page
from consumer.console.pages import PAGES
from consumer.console.role import Role
from consumer.credit import State
from consumer.reason import Reason, Stage
from tests.integration.office import Office
from tests.integration.people import (
    EVERYONE,
    HOUR,
    LENA,
    NOON,
    OTIS,
    PRIYA,
    Physician,
    canvas,
    moodle,
    openedx,
    raw,
    revoked,
)
from tests.integration.places import place_of
from tests.integration.test_desk import settle
from tests.integration.test_worklists import mixed
from tests.integration.visitor import Visitor

_EXAMPLE = re.compile(r'<p id="h-[^"]*" class="help">.*?</p>')
"""What may be filled into a field; the examples are everybody's."""
_LINK = re.compile(r'href="(/[^"#]*)"')
NOBODY_SPELLS = raw(b'{"name": "Priya Vantongeren", "userid": 4413307')


def marks(who: Physician) -> tuple[str, ...]:
    """All by which one could tell who it is."""
    names = (who.given_name, who.family_name, f"learner{who.number}@", str(who.number))
    return (*names, who.board_id, who.birth_date)


def busy(office: Office) -> None:
    """An office where each thing that pages tell of has happened."""
    office.hear(openedx(PRIYA), openedx(OTIS), moodle(PRIYA, "103"))
    office.take_for_sent(State.ACCEPTED)
    office.hear(revoked(PRIYA, NOON + HOUR))
    office.hear(canvas(LENA), canvas(PRIYA, at=NOON - timedelta(days=25)))
    office.take_for_sent()
    settle(office, State.REJECTED, Reason(Stage.BOARD, "board_identity"))
    mixed(office)
    office.hear(NOBODY_SPELLS)


def everything_in_reach(visitor: Visitor, begin: list[str]) -> dict[str, str]:
    """Every page that links lead to, by its address."""
    found: dict[str, str] = {}
    ahead = list(begin)
    while ahead:
        path = ahead.pop()
        if path in found or path.startswith("/static/"):
            continue
        answer = visitor.client.get(path)
        assert answer.status_code in (200, 303, 403, 404), (path, answer.status_code)
        assert answer.status_code in (200, 303) or "<h1>" in answer.text, path
        found[path] = answer.text
        ahead += [html.unescape(to) for to in _LINK.findall(answer.text)]
    return found


def _fits(page: Page, path: str) -> bool:
    return bool(re.fullmatch(re.sub(r"\{\w+(:\w+)?\}", "[^/]+", page.path), path.partition("?")[0]))


SEARCHES = ["/people?activity=HF-UPDATE", "/people?state=needs+attention"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.COORDINATOR])
def test_no_page_that_one_can_come_to_says_who_anybody_is(office: Office, role: Role) -> None:
    busy(office)
    begin = [place_of(page) for page in PAGES if page.method == "GET"]
    visitor = Visitor(office, role)
    seen = everything_in_reach(visitor, [*begin, *SEARCHES])
    for path, page in seen.items():
        for who in EVERYONE:
            told = html.unescape(_EXAMPLE.sub("", page))
            shown = [mark for mark in marks(who) if mark in told]
            assert shown == [], (path, shown)
    for kind in ("/people/p", "/credits/c", "/letters/dl-", "/tables/learners/"):
        assert any(path.startswith(kind) for path in seen), kind
    if role is Role.COORDINATOR:
        assert any(path.endswith("/edit") for path in seen)
    for one in PAGES:
        assert one.method != "GET" or any(_fits(one, path) for path in seen), one.path


def test_whom_somebody_looks_for_stands_in_no_address(office: Office) -> None:
    busy(office)
    mora = Visitor(office, Role.COORDINATOR)
    found = mora.send("/people", {"q": PRIYA.family_name})
    assert "/people/p" in found.text
    assert PRIYA.family_name not in str(found.url)
    assert PRIYA.family_name in found.text.partition("/people/p")[0]  # as it was typed
    assert not any(
        PRIYA.family_name in link for link in re.findall(r'(?:href|action)="([^"]*)', found.text)
    )


def test_what_is_revealed_is_seen_by_who_asked_alone(office: Office) -> None:
    busy(office)
    mora, vera = Visitor(office, Role.COORDINATOR), Visitor(office, Role.VIEWER)
    mora.send("/people", {"q": "vantongeren"})
    (key,) = set(re.findall(r"/people/(p\d+)", mora.page.text))
    mora.get(f"/people/{key}")
    revealed = mora.press("/reveal")
    assert all(mark in revealed.text for mark in marks(PRIYA))
    assert revealed.headers["cache-control"] == "no-store"
    for who in (mora, vera):
        assert not any(mark in who.get(f"/people/{key}").text for mark in marks(PRIYA))
