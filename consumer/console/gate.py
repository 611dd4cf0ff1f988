"""The gate in front of every page: who comes in, and whether a form is one of ours."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from consumer.console.admission import NotLetIn
from consumer.console.console import Console
from consumer.console.entrance import Entrance
from consumer.console.faults import told_of
from consumer.console.forms import READ_SECONDS, check_address, read_form
from consumer.console.origin import is_from_here
from consumer.console.page import Page, page
from consumer.console.peers import connected, must_come_by_proxy
from consumer.console.role import Role
from consumer.console.session import COOKIE
from consumer.console.users import UsersProblem
from consumer.console.visit import Visit
from consumer.ledger.ledger import LedgerRefused, LedgerUnavailable
from consumer.settings.entrance import is_loopback

TOKEN_FIELD, TOKEN_HEADER = "token", "x-csrf-token"
_NO_PAGE = page("", lambda _: Response(), needs=None)


class Gate:
    """Lets a page be called by those who may."""

    def __init__(self, console: Console, listen: str, read_seconds: float = READ_SECONDS) -> None:
        self._console, self._settings = console, console.settings.console
        self._entrance, self._read_seconds = Entrance(console), read_seconds
        self._by_proxy_only = must_come_by_proxy(self._settings, listen)
        # A name that a browser takes from nobody but this very host, and only by https.
        self._cookie = f"__Host-{COOKIE}" if self._settings.https else COOKIE

    async def enter(self, page: Page, request: Request) -> Response:
        """The page's answer, the refusal, or what is said when something failed."""
        try:
            return await self._enter(page, request)
        except Exception as error:  # noqa: BLE001  its fate: a page that says so, by number
            return await run_in_threadpool(self.say, error, page.path, request)

    def say(self, error: Exception, where: str, request: Request) -> Response:
        """What is said of a fault, to whoever it is, if that can be told."""
        told = told_of(error, where)
        visit = self._visitor(request)
        answer = visit.wrong(told.status, told.title, told.said, told.how)
        for name, value in (getattr(error, "headers", None) or {}).items():
            answer.headers[name] = value
        return answer

    def _visitor(self, request: Request) -> Visit:
        try:
            visit, _ = self._at_the_door(_NO_PAGE, request)
        except (NotLetIn, UsersProblem, LedgerUnavailable, LedgerRefused):
            visit = Visit(request, self._console, None, self._console.sessions.begin())
        return visit

    async def _enter(self, page: Page, request: Request) -> Response:
        check_address(request)
        if page.method == "GET":
            return await run_in_threadpool(self._look, page, request)
        visit, refusal = await run_in_threadpool(self._at_the_door, page, request)
        if refusal is not None:
            return refusal
        visit.form = await read_form(request, page.largest_bytes, self._read_seconds)
        try:
            return await run_in_threadpool(self._act, page, visit)
        finally:
            await visit.form.close()

    def _look(self, page: Page, request: Request) -> Response:
        visit, refusal = self._at_the_door(page, request)
        return refusal or self._signed(visit, page.handler(visit))

    def _act(self, page: Page, visit: Visit) -> Response:
        given = visit.request.headers.get(TOKEN_HEADER) or visit.filled(TOKEN_FIELD)
        ours = self._console.sessions.is_ours(visit.session, given)
        return self._signed(visit, page.handler(visit) if ours else _forged(visit))

    def _at_the_door(self, page: Page, request: Request) -> tuple[Visit, Response | None]:
        """Who asks, and why not: decided before anything they send is read."""
        cookie = request.cookies.get(self._cookie, "")
        session = self._console.sessions.open(cookie)
        visit = Visit(request, self._console, None, session)
        if self._by_proxy_only and not self._came_by_proxy(request):
            return visit, _past_the_proxy(visit)
        visit.user, visit.session = self._entrance.who(request, session)
        refusal = self._refusal(page, visit)
        return visit, self._signed(visit, refusal) if refusal else None

    def _refusal(self, page: Page, visit: Visit) -> Response | None:
        if page.needs is not None and visit.user is None:
            return _to_sign_in(visit)
        if page.needs is not None and not visit.may(page.needs):
            return _forbidden(page.needs, visit)
        if page.method == "POST" and not is_from_here(visit.request, self._settings):
            return _forged(visit)
        return None

    def _came_by_proxy(self, request: Request) -> bool:
        peer = connected(request)
        return is_loopback(peer) or self._console.doors.peers.is_trusted(peer)

    def _signed(self, visit: Visit, answer: Response) -> Response:
        signed = self._console.sessions.sign(visit.session)
        if signed != visit.request.cookies.get(self._cookie):
            secure = self._settings.https
            answer.set_cookie(self._cookie, signed, httponly=True, samesite="lax", secure=secure)
        return answer


def _forged(visit: Visit) -> Response:
    structlog.get_logger().warning("form.refused", page=_route(visit.request))
    return visit.wrong(
        403, "Not done", "This form is too old, or did not come from this console.",
        "Open the page again, then do it once more. Nothing was changed.",
    )  # fmt: skip


def _past_the_proxy(visit: Visit) -> Response:
    return visit.wrong(403, "Not let in", "This console is reached by another address.",
                       "Ask whoever runs this service for it.")  # fmt: skip


def _forbidden(needs: Role, visit: Visit) -> Response:
    return visit.wrong(
        403, f"For {needs.one}",
        f"You are signed in as {visit.who}, {visit.user.role.one if visit.user else ''}."
        f" Only {needs.one} may do this.",
        "Ask whoever runs this service for another role.",
    )  # fmt: skip


def _to_sign_in(visit: Visit) -> Response:
    """To the form, and from there to the page that was wanted."""
    if visit.swaps:
        here = urlsplit(visit.request.headers.get("hx-current-url", ""))
        return Response(status_code=401, headers={"HX-Redirect": _sign_in(here.path, here.query)})
    if visit.request.method != "GET":
        return RedirectResponse("/sign-in", 303)
    return RedirectResponse(_sign_in(visit.request.url.path, visit.request.url.query), 303)


def _sign_in(path: str, query: str) -> str:
    wanted = path + (f"?{query}" if query else "")
    return "/sign-in" if wanted in ("", "/") else "/sign-in?" + urlencode({"next": wanted})


def _route(request: Request) -> str:
    """The page's address in the table: a real one may hold a person's key."""
    return getattr(request.scope.get("route"), "path", "")
