"""The console as a web application: pages, assets, and what it says when something fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from consumer.console.console import Console
from consumer.console.gate import Gate
from consumer.console.look import STATIC
from consumer.console.origin import own_hosts
from consumer.console.page import Page
from consumer.console.pages import PAGES
from consumer.console.wrapping import ASSETS, Wrapping


def application(console: Console, listen: str = "", gate: Gate | None = None) -> Starlette:
    """Every page of the table behind the gate; `listen` is where it will answer."""
    settings = console.settings.console
    listen = listen or settings.listen
    gate = gate or Gate(console, listen)
    routes = [Route(one.path, _endpoint(gate, one), methods=[one.method]) for one in PAGES]
    assets = Mount(ASSETS, StaticFiles(directory=STATIC))
    hosts = own_hosts(settings, listen)
    return Starlette(
        routes=[assets, *routes],
        middleware=[Middleware(Wrapping, hosts=hosts, https=settings.https)],
        exception_handlers={HTTPException: _saying(gate)},
    )


def _endpoint(gate: Gate, one: Page) -> Callable[[Request], Awaitable[Response]]:
    async def enter(request: Request) -> Response:
        return await gate.enter(one, request)

    return enter


def _saying(gate: Gate) -> Callable[[Request, Exception], Awaitable[Response]]:
    """For what no page is asked: an address that does not exist, a method it does not have."""

    async def say(request: Request, error: Exception) -> Response:
        return await run_in_threadpool(gate.say, error, "", request)

    return say
