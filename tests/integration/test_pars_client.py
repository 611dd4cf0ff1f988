"""The client against servers that misbehave: every way a request can break has its Reply."""

from __future__ import annotations

import gzip
import logging
import socket
import ssl
import threading
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from lxml import etree

from consumer.clock import SystemClock
from consumer.fate import (
    Absent,
    Done,
    Found,
    Retry,
    SendFate,
    StatusFate,
    StopLine,
    Unclear,
    Verdict,
)
from consumer.pars.contract import CompletedForm, Operation, Placement, Transport
from consumer.pars.element import parse
from consumer.pars.port import Action, Broke, Reply
from consumer.pars.simulator import STEM, running
from consumer.pars.symptoms import SAVE, SAVE_ELSE, STATUS, STATUS_ELSE, Row
from consumer.pars.verdicts import fate_of_save, fate_of_status, row_for
from consumer.reason import Stopped
from tests.fakes import MORNING, FakeClock
from tests.unit.pars.samples import ADA, CREDIT, PASSWORD, record, simulator
from tests.unit.pars.scripted import (
    DOCUMENTS,
    TYPES,
    Script,
    answering,
    client,
    endless_body,
    endless_headers,
    half_an_answer,
    hanging_up,
    hanging_up_unheard,
    listening,
    never_quite_answering,
    no_http,
    no_tls,
    save_to,
    server,
    silent,
    status_from,
    trickling,
)
from tests.unit.pars.spoken import ASKED, SAVED, status_of
from tests.unit.pars.telling import Ask, by_learner, heard, save, status, taken

TAKEN = taken(Transport.XML)
CREATED = MORNING.replace(tzinfo=None) - timedelta(hours=6)
POSSIBLE = [
    *((Transport.XML, place) for place in Placement),
    (Transport.JSON, Placement.HEADERS),
    (Transport.JSON, Placement.QUERY),
]
BOTH = pytest.mark.parametrize("transport", Transport)

# ------------------------------------------------------------------ what is sent


def asked_by(
    ask: Ask, transport: Transport = Transport.XML, **changes: Any
) -> tuple[str, dict[str, str], bytes]:
    """The request line, the headers by their names in small letters, and the body."""
    sent: list[bytes] = []
    with server(listening(sent)) as raw, client(raw.url, transport, **changes) as pars:
        ask(pars)
    head, _, body = sent[0].partition(b"\r\n\r\n")
    line, *lines = head.decode().splitlines()
    headers = (one.split(": ", 1) for one in lines)
    return line, {name.lower(): value for name, value in headers}, body


def test_the_request_carries_credentials_type_and_the_document() -> None:
    line, sent, body = asked_by(save)
    assert line == "POST /SaveLearnerActivity HTTP/1.1"
    assert (sent["providerid"], sent["user"], sent["password"]) == ("0009999", "reporter", PASSWORD)
    assert sent["content-type"] == "application/xml; charset=utf-8"
    assert body == DOCUMENTS.save(ADA, CREDIT, Action.ADD, CREATED)


@BOTH
def test_a_document_that_is_not_valid_opens_no_connection(transport: Transport) -> None:
    with server(hanging_up) as raw, client(raw.url, transport) as pars:
        with pytest.raises(Stopped):
            pars.save(record(family_name=""), CREDIT, Action.ADD)
        with pytest.raises(Stopped):
            pars.status_by_learner(record(birth_date=None))
        with pytest.raises(Stopped):
            pars.status("no credit")
        assert raw.connections == 0


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert save_to(answering("200 OK", TAKEN, Content_Type="text/xml")).understood


# ------------------------------------------------------------------ where it breaks


@BOTH
@pytest.mark.parametrize(
    "script",
    [hanging_up, hanging_up_unheard, half_an_answer, no_http, endless_headers],
    ids=lambda script: script.__name__,
)
def test_a_cut_is_a_cut(script: Script, transport: Transport) -> None:
    reply = save_to(script, transport)
    assert reply == Reply(broke=Broke.CUT)
    fate = fate_of_save(reply)
    assert isinstance(fate, Retry)
    assert fate.maybe_sent


@BOTH
def test_silence_ends_with_the_read_timeout(transport: Transport) -> None:
    assert save_to(silent, transport, read_timeout_seconds=0.2) == Reply(broke=Broke.CUT)


@pytest.mark.parametrize("script", [silent, never_quite_answering], ids=["silence", "flood"])
def test_no_read_timeout_outlasts_the_total_timeout(script: Script) -> None:
    limits: dict[str, Any] = {"read_timeout_seconds": 15.0, "total_timeout_seconds": 0.3}
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
        address = raw.url
        limits: dict[str, Any] = {"read_timeout_seconds": 5.0, "total_timeout_seconds": 0.5}
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

    with server(either) as raw, client(raw.url) as pars:
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
        client(f"https://127.0.0.1:{raw.port}", tls=trust) as pars,
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
    with server(no_tls) as raw, client(f"https://127.0.0.1:{raw.port}") as pars:
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


@BOTH
@pytest.mark.parametrize("limits", [{"answer_limit_bytes": 100_000}, {}], ids=["set", "default"])
def test_an_endless_answer_is_cut_at_the_bound(
    transport: Transport, limits: dict[str, int]
) -> None:
    bound = limits.get("answer_limit_bytes", 1024 * 1024)
    for reply in (
        save_to(endless_body, transport, **limits),
        status_from(endless_body, transport, **limits),
    ):
        assert (reply.status, reply.understood, len(reply.raw)) == (200, False, bound)


@BOTH
def test_a_compressed_answer_is_not_unpacked(transport: Transport) -> None:
    packed = gzip.compress(b"x" * 50_000_000)
    zipped = {"Content_Type": TYPES[transport], "Content_Encoding": "gzip"}
    reply = save_to(answering("200 OK", packed, **zipped), transport)
    assert (reply.status, reply.understood, reply.raw) == (200, False, packed)


@BOTH
@pytest.mark.parametrize(
    ("padding", "headers"),
    [(0, {"Content_Encoding": "gzip"}), (200_000, {})],
    ids=["said to be packed", "cut at the bound"],
)
def test_what_reads_well_by_accident_is_not_believed(
    transport: Transport, padding: int, headers: dict[str, str]
) -> None:
    body = taken(transport) + b" " * padding
    answer = answering("200 OK", body, Content_Type=TYPES[transport], **headers)
    reply = save_to(answer, transport, answer_limit_bytes=100_000)
    assert (reply.understood, reply.raw) == (False, body[:100_000])


@BOTH
def test_a_redirect_is_not_followed(transport: Transport) -> None:
    with server(answering("200 OK", taken(transport), Content_Type=TYPES[transport])) as other:
        reply = save_to(answering("307 Temporary Redirect", Location=other.url), transport)
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


# ------------------------------------------------------------------ where credentials stand

WHERE = {
    "ProviderId": "0009999",
    "User": "reporter",
    "Password": PASSWORD,
}


@BOTH
@pytest.mark.parametrize("ask", [save, status, by_learner])
def test_credentials_in_the_query_are_in_the_query_alone(transport: Transport, ask: Ask) -> None:
    line, headers, body = asked_by(ask, transport, credentials_in=Placement.QUERY)
    query = parse_qs(line.split(" ")[1].partition("?")[2])
    assert {name: query[name] for name in WHERE} == {name: [it] for name, it in WHERE.items()}
    assert not set(headers) & {name.lower() for name in WHERE}
    assert PASSWORD.encode() not in body


def test_credentials_in_the_body_stand_beside_the_unchanged_document() -> None:
    line, headers, body = asked_by(save, credentials_in=Placement.BODY)
    root = parse(body, 100_000)
    assert root.tag == "SaveLearnerActivityRequest"
    assert {one.tag: one.text for one in list(root)[:3]} == WHERE
    alone = parse(DOCUMENTS.save(ADA, CREDIT, Action.ADD, CREATED), 100_000)
    assert etree.tostring(root[3], method="c14n") == etree.tostring(alone, method="c14n")
    assert PASSWORD not in f"{line} {headers}"


@BOTH
@pytest.mark.parametrize("place", [Placement.HEADERS, Placement.QUERY])
def test_credentials_have_the_names_they_were_given(transport: Transport, place: Placement) -> None:
    names = ("Org-Id", "Login", "Pass_Word")
    line, headers, _ = asked_by(save, transport, credentials_in=place, credential_fields=names)
    said = f"{line} {headers}"
    assert [said.count(name) + said.count(name.lower()) for name in names] == [1, 1, 1]
    assert "ProviderId" not in line
    assert "providerid" not in headers


@BOTH
def test_paths_can_be_set_one_by_one(transport: Transport) -> None:
    paths = {Operation.SAVE: "v2/save", Operation.STATUS_BY_LEARNER: "/v2/who"}
    lines = [asked_by(ask, transport, paths=paths)[0] for ask in (save, status, by_learner)]
    asked = [line.split(" ")[1].partition("?")[0] for line in lines]
    default = {
        Transport.XML: "/GetLearnerStatusByCreditId",
        Transport.JSON: "/learner-activities/status",
    }
    assert asked == ["/v2/save", default[transport], "/v2/who"]


@BOTH
@pytest.mark.parametrize("form", CompletedForm)
def test_the_completion_date_has_the_form_it_was_given(
    transport: Transport, form: CompletedForm
) -> None:
    _, _, body = asked_by(save, transport, completed_form=form)
    assert (b"2026-05-14T12:00:00" in body) == (form is CompletedForm.NOON)
    assert b"2026-05-14" in body


@pytest.mark.parametrize(("transport", "place"), POSSIBLE)
@pytest.mark.parametrize("script", [hanging_up, answering("400 No"), half_an_answer])
def test_no_log_and_no_reply_holds_credentials_or_the_learner(
    transport: Transport, place: Placement, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with server(script) as it, client(it.url, transport, credentials_in=place) as pars:
        replies = [ask(pars) for ask in (save, status, by_learner)]
    told = f"{caplog.text} {replies}"
    assert "127.0.0.1" in told  # somebody did log the requests
    for secret in (PASSWORD, "reporter", "1971", "099999", "Example"):
        assert secret not in told


# ------------------------------------------------------------------ the fate table, on the wire


def told_in_full(reply: Reply) -> bool:
    """Whether HTTP can carry it: 1xx is never the last word, and silence is no reply."""
    return reply.broke is not None or (reply.status is not None and reply.status >= 200)


WIRED_SAVES = [one for one in SAVED if told_in_full(one[0])]
WIRED_ASKS = [one for one in ASKED if told_in_full(one[0])]


@BOTH
@pytest.mark.parametrize(("wanted", "fate"), WIRED_SAVES, ids=repr)
def test_an_answer_to_save_has_its_fate_on_the_wire(
    transport: Transport, wanted: Reply, fate: SendFate
) -> None:
    reply = heard(wanted, transport, save)
    assert fate_of_save(reply) == fate
    assert (reply.status, reply.broke, reply.understood) == (
        wanted.status,
        wanted.broke,
        wanted.understood,
    )


@BOTH
@pytest.mark.parametrize("ask", [status, by_learner])
@pytest.mark.parametrize(("wanted", "fate"), WIRED_ASKS, ids=repr)
def test_an_answer_to_a_status_question_has_its_fate_on_the_wire(
    transport: Transport, ask: Ask, wanted: Reply, fate: StatusFate
) -> None:
    reply = heard(wanted, transport, ask)
    assert fate_of_status(reply, CREDIT) == fate
    assert reply.credits == wanted.credits


@pytest.mark.parametrize(
    ("table", "otherwise", "wired"),
    [(SAVE, SAVE_ELSE, WIRED_SAVES), (STATUS, STATUS_ELSE, WIRED_ASKS)],
    ids=["save", "status"],
)
def test_no_row_was_left_out_of_the_walk(
    table: tuple[Row, ...], otherwise: Row, wired: list[tuple[Reply, object]]
) -> None:
    met = [row_for(reply, table, otherwise) for reply, _ in wired]
    assert [row.code for row in (*table, otherwise) if row not in met] == []


@BOTH
def test_a_status_nobody_foresaw_is_unknown_and_kept_as_it_came(transport: Transport) -> None:
    word = " Under review by\tcommittee É \n"
    reply = heard(status_of(word), transport, status)
    assert fate_of_status(reply, CREDIT) == Found(Verdict.UNKNOWN)
    assert reply.credits[0].status == word
    assert b"Under review" in reply.raw


# ------------------------------------------------------------------ the whole way

KNOWN = {Transport.XML: "Match", Transport.JSON: "not_supported"}
UNKNOWN = {Transport.XML: "NoMatch", Transport.JSON: "not_supported"}


@pytest.mark.parametrize("stem", ["", STEM])
@pytest.mark.parametrize(("transport", "place"), POSSIBLE)
def test_saved_asked_and_accepted(transport: Transport, stem: str, place: Placement) -> None:
    with (
        running(simulator(FakeClock())) as url,
        client(url + stem, transport, credentials_in=place) as pars,
    ):
        assert fate_of_save(pars.save(ADA, CREDIT, Action.ADD)) == Done()
        assert fate_of_status(pars.status(CREDIT), CREDIT) == Found(Verdict.ACCEPTED)
        found = pars.status_by_learner(ADA)
        assert [one.credit_id for one in found.credits] == [CREDIT]
        assert pars.match(ADA).code == KNOWN[transport]
        assert pars.match(record(family_name="Stranger")).code == UNKNOWN[transport]


@BOTH
def test_wrong_credentials_stop_the_line_and_are_not_repeated(transport: Transport) -> None:
    with (
        running(simulator(FakeClock())) as url,
        client(url, transport, password="wrong-horse") as pars,
    ):
        reply = pars.save(ADA, CREDIT, Action.ADD)
    fate = fate_of_save(reply)
    assert isinstance(fate, StopLine)
    assert "horse" not in f"{reply} {fate}"
