"""One's own account: another password, and signing out everywhere."""

from __future__ import annotations

from starlette.responses import Response

from consumer.console.entrance import PASSWORD, Entrance
from consumer.console.look import age
from consumer.console.page import action, page
from consumer.console.passwords import SHORTEST, WeakPassword
from consumer.console.peers import counted_as
from consumer.console.role import Role
from consumer.console.visit import Visit

_FORM_BYTES = 16 * 1024


def me(visit: Visit) -> Response:
    """Who one is here, and what one may do about it."""
    return _page(visit, 200)


def set_password(visit: Visit) -> Response:
    """Another password, for who knows the old one; all other sessions of theirs end."""
    if visit.session.way != PASSWORD:
        return visit.wrong(403, "Not done", "Your password is kept elsewhere.", "Change it there.")
    old, new = (str(visit.form.get(name, "")) for name in ("old", "new"))
    if new != str(visit.form.get("again", "")):
        return _page(visit, 422, again="This is not the same as the new password.")
    if wrong := _not_the_old_one(visit, old):
        return _page(visit, 422, old=wrong)
    try:
        visit.console.user_book.set_password(visit.who, new, who=visit.who)
    except WeakPassword as weak:
        return _page(visit, 422, new=str(weak))
    known = visit.console.users.all()[visit.who]
    visit.session = visit.console.sessions.begin(visit.who, PASSWORD, known.mark)
    return visit.back("/me", "Your password is changed. You are signed out everywhere else.")


def sign_out_everywhere(visit: Visit) -> Response:
    """End all sessions of this user, this one too."""
    Entrance(visit.console).end(visit.session, everywhere=True)
    visit.session = visit.console.sessions.begin()
    return visit.back("/sign-in", "You are signed out everywhere.")


def _not_the_old_one(visit: Visit, password: str) -> str:
    """What is wrong with it: a session that was left open is no way to guess at a password."""
    throttle = visit.console.doors.throttle
    peer = counted_as(visit.console.doors.peers.origin(visit.request))
    wait = throttle.try_now(visit.who, peer)
    if wait > 0:
        return f"Too many tries. Try again in {age(wait)}."
    if visit.console.users.check(visit.who, password) is None:
        return "This is not your password."
    throttle.succeeded(visit.who, peer)
    return ""


def _page(visit: Visit, status: int, **wrong: str) -> Response:
    own = visit.session.way == PASSWORD
    return visit.show("account.html", status, own=own, wrong=wrong, shortest=SHORTEST)


PAGES = (
    page("/me", me),
    action("/me/password", set_password, needs=Role.VIEWER, largest_bytes=_FORM_BYTES),
    action("/me/sign-out-everywhere", sign_out_everywhere, needs=Role.VIEWER,
           largest_bytes=_FORM_BYTES),
)  # fmt: skip
