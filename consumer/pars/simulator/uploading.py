"""The upload page of PARS over HTTP, for whoever has signed in: no credentials of the service."""

from __future__ import annotations

import orjson
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consumer.pars.simulator import result_sheet
from consumer.pars.simulator.door import Door
from consumer.pars.simulator.question import NotValid
from consumer.pars.simulator.uploads import Line, Uploads

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def uploading(uploads: Uploads, door: Door) -> list[Route]:
    """`POST /_upload`, `GET /_results.xlsx` and `GET /_results.csv`."""

    async def upload(request: Request) -> Response:
        provider_id = door.provider(request.query_params.get("provider"))
        if provider_id is None:
            return _problem("say whose file it is: ?provider=1234567, a provider of this PARS")
        data = await _file(request)
        if data is None:
            return _problem("there is no file in the form")
        try:
            return _told(uploads.take(provider_id, data))
        except NotValid as fault:
            return _problem(f"the file was not taken: {fault}")

    async def excel(_: Request) -> Response:
        return Response(result_sheet.as_excel(uploads.results()), media_type=_XLSX)

    async def as_csv(_: Request) -> Response:
        return Response(result_sheet.as_csv(uploads.results()), media_type="text/csv")

    return [
        Route("/_upload", upload, methods=["POST"]),
        Route("/_results.xlsx", excel, methods=["GET"]),
        Route("/_results.csv", as_csv, methods=["GET"]),
    ]


async def _file(request: Request) -> bytes | None:
    """The body, or the first file of a form; None when the form holds none."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body()
    async with request.form() as form:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        return await files[0].read() if files else None


def _told(lines: list[Line]) -> Response:
    """One line a row, so that a terminal shows a list."""
    rows = b",\n".join(orjson.dumps(line.as_json()) for line in lines)
    taken = sum(line.refusal is None for line in lines)
    head = b'{"taken":%d,"refused":%d,"rows":[\n' % (taken, len(lines) - taken)
    return Response(head + rows + b"\n]}\n", media_type="application/json")


def _problem(message: str) -> Response:
    return JSONResponse({"code": 400, "message": message}, status_code=400)
