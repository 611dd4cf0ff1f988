"""Somebody at the console, without a browser: pages are fetched, forms are sent as they stand."""

from __future__ import annotations

import html
import re
from typing import Any

from httpx import Response

from consumer.console.role import Role
from tests.integration.browser import NAMES, PASSWORD, Browser, console_in
from tests.integration.office import Office

_FORM = re.compile(r"<form\b(?P<head>[^>]*)>(?P<body>.*?)</form>", re.DOTALL)
_INPUT = re.compile(r"<input\b[^>]*>")
_SELECT = re.compile(r'<select\b[^>]*name="(?P<name>[^"]+)"[^>]*>(?P<body>.*?)</select>', re.DOTALL)
_CHOSEN = re.compile(r'<option value="(?P<value>[^"]*)" selected')


class Visitor:
    """One person with one role, signed in; goes wherever they are sent."""

    def __init__(self, office: Office, role: Role, name: str = "") -> None:
        self.name = name or NAMES[role]
        self.client = Browser(console_in(office))
        self.client.console.users.put(self.name, role, PASSWORD)
        assert self.client.sign_in(self.name).status_code == 303

    def get(self, path: str, **headers: str) -> Response:
        """A page."""
        self.page: Response = self.client.get(path, headers=headers, follow_redirects=True)
        return self.page

    def see(self, path: str) -> str:
        """The text of a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return text_of(answer)

    def send(self, path: str, fields: dict[str, str], **more: Any) -> Response:
        """Fill in a form of this address and send it, with the token that its page would have."""
        self.page = self.client.fill(path, fields, follow_redirects=True, **more)
        return self.page

    def press(self, action: str, **fields: str) -> Response:
        """Send the form of the last page whose address ends so, with what it holds and `fields`."""
        to, held = self._form(action)
        self.page = self.client.post(to, data=held | fields, follow_redirects=True)
        return self.page

    def held(self, action: str) -> dict[str, str]:
        """What that form of the last page holds."""
        return self._form(action)[1]

    def _form(self, action: str) -> tuple[str, dict[str, str]]:
        for form in _FORM.finditer(self.page.text):
            found = re.search(r'action="([^"]+)"', form["head"])
            if found and found[1].endswith(action):
                return found[1], _held(form["body"])
        raise AssertionError(f"no form {action} on {self.page.url}")

    def upload(
        self, table: str, content: bytes, name: str = "roster.csv", **fields: str
    ) -> Response:
        """Bring a file; gives the page that comes of it."""
        return self.send(f"/tables/{table}/uploads", fields, files={"file": (name, content)})


def _held(body: str) -> dict[str, str]:
    held = {}
    for found in _INPUT.finditer(body):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', found[0]))
        unticked = told.get("type") in ("checkbox", "radio") and " checked" not in found[0]
        if "name" in told and not unticked and told.get("type") != "file":
            held[told["name"]] = html.unescape(told.get("value", ""))
    for one in _SELECT.finditer(body):
        chosen = _CHOSEN.search(one["body"])
        held[one["name"]] = html.unescape(chosen["value"]) if chosen else ""
    return held


def text_of(answer: Response) -> str:
    """What a page says, without its tags."""
    bare = re.sub(r"<(script|style).*?</\1>", "", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", bare)).split())
