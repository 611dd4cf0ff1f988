"""Runs a simulator on a real socket: in a thread for tests, or as the process itself."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from consumer.pars.simulator.certificate import Certificate
from consumer.pars.simulator.web import Simulator

# A fault may answer with a status that nobody has given a meaning; uvicorn would stumble over it.
STATUS_PHRASES.update(dict.fromkeys(range(600, 1000), b""))


class _Protocol(H11Protocol):
    """Hands each request its connection, so that a fault can break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {**self.app_state, "transport": transport}
        # asyncio does this only for sockets made with an explicit protocol number, ours is not;
        # without it each answer waits 40 ms for the client's delayed acknowledgement.
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)


@contextmanager
def running(
    simulator: Simulator,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: Certificate | None = None,
) -> Iterator[str]:
    """The simulator's address while it runs in a thread; port 0 takes a free one."""
    with _listening(host, port) as listener:
        server = _server(simulator, tls)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        try:
            yield _address(listener, tls)
        finally:
            server.should_exit = True
            thread.join()


def serve(
    simulator: Simulator,
    host: str = "127.0.0.1",
    port: int = 8790,
    announce: Callable[[str], None] = lambda _: None,
    tls: Certificate | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then return; `announce` is told the address. Main thread."""
    # uvicorn raises the signal again when it has stopped; without this the process would die of it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    with _listening(host, port) as listener:
        announce(_address(listener, tls))
        _server(simulator, tls).run([listener])


def _listening(host: str, port: int) -> socket.socket:
    """A listening socket: who connects before uvicorn is up waits in its backlog."""
    return socket.create_server((host, port), backlog=512)


def _address(listener: socket.socket, tls: Certificate | None) -> str:
    host, port = listener.getsockname()[:2]
    return f"{'https' if tls else 'http'}://{host}:{port}"


def _server(simulator: Simulator, tls: Certificate | None) -> uvicorn.Server:
    config = uvicorn.Config(
        simulator.app,
        interface="asgi3",
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
        ssl_context_factory=(lambda *_: tls.context()) if tls else None,
    )
    return uvicorn.Server(config)
