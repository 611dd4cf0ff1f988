"""A lean PARS in a process of its own, so that the client is what is measured.

It reads no more of a report than its CreditID, and gives the answer that PARS's save gives. What it
keeps is a count: of posts, of CreditIDs, and of requests that it did not expect.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import RawArray

from tests.end_to_end.patience import until

PATH = "/services/ACCMELearnerService.svc"
START_SECONDS = 20
_POST = f"POST {PATH}/SaveLearnerActivity HTTP/1.1\r\n".encode()
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_CREDIT_ID = re.compile(rb"CreditID>([^<]+)<")
_BODY = (
    b"<?xml version='1.0' encoding='UTF-8'?>\n<LearnerActivityResponse><Result>Success</Result>"
    b"<CreditID>%b</CreditID></LearnerActivityResponse>"
)
_ANSWER = (
    b"HTTP/1.1 200 OK\r\ndate: Thu, 26 Nov 2026 12:00:00 GMT\r\nserver: lean\r\n"
    b"content-length: %d\r\ncontent-type: application/xml; charset=utf-8\r\n\r\n%b"
)
_STRANGE = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n"
_PORT, _POSTS, _CREDITS, _ANSWERED, _UNEXPECTED = range(5)


@dataclass(frozen=True)
class Lean:
    """The server as another process sees it: reading its counts costs it nothing."""

    counts: MutableSequence[int]
    pid: int

    @property
    def url(self) -> str:
        """The base address of its services."""
        return f"http://127.0.0.1:{self.counts[_PORT]}{PATH}"

    @property
    def posts(self) -> int:
        """Reports that came."""
        return self.counts[_POSTS]

    @property
    def answered(self) -> int:
        """Reports that were answered."""
        return self.counts[_ANSWERED]

    def check(self, expected: int) -> None:
        """Raises SystemExit unless every credit was posted, and exactly once."""
        posts, credit_ids, unexpected = self.posts, self.counts[_CREDITS], self.counts[_UNEXPECTED]
        if (posts, credit_ids, unexpected) != (expected, expected, 0):
            raise SystemExit(
                f"{expected} credits, but {posts} posts of {credit_ids} CreditIDs,"
                f" and {unexpected} other requests"
            )


@contextmanager
def lean(delay_seconds: float = 0.0) -> Iterator[Lean]:
    """A server that answers after `delay_seconds`, while it runs."""
    spawning = multiprocessing.get_context("spawn")
    counts = RawArray("q", 5)
    process = spawning.Process(target=_serve, args=(counts, delay_seconds), daemon=True)
    process.start()
    try:
        until(lambda: counts[_PORT] != 0, START_SECONDS, "the lean PARS")
        yield Lean(counts, process.pid or 0)
    finally:
        process.kill()
        process.join()


def _serve(counts: MutableSequence[int], delay_seconds: float) -> None:
    asyncio.run(_listen(counts, delay_seconds))


async def _listen(counts: MutableSequence[int], delay_seconds: float) -> None:
    loop, known = asyncio.get_running_loop(), set[bytes]()
    server = await loop.create_server(
        lambda: _Connection(counts, known, delay_seconds), "127.0.0.1", 0, backlog=512
    )
    counts[_PORT] = server.sockets[0].getsockname()[1]
    await server.serve_forever()


class _Connection(asyncio.Protocol):
    """One client's connection; requests come one after the other."""

    def __init__(
        self, counts: MutableSequence[int], known: set[bytes], delay_seconds: float
    ) -> None:
        self._counts, self._known, self._delay = counts, known, delay_seconds
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport, self._loop = transport, asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n") + 4
        if head < 4:
            return
        said = _LENGTH.search(self._buffer, 0, head)
        whole = head + (int(said[1]) if said else 0)
        if len(self._buffer) < whole:
            return
        answer = self._take(bytes(self._buffer[:whole]))
        del self._buffer[:whole]
        if self._delay:
            self._loop.call_later(self._delay, self._answer, answer)
        else:
            self._answer(answer)

    def _take(self, request: bytes) -> bytes:
        named = _CREDIT_ID.search(request)
        if named is None or not request.startswith(_POST):
            self._counts[_UNEXPECTED] += 1
            return _STRANGE
        self._counts[_POSTS] += 1
        self._known.add(named[1])
        self._counts[_CREDITS] = len(self._known)
        body = _BODY % named[1]
        return _ANSWER % (len(body), body)

    def _answer(self, answer: bytes) -> None:
        self._transport.write(answer)
        self._counts[_ANSWERED] += 1
