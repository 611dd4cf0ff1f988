"""An application of ours on a socket, in a thread of its own; console and gateway are served so."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import uvicorn
from starlette.types import ASGIApp

from consumer.settings import SettingsProblems
from consumer.telemetry.listening import listening

_STOP_SECONDS = 3.0


class Place(Protocol):
    """What the settings of a section say of where it is served."""

    @property
    def cert_file(self) -> Path | None: ...

    @property
    def key_file(self) -> Path | None: ...

    def why_not(self, listen: str) -> str:
        """Why nobody should be served at this address; blank if all is well."""
        ...


@contextmanager
def served(
    app: ASGIApp, place: Place, section: str, listen: str, most_connections: int
) -> Iterator[str]:
    """The address while the application answers there, in a thread; `section` is of the settings.

    Raises CannotListen; SettingsProblems where that would not be safe, or the certificate no good.
    """
    if why := place.why_not(listen):
        raise SettingsProblems([f"{section}.{why}"])
    _check_certificate(place, section)
    with listening(listen, f"{section}.listen") as listener:
        server = uvicorn.Server(_config(place, app, most_connections))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True, name=section)
        thread.start()
        host, port = listener.getsockname()[:2]
        try:
            yield f"{'https' if place.cert_file else 'http'}://{_in_url(host)}:{port}"
        finally:
            server.should_exit = True
            thread.join(_STOP_SECONDS)


def _config(place: Place, app: ASGIApp, most_connections: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Who is at the other end is what the connection says; see console.peers for proxies.
        proxy_headers=False,
        limit_concurrency=most_connections,
        timeout_graceful_shutdown=1,
        ssl_certfile=place.cert_file,
        ssl_keyfile=place.key_file,
    )


def _check_certificate(place: Place, section: str) -> None:
    if place.cert_file is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(place.cert_file, place.key_file, password=_no_password)
    except (OSError, ValueError) as error:  # ssl.SSLError is one of the first
        why = getattr(error, "strerror", None) or "no good"
        raise SettingsProblems(
            [f"{section}.cert_file and {section}.key_file: {why}: PEM files that belong together"]
        ) from None


def _no_password() -> str:
    """Instead of asking for one on the terminal, where nobody sits."""
    raise ValueError("the key has a password")


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
