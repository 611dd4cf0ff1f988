"""The gate in front of every page: who comes in, and whether a form is one of ours."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from consumer.console.console import Console
from consumer.console.page import Page
from consumer.console.role import Role
from consumer.console.session import COOKIE
from consumer.console.visit import Visit

TOKEN_FIELD, TOKEN_HEADER = "token", "x-csrf-token"
LARGEST_FORM_BYTES = 64 * 1024 * 1024
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


class Gate:
    """Lets a page be called by those who may."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def enter(self, page: Page, request: Request) -> Response:
        """The page's answer, or the refusal; always with the headers that keep browsers careful."""
        visit = await self._visit(page, request)
        answer = self._refusal(page, visit)
        if answer is None:
            answer = await run_in_threadpool(page.handler, visit)
        self._sign(visit, answer)
        for name, value in _HEADERS.items():
            answer.headers.setdefault(name, value)
        return answer

    async def _visit(self, page: Page, request: Request) -> Visit:
        session = self._console.sessions.open(request.cookies.get(COOKIE, ""))
        user = self._console.users.find(session.name) if session.name else None
        visit = Visit(request, self._console, user, session)
        if page.method == "POST":
            visit.form = await request.form(max_part_size=LARGEST_FORM_BYTES)
        return visit

    def _refusal(self, page: Page, visit: Visit) -> Response | None:
        if page.method == "POST" and not self._is_ours(visit):
            return visit.wrong(
                403, "Not done", "This form is too old, or did not come from this console.",
                "Open the page again, then do it once more. Nothing was changed.",
            )  # fmt: skip
        if page.needs is None or visit.may(page.needs):
            return None
        if visit.user is None:
            return _to_sign_in(visit)
        return self._forbidden(page.needs, visit)

    def _is_ours(self, visit: Visit) -> bool:
        given = visit.request.headers.get(TOKEN_HEADER) or visit.filled(TOKEN_FIELD)
        return self._console.sessions.is_ours(visit.session, given)

    def _forbidden(self, needs: Role, visit: Visit) -> Response:
        return visit.wrong(
            403, f"For a {needs.word}",
            f"You are signed in as {visit.who}, a {visit.user.role.word if visit.user else ''}."
            f" Only a {needs.word} may do this.",
            "Ask whoever runs this service for another role.",
        )  # fmt: skip

    def _sign(self, visit: Visit, answer: Response) -> None:
        signed = self._console.sessions.sign(visit.session)
        if signed != visit.request.cookies.get(COOKIE):
            secure = visit.request.url.scheme == "https"
            answer.set_cookie(COOKIE, signed, httponly=True, samesite="lax", secure=secure)


def _to_sign_in(visit: Visit) -> Response:
    """To the form, and from there to the page that was wanted."""
    url = visit.request.url
    if visit.swaps:
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    if visit.request.method != "GET" or url.path == "/":
        return RedirectResponse("/sign-in", 303)
    wanted = url.path + (f"?{url.query}" if url.query else "")
    return RedirectResponse("/sign-in?" + urlencode({"next": wanted}), 303)
