"""Signing in at a provider, there and back."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import RedirectResponse, Response

from consumer.console.admission import NotLetIn
from consumer.console.entrance import OIDC, Entrance, provider_mark
from consumer.console.oidc_paths import BACK, START
from consumer.console.page import page
from consumer.console.pages.signing import own_page
from consumer.console.visit import Visit


def start(visit: Visit) -> Response:
    """To the provider, with a session of its own for this attempt."""
    oidc = visit.console.doors.oidc
    if oidc is None or visit.user is not None:
        return visit.back("/sign-in")
    wanted = own_page(visit.asked("next"))
    visit.session = replace(visit.console.sessions.begin(), wanted=wanted)
    return RedirectResponse(oidc.way_there(visit.session), 303)


def back(visit: Visit) -> Response:
    """From the provider: in, by whom it says came back, to the page that was wanted."""
    oidc = visit.console.doors.oidc
    if oidc is None:
        return visit.back("/sign-in")
    try:
        user = oidc.came_back(visit.session, visit.request.query_params)
    except NotLetIn:
        visit.console.doors.meters.not_let_in(OIDC)
        raise
    wanted = visit.session.wanted
    mark = provider_mark(visit.console.settings.console)
    visit.session = Entrance(visit.console).begin(user.name, OIDC, mark, user.role.word)
    return RedirectResponse(own_page(wanted), 303)


PAGES = (page(START, start, needs=None), page(BACK, back, needs=None))
