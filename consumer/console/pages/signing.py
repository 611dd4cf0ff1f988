"""Coming in and going out."""

from __future__ import annotations

from urllib.parse import urlencode

import structlog
from starlette.responses import Response

from consumer.console.entrance import OIDC, PASSWORD, PROXY, Entrance
from consumer.console.look import age
from consumer.console.oidc_paths import START
from consumer.console.page import action, page
from consumer.console.peers import counted_as
from consumer.console.users import plain_name
from consumer.console.visit import Visit

_FORM_BYTES = 16 * 1024
_NOT_RIGHT = "Name or password is not right."


def ask(visit: Visit) -> Response:
    """The form to sign in; straight on for who has."""
    if visit.user is not None:
        return visit.back(own_page(visit.asked("next")))
    return _form(visit, 200, own_page(visit.asked("next")))


def sign_in(visit: Visit) -> Response:
    """Check name and password; a new session for who knows them.

    The answer is the same, and as slow, whether or not there is such a user.
    """
    wanted = own_page(visit.filled("next"))
    name, throttle = plain_name(visit.filled("name")), visit.console.doors.throttle
    peer = counted_as(visit.console.doors.peers.origin(visit.request))
    wait = throttle.try_now(name, peer)
    if wait > 0:
        return _too_often(visit, wait, wanted)
    known = visit.console.users.check(name, str(visit.form.get("password", "")))
    if known is None:
        structlog.get_logger().warning("user.not_let_in", way=PASSWORD, peer=peer)
        visit.console.doors.meters.not_let_in(PASSWORD)
        return _form(visit, 401, wanted, _NOT_RIGHT)
    throttle.succeeded(name, peer)
    Entrance(visit.console).end(visit.session)  # whoever was signed in here before
    visit.session = Entrance(visit.console).begin(known.name, PASSWORD, known.mark)
    return visit.back(wanted)


def sign_out(visit: Visit) -> Response:
    """End the session of this browser."""
    elsewhere = _elsewhere(visit)
    Entrance(visit.console).end(visit.session)
    visit.session = visit.console.sessions.begin()
    if elsewhere:
        return visit.show("signed-out.html", elsewhere=elsewhere)
    return visit.back("/sign-in", "You are signed out.")


def _elsewhere(visit: Visit) -> str:
    """Where one is still signed in; blank for who gave a password here."""
    if visit.session.way == OIDC and visit.console.doors.oidc is not None:
        return visit.console.doors.oidc.way_out()
    return visit.console.settings.console.proxy.sign_out_url if visit.session.way == PROXY else ""


def _too_often(visit: Visit, wait: float, wanted: str) -> Response:
    answer = _form(visit, 429, wanted, f"Too many tries. Try again in {age(wait)}.")
    answer.headers["Retry-After"] = str(round(wait) + 1)
    return answer


def _form(visit: Visit, status: int, wanted: str, wrong: str = "") -> Response:
    users = visit.console.users.all()
    settings = visit.console.settings.console
    by_proxy, by_provider = bool(settings.proxy.user_header), bool(settings.oidc.issuer)
    return visit.show(
        "sign-in.html",
        status,
        next=wanted,
        wrong=wrong,
        nobody=not (users or by_proxy or by_provider),
        by_proxy=by_proxy,
        provider=f"{START}?{urlencode({'next': wanted})}" if by_provider else "",
        provider_label=settings.oidc.label,
        by_password=bool(users) or not (by_proxy or by_provider),
    )


def own_page(asked: str) -> str:
    """Only a page of ours: `//elsewhere` would be another site, and so would `/\\elsewhere`."""
    plain = asked.isprintable() and asked.startswith("/") and not asked.startswith(("//", "/\\"))
    return asked if plain and not asked.startswith(("/sign-", "/\t")) else "/"


PAGES = (
    page("/sign-in", ask, needs=None),
    action("/sign-in", sign_in, needs=None, largest_bytes=_FORM_BYTES),
    action("/sign-out", sign_out, needs=None, largest_bytes=_FORM_BYTES),
)
