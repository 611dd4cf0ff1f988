"""A real webhook on loopback: keeps what it is posted, and can have a bad day."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Posted:
    """One message it took: its headers by their names in lower case, and its very bytes."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        """The body, read."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Webhook:
    """What it was posted, and how it answers."""

    posted: list[Posted] = field(default_factory=list)
    """What it answered 2xx to."""
    seen: list[Posted] = field(default_factory=list)
    """Everything, refused or not."""
    answers: list[int] = field(default_factory=list)
    """The next answers, in order; then 204. 0: the message is taken, and the answer lost."""
    answer: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    refuses: Callable[[Posted], bool] = lambda _: False
    """Which messages it answers 422 to."""
    silent: bool = False
    port: int = 0
    url: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def answer_to(self, one: Posted) -> int:
        """What it does with this message."""
        self.seen.append(one)
        status = self.answers.pop(0) if self.answers else self.answer
        if self.refuses(one):
            status = 422
        if status == 0 or 200 <= status < 300:
            self.posted.append(one)
        return status

    @contextmanager
    def serving(self) -> Iterator[Webhook]:
        """Answers at `url`, at the port it had before if it had one; at the end it is away."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        server.daemon_threads = True
        self.port = server.server_port
        self.url, self.over = f"http://127.0.0.1:{self.port}/hook", threading.Event()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            server.shutdown()
            server.server_close()
            thread.join()


def _handler(webhook: Webhook) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            known = {name.lower(): value for name, value in self.headers.items()}
            if webhook.silent:
                webhook.over.wait(20)
                return
            status = webhook.answer_to(Posted(self.path, known, body))
            if status == 0:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(status)
            for name, value in webhook.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
