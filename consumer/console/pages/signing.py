"""Coming in and going out."""

from __future__ import annotations

from starlette.responses import Response

from consumer.console.page import action, page
from consumer.console.visit import Visit


def ask(visit: Visit) -> Response:
    """The form to sign in; straight on for who has."""
    if visit.user is not None:
        return visit.back(_next(visit.asked("next")))
    nobody = not visit.console.users.all()
    return visit.show("sign-in.html", next=visit.asked("next"), wrong=False, nobody=nobody)


def sign_in(visit: Visit) -> Response:
    """Check name and password; a new session for who knows them."""
    user = visit.console.users.check(visit.filled("name"), visit.filled("password"))
    if user is None:
        asked = visit.filled("next")
        return visit.show("sign-in.html", 401, next=asked, wrong=True, nobody=False)
    visit.session = visit.console.sessions.begin(user.name)
    return visit.back(_next(visit.filled("next")))


def sign_out(visit: Visit) -> Response:
    """End the session of this browser."""
    visit.session = visit.console.sessions.begin()
    return visit.back("/sign-in", "You are signed out.")


def _next(asked: str) -> str:
    """Only a page of ours: `//elsewhere` would be another site."""
    return asked if asked.startswith("/") and not asked.startswith(("//", "/\\")) else "/"


PAGES = (
    page("/sign-in", ask, needs=None),
    action("/sign-in", sign_in, needs=None),
    action("/sign-out", sign_out, needs=None),
)
