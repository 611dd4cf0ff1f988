"""The gateway as a web application: `POST /in/<source>`, answered once the event is durable."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from consumer.bus.port import MessageTooLarge, Outgoing
from consumer.clock import Clock
from consumer.console.peers import Peers, connected
from consumer.gateway.inflating import NotInflated, TooLarge, inflated
from consumer.gateway.posted import NotABatch, incoming, messages_of
from consumer.gateway.proof import NotProven, Post, Proof, stranger
from consumer.gateway.rate import Rates
from consumer.gateway.receiving import Room, Share, TooMuch, TooSlow, read_body
from consumer.gateway.refusals import Refusals
from consumer.gateway.spool import SpoolUnavailable
from consumer.gateway.taking import Taking
from consumer.settings.entrance import is_exposed, is_loopback
from consumer.settings.gateway import GatewaySettings
from consumer.telemetry.meters import KEPT, Meters
from consumer.telemetry.spans import POST, SILENT, Tracing

PATH = "/in/"
_STATEMENTS = "/statements"
"""What senders of xAPI put behind an LRS's address (xAPI 1.0.3, Communication 2.1)."""
_ROOM_BYTES = 64 * 1024 * 1024
_METHODS = "POST, GET, HEAD, OPTIONS"
_KEPT = b"kept\n"


class Refused(Exception):
    """An answer that is no success; `code` is for the log, `wait` in seconds."""

    def __init__(self, status: int, said: str, code: str, wait: float = 0.0) -> None:
        self.status, self.said, self.code, self.wait = status, said, code, wait
        super().__init__(code)


_UNKNOWN = "No LMS may post here by this name and secret."
_FULL = "This cannot be kept now. Send it again later."


class Gateway:
    """Answers requests; an ASGI application that is made once and serves one loop."""

    def __init__(
        self,
        settings: GatewaySettings,
        listen: str,
        topic: str,
        proofs: dict[str, Proof],
        taking: Taking,
        clock: Clock,
        meters: Meters | None = None,
        tracing: Tracing = SILENT,
    ) -> None:
        """`topic` is for sources that name none; `listen` where it will answer."""
        self._settings, self._topic, self._proofs = settings, topic, proofs
        self._taking, self._clock, self._meters = taking, clock, meters or Meters()
        self._tracing = tracing
        self._rates, self._room = Rates(settings.sources, clock), Room(_ROOM_BYTES)
        self._stranger, self._peers = stranger(), Peers(settings.proxy_peers)
        self._refusals = Refusals(clock)
        self._by_proxy_only = is_exposed(listen) and not settings.own_tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        answer = await self._answer(scope, receive)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        name = scope["path"].removeprefix(PATH).removesuffix(_STATEMENTS)
        known = name if name in self._proofs else ""
        try:
            if not scope["path"].startswith(PATH):
                raise Refused(404, "Nothing is here. Events are posted to /in/<source>.", "path")
            self._check_way(scope)
            return await self._by_method(scope, receive, name)
        except Refused as refused:
            self._refusals.tell(known, refused.code)
            self._meters.post_refused(known, refused.code)
            return _refusal(refused)

    async def _by_method(self, scope: Scope, receive: Receive, name: str) -> Response:
        method = scope["method"]
        if method == "POST":
            await self._take(scope, receive, name)
            return Response(_KEPT, 200, media_type="text/plain")
        if method in ("GET", "HEAD"):
            return PlainTextResponse("Events are posted here.\n")
        if method == "OPTIONS":
            return _handshake(Request(scope))
        raise Refused(405, f"This takes {_METHODS}.", "method")

    def _check_way(self, scope: Scope) -> None:
        """Past the proxy, a secret would have come in clear text over the network."""
        peer = connected(Request(scope))
        if self._by_proxy_only and not (is_loopback(peer) or self._peers.is_trusted(peer)):
            raise Refused(403, "Post to the public address.", "past_the_proxy")

    async def _take(self, scope: Scope, receive: Receive, name: str) -> None:
        headers = _headers(scope)
        told, limit = headers.get("content-length", ""), self._settings.body_limit_bytes
        if told.isdecimal() and (len(told) > 12 or int(told) > limit):
            raise _too_large(limit)
        with self._room.share() as share:
            await self._keep(name, await self._read(headers, receive, share))

    async def _read(self, headers: dict[str, str], receive: Receive, share: Share) -> Post:
        limit = self._settings.body_limit_bytes
        try:
            sent = await read_body(receive, share, limit, self._settings.read_seconds)
            body = inflated(sent, headers.get("content-encoding", ""), limit)
            share.grow(len(body))
            return Post(headers, sent, body)
        except TooLarge:
            raise _too_large(limit) from None
        except TooSlow:
            raise Refused(408, "The body took too long to arrive.", "too_slow") from None
        except NotInflated:
            raise Refused(415, "Content-Encoding: gzip or deflate.", "encoding") from None
        except TooMuch:
            raise Refused(429, "Too much at once. Send it again later.", "room", 1) from None

    async def _keep(self, name: str, post: Post) -> None:
        proof = self._proofs.get(name, self._stranger)
        try:
            body = proof.check(post, self._clock.now())
        except NotProven as error:
            raise Refused(401, _UNKNOWN, str(error)) from None
        if wait := self._rates.try_now(name):
            raise Refused(429, "Too many at once. Send it again later.", "rate", wait)
        if not body:
            raise Refused(400, "There is no event in it.", "empty")
        topic = proof.source.topic or self._topic
        # Not before: what a stranger says makes no span, and is nobody's trace.
        with self._tracing.span(POST, after=incoming(post), source=name, topic=topic) as tell:
            try:
                messages = messages_of(name, topic, proof, post, body)
                await self._made_durable(messages)
            except NotABatch:
                refused = Refused(400, "This is no batch of CloudEvents.", "batch")
            except Refused as error:
                refused = error
            else:
                self._meters.post_kept(name, len(messages))
                tell(status=200, outcome=KEPT, count=len(messages))
                return
            tell(status=refused.status, outcome=refused.code)
        raise refused from None

    async def _made_durable(self, messages: Sequence[Outgoing]) -> None:
        try:
            await self._taking.take(messages)
        except SpoolUnavailable:
            raise Refused(503, _FULL, "spool", self._settings.retry_seconds) from None
        except MessageTooLarge:
            raise _too_large(self._settings.body_limit_bytes) from None


def _headers(scope: Scope) -> dict[str, str]:
    """By name in small letters; of one that is repeated, the first."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found


def _too_large(limit: int) -> Refused:
    return Refused(413, f"More than {limit} bytes are not taken.", "too_large")


def _refusal(refused: Refused) -> Response:
    answer = PlainTextResponse(f"{refused.said}\n", refused.status)
    if refused.wait:
        answer.headers["Retry-After"] = str(max(1, ceil(refused.wait)))
    if refused.status == 401:  # RFC 9110 11.6.1 wants it; all are told the same
        answer.headers["WWW-Authenticate"] = 'Basic realm="webhooks"'
    if refused.status == 405:
        answer.headers["Allow"] = _METHODS
    return answer


def _handshake(request: Request) -> Response:
    """CloudEvents' HTTP Web Hooks 1.0, section 4: whoever asks may, since posts need a secret."""
    answer = Response(status_code=200, headers={"Allow": _METHODS})
    if origin := request.headers.get("webhook-request-origin"):
        answer.headers["WebHook-Allowed-Origin"] = origin
        if "webhook-request-rate" in request.headers:
            answer.headers["WebHook-Allowed-Rate"] = "*"
    return answer
