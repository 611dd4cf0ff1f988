"""A PARS on its worst day: it repeats what it was sent, breaks off, and answers nonsense."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

XML = "application/xml; charset=utf-8"
CUT = 0
"""Status of an answer that never comes: the record is stored, then the connection breaks."""


@dataclass(frozen=True)
class Answer:
    """One answer; `{credit_id}` in its body is the one that was asked about."""

    status: int
    body: str
    content_type: str = XML

    def bytes_for(self, request: bytes) -> bytes:
        """The body as it leaves."""
        credit_id = re.search(rb"ccid:[^<]+", request)
        told = credit_id[0].decode() if credit_id else ""
        return self.body.replace("{credit_id}", told).encode()


def error(code: str, message: str) -> str:
    """An error in PARS's own shape."""
    return f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"


def status(word: str) -> str:
    """A status answer with any word."""
    told = f"<CreditID>{{credit_id}}</CreditID><Status>{word}</Status>"
    return f"<LearnerStatuses><LearnerStatus>{told}</LearnerStatus></LearnerStatuses>"


class Loud:
    """Stands around a simulator's application; remembers all of every request."""

    def __init__(
        self, saves: dict[str, Iterable[Answer]], asked: dict[str, Iterable[Answer]]
    ) -> None:
        """Answers by activity, each given once: to what is sent, and to the questions after it."""
        self._app: Any = None
        self._saves = {activity: deque(answers) for activity, answers in saves.items()}
        self._asked = {activity: deque(answers) for activity, answers in asked.items()}
        self._activities: dict[bytes, str] = {}
        self.lines: list[bytes] = []
        self.bodies: list[bytes] = []

    def around(self, app: Any) -> Loud:
        """Itself, with this application behind it."""
        self._app = app
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _whole(receive)
        self._remember(scope, body)
        answer = self._answer(scope["path"], body)
        if answer is None:
            await self._app(scope, _again(body, receive), send)
        elif answer.status == CUT:
            await self._app(scope, _again(body, receive), _nobody)
            transport: asyncio.Transport = scope["state"]["transport"]
            transport.abort()
            await _say(send, answer, b"")
        else:
            await _say(send, answer, answer.bytes_for(body))

    def _remember(self, scope: Scope, body: bytes) -> None:
        target = scope["raw_path"] + b"?" + scope["query_string"]
        head = b"\n".join(b"%b: %b" % pair for pair in scope["headers"])
        self.lines.append(target + b"\n" + head)
        self.bodies.append(body)

    def _answer(self, path: str, body: bytes) -> Answer | None:
        """What is due for this request, and is due no more."""
        credit_id = re.search(rb"ccid:[^<]+", body)
        activity = re.search(rb'moduleID="(\d+)"', body)
        if credit_id and activity:
            self._activities[credit_id[0]] = activity[1].decode()
        about = self._activities.get(credit_id[0], "") if credit_id else ""
        due = (self._saves if path.endswith("SaveLearnerActivity") else self._asked).get(about)
        return due.popleft() if due else None


async def _whole(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """The request once more, for the application behind."""
    events = deque([{"type": "http.request", "body": body, "more_body": False}])

    async def next_event() -> MutableMapping[str, Any]:
        return events.popleft() if events else await receive()

    return next_event


async def _say(send: Send, answer: Answer, body: bytes) -> None:
    head = [(b"content-type", answer.content_type.encode())]
    status = answer.status or 500
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def _nobody(_event: MutableMapping[str, Any]) -> None:
    """Takes an answer that is not to be sent."""
