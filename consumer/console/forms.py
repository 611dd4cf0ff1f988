"""Reads what a form brings: no more of it than the page allows, and no longer than it takes."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

_TOO_LARGE, _TOO_SLOW, _BROKEN = 413, 408, 400
READ_SECONDS = 60.0
NUL = "\0"
"""Nobody types it, and PostgreSQL takes no text that holds it."""


async def read_form(
    request: Request, largest_bytes: int, seconds: float = READ_SECONDS
) -> FormData:
    """The form. Raises HTTPException 413 where there is more, 408 where it takes too long, 400."""
    told = request.headers.get("content-length", "0")
    if not told.isdecimal() or int(told) > largest_bytes:
        raise HTTPException(_TOO_LARGE)
    bounded = Request(request.scope, _Bounded(request, largest_bytes).receive)
    try:
        async with asyncio.timeout(seconds):
            form = await bounded.form(max_part_size=largest_bytes)
    except TimeoutError:
        raise HTTPException(_TOO_SLOW) from None
    except ClientDisconnect:
        raise HTTPException(_BROKEN) from None
    if any(NUL in one for pair in form.multi_items() for one in pair if isinstance(one, str)):
        raise HTTPException(_BROKEN)
    return form


def check_address(request: Request) -> None:
    """Raises HTTPException 400 for an address that no page of ours leads to."""
    asked = request.scope.get("query_string", b"").decode("latin-1")
    if NUL in request.url.path or NUL in unquote(request.url.path) or NUL in unquote(asked):
        raise HTTPException(_BROKEN)


class _Bounded:
    """Counts what comes: a length that is told need not be true, and need not be told at all."""

    def __init__(self, request: Request, largest_bytes: int) -> None:
        self._request, self._left = request, largest_bytes

    async def receive(self) -> Message:
        message = await self._request.receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise HTTPException(_TOO_LARGE)
        return message
