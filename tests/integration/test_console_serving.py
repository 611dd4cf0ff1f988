"""The console on real sockets: where it listens, TLS, and what is too large or too slow."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from consumer.console.application import application
from consumer.console.gate import Gate
from consumer.console.role import Role
from consumer.console.serving import serving
from consumer.settings import SettingsProblems
from consumer.telemetry.listening import listening
from tests.integration.browser import PASSWORD, Browser, browsing, console_in
from tests.integration.office import Office
from tests.kafka.guarded import Authority

ANYWHERE = "0.0.0.0:0"


@dataclass(frozen=True)
class Papers:
    """Files of TLS."""

    authority: Path
    cert: Path
    key: Path


def papers_in(folder: Path) -> Papers:
    authority = Authority(folder)
    return Papers(authority.ca_file, *authority.issue("console", "localhost"))


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """A certificate for localhost, and who vouches for it."""
    return papers_in(tmp_path_factory.mktemp("papers"))


def client(address: str, **how: Any) -> httpx.Client:
    return httpx.Client(base_url=address, trust_env=False, **how)


def test_on_this_machine_it_needs_nothing_more(office: Office) -> None:
    with serving(console_in(office), "127.0.0.1:0") as address, client(address) as http:
        answer = http.get("/sign-in")
        assert answer.status_code == 200
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers


def test_no_answer_waits_to_be_acknowledged() -> None:
    """Without TCP_NODELAY each answer takes 40 ms more, on every system that delays its ACKs."""
    with (
        listening("127.0.0.1:0", "console.listen") as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize("listen", [ANYWHERE, "[::]:0", "console.example.org:0", "192.0.2.1:0"])
def test_where_others_could_read_along_it_does_not_listen(office: Office, listen: str) -> None:
    with pytest.raises(SettingsProblems) as told, serving(console_in(office), listen):
        pass
    (problem,) = told.value.problems
    assert problem.startswith(f"console.listen: {listen} can be reached by others")
    for step in ("cert_file", "proxy.peers", "127.0.0.1"):
        assert step in problem


@pytest.mark.parametrize("listen", ["0.0.0.0:8792", "[::]:8792", "cme.example.org:8792"])
def test_the_settings_are_refused_before_anything_starts(office: Office, listen: str) -> None:
    with pytest.raises(SettingsProblems, match="can be reached by others"):
        office.start(console={"listen": listen})


def test_with_a_certificate_it_speaks_tls_and_nothing_else(office: Office, papers: Papers) -> None:
    office.start(console={"cert_file": papers.cert, "key_file": papers.key})
    console = console_in(office)
    console.users.put("mora", Role.COORDINATOR, PASSWORD)
    trust = ssl.create_default_context(cafile=papers.authority)
    with serving(console, ANYWHERE) as address:
        port = address.rpartition(":")[2]
        with client(f"https://localhost:{port}", verify=trust) as http:
            answer = http.get("/sign-in")
            assert answer.status_code == 200
            assert answer.headers["set-cookie"].startswith("__Host-moc_console=")
            assert "Secure" in answer.headers["set-cookie"]
            assert "strict-transport-security" in answer.headers
            token = answer.text.partition('name="token" value="')[2][:64]
            form = {"token": token, "name": "mora", "password": PASSWORD, "next": "/me"}
            origin = {"Origin": f"https://localhost:{port}"}
            assert http.post("/sign-in", data=form, headers=origin).status_code == 303
            assert "mora" in http.get("/me").text
        with client(f"http://localhost:{port}") as plain, pytest.raises(httpx.TransportError):
            plain.get("/sign-in")


def test_a_certificate_that_is_no_good_is_told_before_it_listens(
    office: Office, papers: Papers, tmp_path: Path
) -> None:
    other = papers_in(tmp_path)
    nothing = tmp_path / "nothing.pem"
    for cert, key in ((papers.cert, other.key), (nothing, papers.key), (papers.key, papers.key)):
        office.start(console={"cert_file": cert, "key_file": key})
        with (
            pytest.raises(SettingsProblems, match="cert_file"),
            serving(console_in(office), "127.0.0.1:0"),
        ):
            pass


def test_one_of_the_two_files_is_of_no_use(office: Office, papers: Papers) -> None:
    with pytest.raises(SettingsProblems, match="one is of no use without the other"):
        office.start(console={"cert_file": papers.cert})


def test_what_a_peer_writes_of_itself_is_not_who_it_is(office: Office) -> None:
    said = {"user_header": "X-User", "groups_header": "X-Groups", "roles": {"cme": "admin"}}
    office.start(console={"proxy": {"peers": ["192.0.2.7"], **said}})
    heads = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https"}
    heads |= {"X-User": "eve", "X-Groups": "cme"}
    with serving(console_in(office), "127.0.0.1:0") as address, client(address) as http:
        assert http.get("/me", headers=heads).status_code == 403


# ---------------------------------------------------------------- large and slow


@pytest.fixture
def mora(office: Office) -> Iterator[Browser]:
    """A coordinator's browser, before a gate that waits for a form for a moment only."""
    console = console_in(office)
    with browsing(console, Role.COORDINATOR) as browser:
        yield browser


def chunks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * 1024


def test_a_body_that_does_not_say_how_long_it_is_is_cut_off(mora: Browser) -> None:
    heads = {"X-CSRF-Token": mora.token, "Content-Type": "application/x-www-form-urlencoded"}
    answer = mora.post("/me/password", content=chunks(17), headers=heads)
    assert answer.status_code == 413
    assert "more than fits here" in answer.text


def test_a_form_in_parts_is_bounded_as_a_whole(mora: Browser) -> None:
    files = {f"f{n}": (f"{n}.txt", b"x" * 4000) for n in range(5)}
    assert mora.post("/me/password", files=files, data={"token": mora.token}).status_code == 413


@pytest.mark.parametrize(
    "body", [b"", b"--x", b"--x\r\nContent-Disposition: form-data\r\n\r\n", b"\x00" * 100]
)
def test_a_form_that_is_broken_changes_nothing(mora: Browser, body: bytes) -> None:
    heads = {"X-CSRF-Token": mora.token, "Content-Type": "multipart/form-data; boundary=x"}
    assert mora.post("/sign-out", content=body, headers=heads).status_code in (303, 400)
    heads["Content-Type"] = "multipart/form-data"
    assert mora.post("/sign-out", content=body, headers=heads).status_code in (303, 400, 403)


def test_a_form_that_does_not_come_to_an_end_is_given_up(office: Office) -> None:
    console = console_in(office)
    gate = Gate(console, "", read_seconds=0.2)
    with serving(console, "127.0.0.1:0", application(console, gate=gate)) as address:
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
            slow.sendall(
                b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n\r\ntoken="
            )
            told = b""
            while part := slow.recv(65536):
                told += part
                if b"took too long" in told:
                    break
            assert told.startswith(b"HTTP/1.1 408")
