"""The console as a browser sees it: over a real ledger, without a network in between."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from starlette.testclient import TestClient

from consumer.console.application import application
from consumer.console.console import Console, console_of
from consumer.console.role import Role
from consumer.console.session import COOKIE
from tests.integration.office import Office

ADDRESS = "http://127.0.0.1:8792"
NAMES = {Role.VIEWER: "vera", Role.COORDINATOR: "mora", Role.ADMIN: "abel"}
PASSWORD = "four ducks on the pond"
_TOKEN = re.compile(r'name="token" value="([0-9a-f]{64})"')


def console_in(office: Office) -> Console:
    """The office's console."""
    return console_of(office.service.parts, office.ledger, office.service.premises)


class Browser(TestClient):
    """One browser; it goes where it is sent only when told to."""

    def __init__(
        self, console: Console, address: str = ADDRESS, peer: str = "127.0.0.1", **how: Any
    ) -> None:
        app = how.pop("app", None) or application(console)
        super().__init__(app, address, client=(peer, 50_000), follow_redirects=False, **how)
        self.console = console
        self.token = ""

    @property
    def cookie(self) -> str:
        """The session's cookie as it stands."""
        return next((v for k, v in self.cookies.items() if k.endswith(COOKIE)), "")

    def look(self, path: str, **how: Any) -> Any:
        """The page; its forms' token is kept."""
        answer = self.get(path, **how)
        if found := _TOKEN.search(answer.text):
            self.token = found[1]
        return answer

    def fill(self, path: str, fields: Mapping[str, str] | None = None, **how: Any) -> Any:
        """A form of this browser's last page."""
        return self.post(path, data={"token": self.token, **(fields or {})}, **how)

    def sign_in(self, name: str, password: str = PASSWORD) -> Any:
        """The answer to the sign-in form."""
        self.look("/sign-in")
        answer = self.fill("/sign-in", {"name": name, "password": password})
        if answer.status_code == 303:
            self.look("/me")
        return answer


@contextmanager
def browsing(console: Console, role: Role | None = None, **how: Any) -> Iterator[Browser]:
    """A browser, in which somebody of this role has signed in."""
    with Browser(console, **how) as browser:
        if role is not None:
            name = NAMES[role]
            if console.users.find(name) is None:
                console.users.put(name, role, PASSWORD)
            assert browser.sign_in(name).status_code == 303
        yield browser
