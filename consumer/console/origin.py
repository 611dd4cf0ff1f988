"""Where a request says it comes from and goes to: names we have, pages of ours."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from consumer.settings.console import ConsoleSettings

_OF_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "[::1]"})
_EVERY = frozenset({"0.0.0.0", "[::]", ""})  # noqa: S104  compared with, not listened on


def own_hosts(settings: ConsoleSettings, listen: str) -> frozenset[str]:
    """The names that a browser may know us by, in small letters and without a port.

    Any other is a stranger's name that leads to our address: DNS rebinding.
    """
    host = listen.rpartition(":")[0].lower()
    public = _bare(urlsplit(settings.public_url).netloc)
    further = {one.lower() for one in settings.hosts}
    return frozenset(_OF_THIS_MACHINE | further | {public, host}) - _EVERY


def is_ours(host: str, hosts: frozenset[str]) -> bool:
    """Whether the Host header names us."""
    return _bare(host) in hosts


def is_from_here(request: Request, settings: ConsoleSettings) -> bool:
    """Whether a page of ours sent this form, as far as the browser tells.

    Sec-Fetch-Site and Origin cannot be set by a script; what sends neither is no browser of today,
    and still needs the form's token.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        return False
    origin = request.headers.get("origin")
    here = f"{request.url.scheme}://{request.headers.get('host', '')}"
    return origin is None or origin.lower() in {here.lower(), _origin(settings.public_url)}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _bare(netloc: str) -> str:
    """Without its port: `[::1]:8792`, `cme.example.org:443`."""
    head, bracket, _ = netloc.lower().partition("]")
    return head + bracket if bracket else head.partition(":")[0]
