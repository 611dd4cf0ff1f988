"""Answers over HTTP whether the service can work, whether its pumps turn, and its metrics."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consumer.telemetry.exposition import Exposition
from consumer.telemetry.listening import CannotListen as CannotListen
from consumer.telemetry.listening import listening
from consumer.telemetry.readiness import Readiness

READY, LIVE, STARTUP, METRICS = "/ready", "/live", "/startup", "/metrics"
_WELL, _NOT_NOW = 200, 503
_STOP_SECONDS = 2.0


@contextmanager
def answering(
    listen: str,
    readiness: Readiness,
    stalled_seconds: float,
    exposition: Exposition | None = None,
) -> Iterator[str]:
    """The address while it answers there, in a thread; blank `listen`: it does not.

    `exposition` answers `/metrics`. Raises CannotListen.
    """
    if not listen:
        yield ""
        return
    with listening(listen, "health.listen") as listener:
        server = _server(application(readiness, stalled_seconds, exposition))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True, name="health")
        thread.start()
        host, port = listener.getsockname()[:2]
        try:
            yield f"{host}:{port}"
        finally:
            server.should_exit = True
            thread.join(_STOP_SECONDS)


def _server(app: Starlette) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def application(
    readiness: Readiness, stalled_seconds: float, exposition: Exposition | None = None
) -> Starlette:
    """`/ready`, `/live` and `/startup`, each 200 or 503 with what is wrong; `/metrics`.

    `/ready` is 503 only for what makes this process unable to take work; what else fails stands in
    its body, and `well` is false.
    """

    async def ready(_: Request) -> JSONResponse:
        return _answer(_ready(readiness))

    async def live(_: Request) -> JSONResponse:
        return _answer(_live(readiness, stalled_seconds))

    async def startup(_: Request) -> JSONResponse:
        waits_for = readiness.not_yet()
        return _answer({"ok": not waits_for, "waits_for": waits_for})

    routes = [Route(READY, ready), Route(LIVE, live), Route(STARTUP, startup)]
    return Starlette(routes=[*routes, *([_metrics(exposition)] if exposition else [])])


def _metrics(exposition: Exposition) -> Route:
    def metrics(request: Request) -> Response:
        # No coroutine, so in a thread of its own: whether we live is answered meanwhile.
        text, content_type = exposition.answer(request.headers.get("accept", ""))
        return Response(text, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    return Route(METRICS, metrics)


def _ready(readiness: Readiness) -> dict[str, object]:
    rows = [
        {
            "name": one.name,
            "ok": one.ok,
            "cause": one.cause,
            "since": one.since.isoformat(timespec="seconds"),
        }
        for one in readiness.conditions()
    ]
    unable, well = readiness.unable(), all(row["ok"] for row in rows)
    return {"ok": not unable, "well": well, "unable": unable, "conditions": rows}


def _live(readiness: Readiness, stalled_seconds: float) -> dict[str, object]:
    rows = [
        {"name": one.pump, "ok": one.seconds < stalled_seconds, "seconds": round(one.seconds, 1)}
        for one in readiness.turning()
    ]
    return {"ok": all(row["ok"] for row in rows), "pumps": rows}


def _answer(body: dict[str, object]) -> JSONResponse:
    return JSONResponse(body, _WELL if body["ok"] else _NOT_NOW, {"Cache-Control": "no-store"})
