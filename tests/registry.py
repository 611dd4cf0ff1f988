"""A small schema registry on loopback that speaks Confluent's API, and can have a bad day."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_TYPE = "application/vnd.schemaregistry.v1+json"
_NO_SCHEMA = {"error_code": 40403, "message": "Schema not found"}
_WRONG_USER = {"error_code": 40101, "message": "Unauthorized"}


@dataclass
class Registry:
    """What it holds, how it behaves, and which schemas it was asked for."""

    schemas: dict[int, dict[str, Any]] = field(default_factory=dict)
    answer: tuple[int, bytes] | None = None
    """What it answers whatever it is asked; None: what it knows."""
    credentials: tuple[str, str] | None = None
    silent: bool = False
    trickling: bool = False
    waited_for: bool = False
    over: threading.Event = field(default_factory=threading.Event)
    asked: list[int] = field(default_factory=list)
    url: str = ""
    port: int = 0

    def register(self, schema: Any, **more: Any) -> int:
        """A schema's number, from now on."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        self.schemas[number := len(self.schemas) + 1] = {"schema": text, **more}
        return number

    @contextmanager
    def serving(self, tls: ssl.SSLContext | None = None) -> Iterator[Registry]:
        """Answers at `url`, at the port it had before if it had one; at the end it is away."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        self.port = server.server_port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.over = threading.Event()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            server.shutdown()
            server.server_close()
            thread.join()

    def respond(self, path: str, authorization: str) -> tuple[int, bytes]:
        """Status and body."""
        if self.credentials is not None:
            user, password = self.credentials
            expected = base64.b64encode(f"{user}:{password}".encode()).decode()
            if authorization != f"Basic {expected}":
                return 401, json.dumps(_WRONG_USER).encode()
        if self.answer is not None:
            return self.answer
        if path == "/schemas/types":
            return 200, b'["AVRO", "JSON", "PROTOBUF"]'
        number = int(path.rpartition("/")[2])
        self.asked.append(number)
        known = self.schemas.get(number)
        return (
            (200, json.dumps(known).encode()) if known else (404, json.dumps(_NO_SCHEMA).encode())
        )


def _handler(registry: Registry) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if registry.silent:
                registry.waited_for = True
                registry.over.wait()
                return
            status, body = registry.respond(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Type", _TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self._write(body)

        def _write(self, body: bytes) -> None:
            if not registry.trickling:
                self.wfile.write(body)
                return
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if registry.over.wait(0.05):
                    return

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
