"""One request, as a page sees it: who asks, what they filled in, and the ways to answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from consumer.console.console import Console
from consumer.console.look import TEMPLATES
from consumer.console.role import Role, User
from consumer.console.session import Session

_IN_PLACE_OF_ALL = {
    "HX-Retarget": "#main", "HX-Reselect": "#main", "HX-Reswap": "outerHTML"
}  # fmt: skip


@dataclass(slots=True)
class Visit:
    """What a page is called with; `session` is signed into the answer's cookie."""

    request: Request
    console: Console
    user: User | None
    session: Session
    form: FormData = field(default_factory=FormData)

    @property
    def who(self) -> str:
        """Who acts, for the audit."""
        return self.user.name if self.user else ""

    @property
    def path(self) -> Mapping[str, Any]:
        """What stands in the variable parts of the address."""
        return self.request.path_params

    @property
    def swaps(self) -> bool:
        """Whether htmx asks for a part of the page only."""
        return "hx-request" in self.request.headers and "hx-boosted" not in self.request.headers

    def asked(self, name: str, default: str = "") -> str:
        """What the address asks for, after its question mark."""
        return self.request.query_params.get(name, default).strip()

    def filled(self, name: str, default: str = "") -> str:
        """What was filled into a field of the form."""
        value = self.form.get(name, default)
        return value.strip() if isinstance(value, str) else default

    def may(self, role: Role) -> bool:
        """Whether whoever asks may do what needs this role."""
        return self.user is not None and self.user.may(role)

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page, or the part of one that htmx swaps in."""
        told, self.session = self.session, self.session.told()
        around = {
            "visit": self,
            "user": self.user,
            "token": self.console.sessions.token(self.session),
            "said": told.said,
            "undo": told.undo,
            "zone": self.console.zone,
            "now": self.console.clock.now(),
            "Role": Role,
        }
        return TEMPLATES.TemplateResponse(self.request, template, around | values, status)

    def back(self, to: str, said: str = "", undo: str = "") -> Response:
        """Go to a page, which says what was done; `undo` is the address of a form's way back."""
        if said:
            self.session = self.session.telling(said, undo)
        if self.swaps:
            return Response(headers={"HX-Redirect": to})
        return RedirectResponse(to, 303)

    def wrong(self, status: int, title: str, said: str, how: str = "") -> Response:
        """A page that says why this cannot be done, and what to do instead.

        It takes the place of the whole content, also where htmx asked for a part of it.
        """
        answer = self.show("wrong.html", status, title=title, why=said, how=how)
        if self.swaps:
            answer.headers.update(_IN_PLACE_OF_ALL)
        return answer
