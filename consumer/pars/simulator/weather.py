"""Stands before the simulator's services and spoils the requests whose turn it is."""

from __future__ import annotations

import asyncio
import math
import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumer.clock import Clock
from consumer.pars.simulator import json_answers, xml_answers
from consumer.pars.simulator.answer import Answer
from consumer.pars.simulator.faults import Due, Faults, Kind, On, Rule
from consumer.pars.simulator.spoilt import SPOILT

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds: close with a reset
_PIECE = 64 * 1024
_STEM = re.compile(r"^/(services/\w+\.svc/)?")
# What a path begins with, below PARS's stem or without it: its service, and whether it is JSON.
_SERVICES = (
    ("SaveLearnerActivity", On.SAVE, False),
    ("GetLearnerStatus", On.STATUS, False),
    ("GetLearnerMatch", On.MATCH, False),
    ("SaveActivity", On.ACTIVITY, False),
    ("GetActivity", On.ACTIVITY, False),
    ("learner-activities/status", On.STATUS, True),
    ("learner-activities", On.SAVE, True),
    ("activities", On.ACTIVITY, True),
    ("learner-match", On.MATCH, True),
    ("_upload", On.UPLOAD, True),
)


@dataclass(frozen=True, slots=True)
class _Service:
    on: On
    is_json: bool

    def error(self, status: int, code: str, text: str, headers: Mapping[str, str]) -> Answer:
        """One error in the language of the service; without a code JSON repeats the status."""
        if self.is_json:
            return json_answers.error(status, text, headers, code)
        return xml_answers.error(status, code or "Unspecified failure", text, headers)


def _service(path: str) -> _Service | None:
    name = _STEM.sub("", path)
    found = (_Service(on, is_json) for start, on, is_json in _SERVICES if name.startswith(start))
    return next(found, None)


class Weather:
    """ASGI; the tester's own pages are never spoilt."""

    def __init__(self, app: ASGIApp, faults: Faults, clock: Clock) -> None:
        self._app, self._faults, self._clock = app, faults, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service = _service(scope["path"]) if scope["type"] == "http" else None
        due = None if service is None else self._faults.take(service.on, self._clock.now())
        if service is None or due is None:
            await self._app(scope, receive, send)
            return
        # Read whole, whatever follows: a client that is still sending would only see a cut.
        body = await Request(scope, receive).body()
        await self._spoil(due, service, _Wire(scope, send), body)

    async def _spoil(self, due: Due, service: _Service, wire: _Wire, body: bytes) -> None:
        rule = due.rule
        if rule.kind is Kind.CUT_BEFORE:
            wire.cut()
            return
        refusal = self._refusal(due, service, wire.scope)
        if refusal is not None:
            await wire.say(refusal)
            return
        await asyncio.sleep(rule.amount if rule.kind is Kind.HANG else 0)
        answer = await self._answer(wire.scope, body)
        if rule.kind in SPOILT:
            answer = SPOILT[rule.kind](rule, answer)
        await _SAYING.get(rule.kind, _whole)(wire, rule, answer)

    def _refusal(self, due: Due, service: _Service, scope: Scope) -> Answer | None:
        """The answer to a request that is not let in; None when it is."""
        rule = due.rule
        match rule.kind:
            case Kind.STATUS:
                text = "As asked for" if rule.text is None else rule.text
                return service.error(rule.answers, rule.code, text, {})
            case Kind.RETRY_AFTER:
                wait = {"Retry-After": self._retry_after(rule)}
                return service.error(rule.answers, "Busy", "Too many requests", wait)
            case Kind.DOWN:
                wait = {"Retry-After": str(math.ceil(due.left_seconds))}
                return service.error(503, "Unavailable", "Down", wait)
            case Kind.REDIRECT:
                # Back to where it came from: whoever follows sends the record a second time.
                return service.error(rule.answers, "", "Moved", {"Location": scope["path"]})
        return None

    def _retry_after(self, rule: Rule) -> str:
        if not rule.date:
            return str(math.ceil(rule.amount))
        return format_datetime(self._clock.now() + timedelta(seconds=rule.amount), usegmt=True)

    async def _answer(self, scope: Scope, body: bytes) -> Answer:
        """What the service answers when nobody spoils it."""
        told: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            told.append(message)

        await self._app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in told[0]["headers"]}
        media_type = headers.pop("content-type", "")
        headers.pop("content-length", "")
        said = b"".join(message.get("body", b"") for message in told[1:])
        return Answer(told[0]["status"], said, media_type, headers)


class _Wire:
    """The way back to one client."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope, self._send = scope, send
        self._transport: asyncio.Transport = scope["state"]["transport"]

    @property
    def gone(self) -> bool:
        """Whether nobody listens any more."""
        return self._transport.is_closing()

    async def begin(self, answer: Answer) -> None:
        """Status and headers, as of the whole answer."""
        said = {"content-type": answer.media_type, "content-length": str(len(answer.body))}
        headers = [(n.encode(), v.encode()) for n, v in {**said, **answer.headers}.items()]
        start = {"type": "http.response.start", "status": answer.status, "headers": headers}
        await self._send(start)

    async def go_on(self, piece: bytes, *, more: bool) -> None:
        """Some of the body."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})

    async def say(self, answer: Answer, piece: int = _PIECE, pause: float = 0) -> None:
        """The answer in pieces of so many bytes, with a pause after each, while one listens."""
        await self.begin(answer)
        for start in range(0, len(answer.body), piece):
            if self.gone:
                return
            await self.go_on(answer.body[start : start + piece], more=True)
            await asyncio.sleep(pause)
        await self.go_on(b"", more=False)

    def cut(self) -> None:
        """Reset the TCP connection."""
        connection: socket.socket = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def hang_up(self) -> None:
        """Close the connection once everything said so far has left."""
        self._transport.close()


async def _whole(wire: _Wire, _: Rule, answer: Answer) -> None:
    await wire.say(answer)


async def _cut(wire: _Wire, _: Rule, __: Answer) -> None:
    wire.cut()


async def _half(wire: _Wire, _: Rule, answer: Answer) -> None:
    await wire.begin(answer)
    await wire.go_on(answer.body[: len(answer.body) // 2], more=True)
    wire.hang_up()


async def _trickle(wire: _Wire, rule: Rule, answer: Answer) -> None:
    await wire.say(answer, piece=1, pause=rule.amount)


_SAYING = {Kind.CUT_AFTER_STORE: _cut, Kind.HALF: _half, Kind.TRICKLE: _trickle}
