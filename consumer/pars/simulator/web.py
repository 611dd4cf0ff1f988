"""The simulator over HTTP: its services in XML and JSON, faults, and the books."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consumer.clock import Clock
from consumer.pars.simulator.activity import Activities, Activity, activity
from consumer.pars.simulator.activity_face import JsonActivityFace, XmlActivityFace
from consumer.pars.simulator.activity_service import ActivityService
from consumer.pars.simulator.answer import Answer
from consumer.pars.simulator.door import Caller, Door
from consumer.pars.simulator.door import Provider as Provider
from consumer.pars.simulator.face import Face, JsonFace, XmlFace
from consumer.pars.simulator.faults import Faults, Rule
from consumer.pars.simulator.openapi import bundled
from consumer.pars.simulator.operations import Manners, Operations
from consumer.pars.simulator.plan import PlanProblems, plan_from
from consumer.pars.simulator.roster import Diplomate, Roster, diplomate
from consumer.pars.simulator.uploading import uploading
from consumer.pars.simulator.uploads import Uploads
from consumer.pars.simulator.weather import Weather

STEM = "/services/ACCMELearnerService.svc"

Operation = Callable[[str, bytes], Answer]
Handler = Callable[[Request], Awaitable[Response]]


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
        faults: Sequence[Rule] = (),
    ) -> None:
        """`schemas_dir` is the folder that holds `pars/`."""
        manners = manners or Manners()
        self._door = Door(providers, manners.credentials_in)
        self._roster = Roster(roster)
        self._activities = Activities(activities)
        self._clock = clock
        self._faults = Faults(faults, clock.now())
        self._operations = Operations(self._roster, self._activities, manners, clock, self._faults)
        self._xml = XmlFace(self._operations, schemas_dir)
        self._json = JsonFace(self._operations, schemas_dir, manners.unique_id_form)
        self._uploads = Uploads(self._operations, schemas_dir)
        service = ActivityService(self._activities, manners.visible_after_seconds, clock)
        self._service = service
        self._xml_activities = XmlActivityFace(service, schemas_dir)
        self._json_activities = JsonActivityFace(service, self._operations, schemas_dir)
        self._openapi = bundled(schemas_dir)
        self.app = Weather(Starlette(routes=self._routes()), self._faults, clock)

    def books(self) -> dict[str, Any]:
        """What `GET /_books` answers."""
        return self._operations.as_json()

    def registered(self) -> dict[str, Any]:
        """What `GET /_activities` answers."""
        return self._service.as_json()

    def _routes(self) -> list[Route]:
        services: list[tuple[str, str, Handler]] = [
            ("POST", "SaveLearnerActivity", self._saving(self._xml)),
            ("POST", "GetLearnerStatusByCreditId", self._asking(self._xml.status)),
            ("POST", "GetLearnerStatusByLearner", self._asking(self._xml.status_by_learner)),
            ("POST", "GetLearnerMatch", self._asking(self._xml.match)),
            ("POST", "learner-activities", self._saving(self._json)),
            ("GET", "learner-activities/status", self._status),
            ("POST", "SaveActivity", self._saving(self._xml_activities)),
            ("POST", "GetActivity", self._asking(self._xml_activities.look_up)),
            ("POST", "activities", self._saving(self._json_activities)),
            ("GET", "activities", self._activity),
            ("GET", "activities/{number}", self._activity),
            ("POST", "learner-match", self._asking(self._json_activities.match, self._json)),
        ]
        # With and without PARS's stem, so that a base URL may be just the simulator's address.
        return [
            Route(f"{stem}/{name}", handler, methods=[method])
            for stem in (STEM, "")
            for method, name, handler in services
        ] + [
            Route("/_openapi.json", self._get_openapi, methods=["GET"]),
            Route("/_books", self._get_books, methods=["GET"]),
            Route("/_faults", self._get_faults, methods=["GET"]),
            Route("/_faults", self._put_faults, methods=["PUT"]),
            Route("/_faults", self._clear_faults, methods=["DELETE"]),
            Route("/_manners", self._put_manners, methods=["PUT"]),
            *uploading(self._uploads, self._door),
            Route("/_roster", self._put_roster, methods=["PUT"]),
            Route("/_activities", self._put_activities, methods=["PUT"]),
            Route("/_activities", self._get_activities, methods=["GET"]),
        ]

    # ------------------------------------------------------------------ PARS's services

    def _saving(self, face: Face) -> Handler:
        async def save(request: Request) -> Response:
            caller = await self._admitted(request, face, face.media_type)
            if isinstance(caller, Answer):
                return _response(caller)
            return _response(face.save(caller.provider_id, caller.body))

        return save

    def _asking(self, operation: Operation, face: Face | None = None) -> Handler:
        face = face or self._xml

        async def ask(request: Request) -> Response:
            caller = await self._admitted(request, face, face.media_type)
            if isinstance(caller, Answer):
                return _response(caller)
            return _response(operation(caller.provider_id, caller.body))

        return ask

    async def _status(self, request: Request) -> Response:
        caller = await self._admitted(request, self._json, "")
        if isinstance(caller, Answer):
            return _response(caller)
        query = request.query_params.multi_items()
        return _response(self._json.status(caller.provider_id, query))

    async def _activity(self, request: Request) -> Response:
        caller = await self._admitted(request, self._json, "")
        if isinstance(caller, Answer):
            return _response(caller)
        number, query = request.path_params.get("number", ""), request.query_params.multi_items()
        return _response(self._json_activities.look_up(caller.provider_id, number, query))

    async def _admitted(self, request: Request, face: Face, media_type: str) -> Caller | Answer:
        """401 without the right credentials, 415 for the wrong language."""
        body = await request.body()
        caller = self._door.admit(request.headers, request.query_params, body)
        if caller is None:
            return face.error(401, "Unauthorized", "Unknown provider, user or password")
        said = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in ("", said):
            return face.error(415, "Unsupported", f"Content-Type must be {media_type}")
        return caller

    # ------------------------------------------------------------------ the tester's side

    async def _get_openapi(self, _request: Request) -> Response:
        return JSONResponse(self._openapi)

    async def _get_books(self, _request: Request) -> Response:
        return JSONResponse(self.books())

    async def _get_faults(self, _request: Request) -> Response:
        return JSONResponse({"faults": self._faults.as_json(self._clock.now())})

    async def _get_activities(self, _request: Request) -> Response:
        return JSONResponse(self.registered())

    async def _put_faults(self, request: Request) -> Response:
        wanted = await request.body()
        return _changed(
            lambda: self._faults.put(plan_from(orjson.loads(wanted)), self._clock.now())
        )

    async def _clear_faults(self, _request: Request) -> Response:
        return _changed(self._faults.clear)

    async def _put_manners(self, request: Request) -> Response:
        wanted = await request.body()
        return _changed(lambda: self._operations.behave(orjson.loads(wanted)))

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


def _changed(change: Callable[[], object]) -> Response:
    try:
        change()
    except PlanProblems as found:
        return JSONResponse({"errors": found.problems}, status_code=400)
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        return JSONResponse({"error": f"{type(error).__name__}: {error}"}, status_code=400)
    return Response(status_code=204)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers, media_type=answer.media_type)
