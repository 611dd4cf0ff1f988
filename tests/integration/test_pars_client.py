"""The client against servers that misbehave: every way a request can break has its Reply."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from consumer.clock import SystemClock
from consumer.fate import Absent, Done, Found, Retry, StopLine, Unclear, Verdict
from consumer.pars.client import XmlPars
from consumer.pars.port import Action, Broke, Reply
from consumer.pars.simulator import STEM, running
from consumer.pars.verdicts import fate_of_save, fate_of_status
from consumer.pars.xml import Documents
from consumer.reason import Stopped
from tests.fakes import MORNING, FakeClock
from tests.unit.pars.samples import ADA, CREDIT, PASSWORD, SCHEMAS, profile, record, simulator

DOCUMENTS = Documents(SCHEMAS)
Script = Callable[[socket.socket, threading.Event], None]
TAKEN = (
    b"<LearnerActivityResponse><Result>Success</Result>"
    b"<CreditID>%b</CreditID></LearnerActivityResponse>" % CREDIT.encode()
)


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
def client(url: str, tls: ssl.SSLContext | None = None, **changes: Any) -> Iterator[XmlPars]:
    pars = XmlPars(profile(url, **changes), DOCUMENTS, FakeClock(), tls)
    try:
        yield pars
    finally:
        pars.close()


def save_to(script: Script, **changes: Any) -> Reply:
    with server(script) as raw, client(f"http://127.0.0.1:{raw.port}", **changes) as pars:
        return pars.save(ADA, CREDIT, Action.ADD)


def status_from(script: Script) -> Reply:
    with server(script) as raw, client(f"http://127.0.0.1:{raw.port}") as pars:
        return pars.status(CREDIT)


# ------------------------------------------------------------------ what is sent


def test_the_request_carries_credentials_type_and_the_document() -> None:
    heard: list[bytes] = []

    def listening(connection: socket.socket, _: threading.Event) -> None:
        heard.append(request(connection))

    save_to(listening)
    head, _, body = heard[0].partition(b"\r\n\r\n")
    lines = head.decode().splitlines()
    assert lines[0] == "POST /SaveLearnerActivity HTTP/1.1"
    sent = dict(line.lower().split(": ", 1) for line in lines[1:])
    assert (sent["providerid"], sent["user"], sent["password"]) == ("0009999", "reporter", PASSWORD)
    assert sent["content-type"] == "application/xml; charset=utf-8"
    assert body == DOCUMENTS.save(
        ADA, CREDIT, Action.ADD, MORNING.replace(tzinfo=None) - timedelta(hours=6)
    )


def test_a_document_that_is_not_valid_opens_no_connection() -> None:
    with server(hanging_up) as raw, client(f"http://127.0.0.1:{raw.port}") as pars:
        with pytest.raises(Stopped):
            pars.save(record(family_name=""), CREDIT, Action.ADD)
        assert raw.connections == 0


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert save_to(answering("200 OK", TAKEN, Content_Type="text/xml")).understood


# ------------------------------------------------------------------ where it breaks


@pytest.mark.parametrize(
    "script",
    [hanging_up, hanging_up_unheard, half_an_answer, no_http, endless_headers],
    ids=lambda script: script.__name__,
)
def test_a_cut_is_a_cut(script: Script) -> None:
    reply = save_to(script)
    assert reply == Reply(broke=Broke.CUT)
    fate = fate_of_save(reply)
    assert isinstance(fate, Retry)
    assert fate.maybe_sent


def test_silence_ends_with_the_read_timeout() -> None:
    assert save_to(silent, read_timeout_seconds=0.2) == Reply(broke=Broke.CUT)


@pytest.mark.parametrize("script", [silent, never_quite_answering], ids=["silence", "flood"])
def test_no_read_timeout_outlasts_the_total_timeout(script: Script) -> None:
    limits = {"read_timeout_seconds": 15.0, "total_timeout_seconds": 0.3}
    clock = SystemClock()
    began = clock.monotonic()
    assert save_to(script, **limits) == Reply(broke=Broke.CUT)
    assert clock.monotonic() - began < 5


@pytest.mark.parametrize(
    "pieces",
    [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\n\r\n<a>"],
    ids=["status line", "headers", "body"],
)
def test_a_trickle_ends_with_the_total_timeout(pieces: bytes) -> None:
    with server(trickling(pieces or b"HTTP/1.1 ")) as raw:
        address = f"http://127.0.0.1:{raw.port}"
        limits = {"read_timeout_seconds": 5.0, "total_timeout_seconds": 0.5}
        clock = SystemClock()
        with client(address, **limits) as pars:
            began = clock.monotonic()
            assert pars.save(ADA, CREDIT, Action.ADD) == Reply(broke=Broke.CUT)
            assert clock.monotonic() - began < 3


def test_nobody_there_means_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with client(f"http://127.0.0.1:{port}") as pars:
        reply = pars.save(ADA, CREDIT, Action.ADD)
    assert reply == Reply(broke=Broke.NOT_SENT)
    fate = fate_of_save(reply)
    assert isinstance(fate, Retry)
    assert not fate.maybe_sent


def test_a_name_that_does_not_resolve_means_nothing_was_sent() -> None:
    with client("https://pars.invalid") as pars:
        assert pars.status(CREDIT) == Reply(broke=Broke.NOT_SENT)


def test_a_connection_that_is_never_accepted_ends_with_the_connect_timeout() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        with client(f"http://127.0.0.1:{full.getsockname()[1]}", connect_timeout_seconds=0.3) as it:
            assert it.save(ADA, CREDIT, Action.ADD) == Reply(broke=Broke.NOT_SENT)
        for one in waiting:
            one.close()


def test_a_client_is_of_use_again_after_a_cut() -> None:
    scripts = iter([hanging_up, answering("200 OK", TAKEN, Content_Type="application/xml")])

    def either(connection: socket.socket, stop: threading.Event) -> None:
        next(scripts)(connection, stop)

    with server(either) as raw, client(f"http://127.0.0.1:{raw.port}") as pars:
        assert pars.save(ADA, CREDIT, Action.ADD).broke is Broke.CUT
        assert fate_of_save(pars.save(ADA, CREDIT, Action.ADD)) == Done()


# ------------------------------------------------------------------ TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "invented")])
    now = SystemClock().now()
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


def serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_trusted_certificate_is_spoken_to(certificate: Path) -> None:
    taken = answering("200 OK", TAKEN, Content_Type="application/xml")
    trust = ssl.create_default_context(cafile=str(certificate))
    with (
        server(taken, serving(certificate)) as raw,
        client(f"https://127.0.0.1:{raw.port}", trust) as pars,
    ):
        assert fate_of_save(pars.save(ADA, CREDIT, Action.ADD)) == Done()


def test_a_stranger_s_certificate_stops_the_line_and_hears_nothing(certificate: Path) -> None:
    heard: list[bytes] = []

    def listening(connection: socket.socket, _: threading.Event) -> None:
        heard.append(connection.recv(65536))

    with (
        server(listening, serving(certificate)) as raw,
        client(f"https://127.0.0.1:{raw.port}") as pars,
    ):
        reply = pars.save(ADA, CREDIT, Action.ADD)
    assert reply == Reply(broke=Broke.TLS)
    assert isinstance(fate_of_save(reply), StopLine)
    assert not any(heard)


def test_no_tls_at_all_stops_the_line() -> None:
    def plain(connection: socket.socket, _: threading.Event) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with server(plain) as raw, client(f"https://127.0.0.1:{raw.port}") as pars:
        assert pars.save(ADA, CREDIT, Action.ADD) == Reply(broke=Broke.TLS)


def test_a_server_that_hangs_up_during_the_handshake_is_only_away() -> None:
    def leaving(connection: socket.socket, _: threading.Event) -> None:
        connection.recv(65536)

    with server(leaving) as raw, client(f"https://127.0.0.1:{raw.port}") as pars:
        assert pars.save(ADA, CREDIT, Action.ADD) == Reply(broke=Broke.NOT_SENT)


# ------------------------------------------------------------------ what is answered

BOMB = (
    b'<!DOCTYPE a [<!ENTITY a0 "ha">'
    + b"".join(b'<!ENTITY a%d "%b">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
    + b"]><LearnerActivityResponse><Result>Success</Result><CreditID>&a9;</CreditID>"
    + b"</LearnerActivityResponse>"
)
OUTSIDE = (
    b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><LearnerActivityResponse>'
    b"<Result>Success</Result><CreditID>&x;</CreditID></LearnerActivityResponse>"
)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("text/html", TAKEN),
        ("application/json", TAKEN),
        ("", TAKEN),
        ("application/xml; charset=iso-8859-1", TAKEN),
        ("application/xml", b""),
        ("application/xml", b"\0\1\2\xff"),
        ("application/xml", b"<html><body>Welcome"),
        ("application/xml", b'<?xml version="1.0" encoding="latin-1"?>' + TAKEN),
        ("application/xml", TAKEN.decode().encode("utf-16")),
        ("application/xml", TAKEN.replace(b"7f3c", b"7f3d")),
        ("application/xml", TAKEN.replace(b"Success", b"Partial success")),
        ("application/xml", b"<Errors><Error><Code/><Message>No</Message></Error></Errors>"),
        ("application/xml", BOMB),
        ("application/xml", OUTSIDE),
    ],
)
def test_a_success_that_is_not_understood_leads_to_asking(content_type: str, body: bytes) -> None:
    reply = save_to(answering("200 OK", body, Content_Type=content_type))
    assert (reply.status, reply.understood, reply.raw) == (200, False, body)
    assert isinstance(fate_of_save(reply), Unclear)


@pytest.mark.parametrize(
    "charset", ["", "; charset=utf-8", '; charset="UTF-8"', "; charset=US-ASCII"]
)
@pytest.mark.parametrize("media", ["application/xml", "text/xml", "Application/XML"])
def test_xml_in_utf_8_is_understood(media: str, charset: str) -> None:
    reply = save_to(answering("201 Created", TAKEN, Content_Type=media + charset))
    assert fate_of_save(reply) == Done()


def test_an_endless_answer_is_cut_at_the_bound() -> None:
    reply = save_to(endless_body, answer_limit_bytes=100_000)
    assert (reply.status, reply.understood, len(reply.raw)) == (200, False, 100_000)


def test_a_compressed_answer_is_not_unpacked() -> None:
    packed = gzip.compress(b"x" * 50_000_000)
    reply = save_to(
        answering("200 OK", packed, Content_Type="application/xml", Content_Encoding="gzip")
    )
    assert (reply.status, reply.understood, reply.raw) == (200, False, packed)


def test_a_redirect_is_not_followed() -> None:
    with server(answering("200 OK", TAKEN, Content_Type="application/xml")) as other:
        elsewhere = f"http://127.0.0.1:{other.port}/"
        reply = save_to(answering("307 Temporary Redirect", Location=elsewhere))
        assert reply.status == 307
        assert isinstance(fate_of_save(reply), StopLine)
        assert other.connections == 0


@pytest.mark.parametrize(
    ("header", "seconds"), [("3", 3.0), ("Sun, 22 Nov 2026 15:15:09 GMT", 9.0)]
)
def test_retry_after_is_handed_on(header: str, seconds: float) -> None:
    fate = fate_of_save(save_to(answering("503 Busy", Retry_After=header)))
    assert isinstance(fate, Retry)
    assert (fate.after_seconds, fate.maybe_sent) == (seconds, True)


def test_errors_bring_code_and_message() -> None:
    errors = (
        b"<Errors><Error><Code>No match</Code><Message>One</Message></Error>"
        b"<Error><Code>x</Code><Message>Two</Message></Error></Errors>"
    )
    reply = save_to(answering("400 Bad Request", errors, Content_Type="application/xml"))
    assert (reply.code, reply.message, reply.understood) == ("No match", "One; Two", True)


def test_the_text_of_a_foreign_error_is_kept_for_the_table() -> None:
    body = b"<Fault xmlns='urn:x'><Text>Activity  does not exist</Text></Fault>"
    reply = save_to(answering("400 Bad Request", body, Content_Type="text/xml"))
    assert (reply.understood, reply.message) == (False, "Activity does not exist")


@pytest.mark.parametrize(
    ("body", "fate"),
    [
        (b"", Absent),
        (b"  \r\n", Absent),
        (b"<Errors><Error><Code/><Message>None</Message></Error></Errors>", Absent),
        (b"<html><title>404</title></html>", StopLine),
        (b"<LearnerStatuses/>", StopLine),
    ],
)
def test_a_404_counts_as_absent_only_in_pars_s_own_words(body: bytes, fate: type) -> None:
    reply = status_from(answering("404 Not Found", body, Content_Type="application/xml"))
    assert isinstance(fate_of_status(reply, CREDIT), fate)


def test_a_status_about_another_credit_is_no_answer() -> None:
    body = (
        b"<LearnerStatuses><LearnerStatus><CreditID>ccid:a:other</CreditID>"
        b"<Status>Accepted</Status></LearnerStatus></LearnerStatuses>"
    )
    reply = status_from(answering("200 OK", body, Content_Type="application/xml"))
    assert isinstance(fate_of_status(reply, CREDIT), Retry)


# ------------------------------------------------------------------ the whole way


@pytest.mark.parametrize("stem", ["", STEM])
def test_saved_asked_and_accepted(stem: str) -> None:
    with running(simulator(FakeClock())) as url, client(url + stem) as pars:
        assert fate_of_save(pars.save(ADA, CREDIT, Action.ADD)) == Done()
        assert fate_of_status(pars.status(CREDIT), CREDIT) == Found(Verdict.ACCEPTED)
        found = pars.status_by_learner(ADA)
        assert [one.credit_id for one in found.credits] == [CREDIT]
        assert pars.match(ADA).code == "Match"
        assert pars.match(record(family_name="Stranger")).code == "NoMatch"


def test_wrong_credentials_stop_the_line_and_are_not_repeated() -> None:
    with running(simulator(FakeClock())) as url, client(url, password="wrong-horse") as pars:
        reply = pars.save(ADA, CREDIT, Action.ADD)
    fate = fate_of_save(reply)
    assert isinstance(fate, StopLine)
    assert "horse" not in f"{reply} {fate}"
