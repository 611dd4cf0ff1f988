"""The simulator's HTTP face: credentials, the four operations, faults, and the books."""

from __future__ import annotations

import asyncio
import hmac
import math
import socket
import struct
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consumer.clock import Clock
from consumer.pars.simulator import answers
from consumer.pars.simulator.activity import Activities, Activity, activity
from consumer.pars.simulator.answers import Answer
from consumer.pars.simulator.faults import Fault, Faults, Kind
from consumer.pars.simulator.operations import Manners, Operations
from consumer.pars.simulator.roster import Diplomate, Roster, diplomate

STEM = "/services/ACCMELearnerService.svc"
_XML = "application/xml; charset=utf-8"
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close with a reset

Operation = Callable[[str, bytes], Answer]
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Provider:
    """An accredited provider and its web-service credentials."""

    provider_id: str
    user: str
    password: str = field(repr=False)


class Simulator:
    """A PARS to try things on; `app` is its ASGI application."""

    def __init__(
        self,
        providers: Sequence[Provider],
        schemas_dir: Path,
        clock: Clock,
        roster: Sequence[Diplomate] = (),
        activities: Sequence[Activity] = (),
        manners: Manners | None = None,
    ) -> None:
        """`schemas_dir` is the folder that holds `pars/*.xsd`."""
        self._providers = {one.provider_id: one for one in providers}
        self._roster = Roster(roster)
        self._activities = Activities(activities)
        self._clock = clock
        self._faults = Faults()
        self._operations = Operations(
            schemas_dir, self._roster, self._activities, manners or Manners(), clock
        )
        self.app = Starlette(routes=self._routes())

    def books(self) -> dict[str, Any]:
        """What `GET /_books` answers."""
        return self._operations.as_json()

    def _routes(self) -> list[Route]:
        services: dict[str, Handler] = {
            "SaveLearnerActivity": self._save,
            "GetLearnerStatusByCreditId": self._asking(self._operations.status),
            "GetLearnerStatusByLearner": self._asking(self._operations.status_by_learner),
            "GetLearnerMatch": self._asking(lambda _, body: self._operations.match(body)),
        }
        # With and without PARS's stem, so that a base URL may be just the simulator's address.
        return [
            Route(f"{stem}/{name}", handler, methods=["POST"])
            for stem in (STEM, "")
            for name, handler in services.items()
        ] + [
            Route("/_books", self._get_books, methods=["GET"]),
            Route("/_faults", self._put_faults, methods=["PUT"]),
            Route("/_faults", self._clear_faults, methods=["DELETE"]),
            Route("/_roster", self._put_roster, methods=["PUT"]),
            Route("/_activities", self._put_activities, methods=["PUT"]),
        ]

    # ------------------------------------------------------------------ PARS's services

    async def _save(self, request: Request) -> Response:
        fault = None if self._faults.down_for(self._clock.now()) else self._faults.take()
        body = await request.body()
        refused = self._turned_away(request)
        if refused is not None:
            return _response(refused)
        caller = request.headers["providerid"]
        if fault is not None:
            return await self._spoilt(fault, request, caller, body)
        return _response(self._operations.save(caller, body))

    def _asking(self, operation: Operation) -> Handler:
        async def ask(request: Request) -> Response:
            body = await request.body()
            refused = self._turned_away(request)
            return _response(refused or operation(request.headers["providerid"], body))

        return ask

    def _turned_away(self, request: Request) -> Answer | None:
        """503 during an outage, 401 without the right credentials, 415 for what is not XML."""
        down = self._faults.down_for(self._clock.now())
        if down:
            return answers.error(503, "Unavailable", "Down", {"Retry-After": str(math.ceil(down))})
        if not self._may(request):
            return answers.error(401, "Unauthorized", "Unknown provider, user or password")
        if not request.headers.get("content-type", "").startswith("application/xml"):
            return answers.error(415, "Unsupported", "Content-Type must be application/xml")
        return None

    def _may(self, request: Request) -> bool:
        sent = (request.headers.get("user", ""), request.headers.get("password", ""))
        known = self._providers.get(request.headers.get("providerid", ""))
        return known is not None and hmac.compare_digest(
            "\0".join(sent).encode(), f"{known.user}\0{known.password}".encode()
        )

    async def _spoilt(self, fault: Fault, request: Request, caller: str, body: bytes) -> Response:
        if fault.kind is Kind.STATUS:
            return _response(answers.error(fault.status, "Unspecified failure", "As asked for"))
        if fault.kind is Kind.RETRY_AFTER:
            wait = {"Retry-After": str(math.ceil(fault.seconds))}
            return _response(answers.error(429, "Busy", "Too many requests", wait))
        if fault.kind is Kind.CUT_BEFORE:
            return _cut(request)
        await asyncio.sleep(fault.seconds if fault.kind is Kind.HANG else 0)
        answer = self._operations.save(caller, body)
        if fault.kind is Kind.CUT_AFTER_STORE:
            return _cut(request)
        if fault.kind is Kind.GARBAGE:
            return Response(b"<html><body>Welcome", media_type="text/html")
        return _response(answer)

    # ------------------------------------------------------------------ the tester's side

    async def _get_books(self, _request: Request) -> Response:
        return JSONResponse(self.books())

    async def _put_faults(self, request: Request) -> Response:
        wanted = await request.body()
        return _changed(lambda: self._faults.put(orjson.loads(wanted), self._clock.now()))

    async def _clear_faults(self, _request: Request) -> Response:
        return _changed(self._faults.clear)

    async def _put_roster(self, request: Request) -> Response:
        wanted = await request.body()
        return _changed(lambda: self._roster.put(roster_from(wanted)))

    async def _put_activities(self, request: Request) -> Response:
        wanted = await request.body()
        return _changed(lambda: self._activities.put(activities_from(wanted)))


def roster_from(data: bytes) -> list[Diplomate]:
    """The people of a JSON list. Raises KeyError, TypeError or ValueError when it is none."""
    return [diplomate(one) for one in orjson.loads(data)]


def activities_from(data: bytes) -> list[Activity]:
    """The activities of a JSON list. Raises KeyError, TypeError or ValueError when it is none."""
    return [activity(one) for one in orjson.loads(data)]


def _changed(change: Callable[[], None]) -> Response:
    try:
        change()
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)
    return Response(status_code=204)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers, media_type=_XML)


def _cut(request: Request) -> Response:
    """Reset the TCP connection; the response that is returned never leaves."""
    transport: asyncio.Transport = request.state.transport
    connection: socket.socket = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
    return Response(status_code=500)
