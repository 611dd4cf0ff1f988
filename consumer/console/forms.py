"""Reads what a form brings: no more of it than the page allows, and no longer than it takes."""

from __future__ import annotations

import asyncio

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

_TOO_LARGE, _TOO_SLOW, _BROKEN = 413, 408, 400
READ_SECONDS = 60.0


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
            return await bounded.form(max_part_size=largest_bytes)
    except TimeoutError:
        raise HTTPException(_TOO_SLOW) from None
    except ClientDisconnect:
        raise HTTPException(_BROKEN) from None


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
