"""The console as a web application: pages, assets, and what it says when something fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from consumer.console.console import Console
from consumer.console.gate import Gate
from consumer.console.look import STATIC
from consumer.console.page import Page, page
from consumer.console.pages import PAGES
from consumer.console.users import UsersProblem
from consumer.console.visit import Visit
from consumer.ledger.ledger import LedgerUnavailable


def application(console: Console) -> Starlette:
    """Every page of the table behind the gate."""
    gate = Gate(console)
    routes = [Route(one.path, _endpoint(gate, one), methods=[one.method]) for one in PAGES]
    assets = Mount("/static", StaticFiles(directory=STATIC))
    return Starlette(
        routes=[assets, *routes],
        exception_handlers={
            HTTPException: _saying(gate, _not_here),
            LedgerUnavailable: _saying(gate, _ledger_away),
            UsersProblem: _saying(gate, _users_problem),
        },
    )


def _endpoint(gate: Gate, one: Page) -> Callable[[Request], Awaitable[Response]]:
    async def enter(request: Request) -> Response:
        return await gate.enter(one, request)

    return enter


def _saying(
    gate: Gate, handler: Callable[[Visit], Response]
) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def say(request: Request, _: Exception) -> Response:
        return await gate.enter(page(request.url.path, handler, needs=None), request)

    return say


def _not_here(visit: Visit) -> Response:
    return visit.wrong(
        404, "Not found", "There is no such page.", "Search for the person or activity above."
    )


def _ledger_away(visit: Visit) -> Response:
    return visit.wrong(
        503, "Not now", "The ledger does not answer.",
        "Nothing is lost: try again in a minute. If it stays so, tell whoever runs this service.",
    )  # fmt: skip


def _users_problem(visit: Visit) -> Response:
    visit.user = None
    return visit.wrong(
        503, "Not now", "The list of users cannot be read.",
        "Whoever runs this service finds the reason in its log.",
    )  # fmt: skip
