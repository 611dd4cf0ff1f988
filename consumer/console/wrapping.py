"""Around all that the console answers, assets too: strangers' host names, careful headers."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consumer.console.origin import is_ours

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_FOR_A_YEAR = "max-age=31536000"
_MISDIRECTED = 421
ASSETS = "/static"


class Wrapping:
    """Refuses what was meant for another host, and signs every answer."""

    def __init__(self, inner: ASGIApp, hosts: frozenset[str], *, https: bool) -> None:
        self._inner, self._hosts = inner, hosts
        self._headers = dict(_HEADERS)
        if https:
            self._headers["Strict-Transport-Security"] = _FOR_A_YEAR

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        asset = str(scope.get("path", "")).startswith(ASSETS + "/")

        async def signed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._sign(MutableHeaders(scope=message), asset=asset)
            await send(message)

        known = scope["type"] != "http" or is_ours(
            Headers(scope=scope).get("host", ""), self._hosts
        )
        await (self._inner if known else _stranger)(scope, receive, signed)

    def _sign(self, headers: MutableHeaders, *, asset: bool) -> None:
        if asset:
            headers.setdefault("Cache-Control", "no-cache")
        for name, value in self._headers.items():
            headers.setdefault(name, value)


_stranger = PlainTextResponse(
    "This console is not known by that name.\n"
    "Whoever runs it sets console.public_url or console.hosts to the names people type.\n",
    _MISDIRECTED,
)
