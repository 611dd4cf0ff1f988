"""Servers that misbehave on request, and clients of them in either language."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from consumer.pars.client import JsonPars, XmlPars
from consumer.pars.contract import Transport
from consumer.pars.json import JsonDocuments
from consumer.pars.port import Action, Pars, Reply
from consumer.pars.xml import Documents
from tests.fakes import FakeClock
from tests.unit.pars.samples import ADA, CREDIT, SCHEMAS, profile

Script = Callable[[socket.socket, threading.Event], None]
DOCUMENTS = Documents(SCHEMAS)
JSON_DOCUMENTS = JsonDocuments(SCHEMAS)
XML_TYPE, JSON_TYPE = "application/xml", "application/json"
# The client's own default, built once: reading all of the world's authorities takes 20 ms.
TRUST = httpx.create_ssl_context(trust_env=False)
TYPES = {Transport.XML: XML_TYPE, Transport.JSON: JSON_TYPE}


class RawServer:
    """Plays one script on each connection it gets; `heard` is what the last request said."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self._script, self._context = script, context
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.connections = 0
        self.port = int(self._listener.getsockname()[1])
        self._start(self._accept)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._stop.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._start(self._play, connection)

    def _play(self, connection: socket.socket) -> None:
        try:
            with connection if self._context is None else self._secured(connection) as talking:
                self._script(talking, self._stop)
        except OSError:
            pass  # the client has gone, as it should

    def _secured(self, connection: socket.socket) -> socket.socket:
        assert self._context is not None
        return self._context.wrap_socket(connection, server_side=True)


@contextmanager
def server(script: Script, context: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    raw = RawServer(script, context)
    try:
        yield raw
    finally:
        raw.close()


def request(connection: socket.socket) -> bytes:
    """One whole request: headers, then as much body as they announce."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:14] == b"content-length"),
        0,
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(status: str, body: bytes = b"", **headers: str) -> Script:
    """Answers like this, then closes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    answer = "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def script(connection: socket.socket, _: threading.Event) -> None:
        request(connection)
        connection.sendall(answer)

    return script


def trickling(pieces: bytes) -> Script:
    """Sends one byte every 20 ms, for ever at the last one."""

    def script(connection: socket.socket, stop: threading.Event) -> None:
        request(connection)
        for place in range(100_000):
            connection.sendall(pieces[place : place + 1] or b"x")
            if stop.wait(0.02):
                return

    return script


def silent(connection: socket.socket, stop: threading.Event) -> None:
    request(connection)
    stop.wait(20)


def hanging_up(connection: socket.socket, _: threading.Event) -> None:
    request(connection)


def hanging_up_unheard(connection: socket.socket, _: threading.Event) -> None:
    connection.close()


def half_an_answer(connection: socket.socket, _: threading.Event) -> None:
    request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<Learner")


def never_quite_answering(connection: socket.socket, stop: threading.Event) -> None:
    request(connection)
    while not stop.is_set():
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)


def no_http(connection: socket.socket, _: threading.Event) -> None:
    request(connection)
    connection.sendall(b"220 mail.example.org ESMTP\r\n\r\n")


def no_tls(connection: socket.socket, _: threading.Event) -> None:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def endless_headers(connection: socket.socket, stop: threading.Event) -> None:
    request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not stop.is_set():
        connection.sendall(b"X-More: of the same\r\n" * 1000)


def endless_body(connection: socket.socket, stop: threading.Event) -> None:
    request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n<a>")
    while not stop.is_set():
        connection.sendall(b"x" * 65536)


@contextmanager
def client(
    url: str,
    transport: Transport = Transport.XML,
    tls: ssl.SSLContext | None = None,
    clock: FakeClock | None = None,
    **changes: Any,
) -> Iterator[Pars]:
    """A way to the PARS at `url`, closed at the end."""
    asked, clock = profile(url, transport=transport, **changes), clock or FakeClock()
    tls = TRUST if tls is None and url.startswith("http:") else tls
    pars: Pars = XmlPars(asked, DOCUMENTS, clock, tls)
    if transport is Transport.JSON:
        documents = JsonDocuments(SCHEMAS, asked.unique_id_form)
        pars = JsonPars(asked, documents, clock, tls)
    try:
        yield pars
    finally:
        pars.close()


def save_to(script: Script, transport: Transport = Transport.XML, **changes: Any) -> Reply:
    """What comes of reporting Ada's credit to a server that plays this."""
    with server(script) as raw, client(raw.url, transport, **changes) as pars:
        return pars.save(ADA, CREDIT, Action.ADD)


def status_from(script: Script, transport: Transport = Transport.XML, **changes: Any) -> Reply:
    """What comes of asking such a server about it."""
    with server(script) as raw, client(raw.url, transport, **changes) as pars:
        return pars.status(CREDIT)


def listening(heard: list[bytes]) -> Script:
    """Notes what it is asked, and hangs up."""

    def script(connection: socket.socket, _: threading.Event) -> None:
        heard.append(request(connection))

    return script
