"""The table of pages: each with its address and who may come there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from starlette.responses import Response

from consumer.console.role import Role
from consumer.console.visit import Visit

Handler = Callable[[Visit], Response]
Method = Literal["GET", "POST"]
FORM_BYTES = 1024 * 1024
"""As much as a form may hold; a page that takes files says more."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page (GET) or one action (POST).

    `needs` is the least role; None: whoever comes, also who has not signed in.
    """

    method: Method
    path: str
    handler: Handler
    needs: Role | None = Role.VIEWER
    largest_bytes: int = FORM_BYTES


def page(path: str, handler: Handler, needs: Role | None = Role.VIEWER) -> Page:
    """A page to look at."""
    return Page("GET", path, handler, needs)


def action(
    path: str,
    handler: Handler,
    needs: Role | None = Role.COORDINATOR,
    largest_bytes: int = FORM_BYTES,
) -> Page:
    """Something that changes what there is; it must carry the form's token.

    `largest_bytes` bounds the whole form: more than a megabyte only where files are uploaded.
    """
    return Page("POST", path, handler, needs, largest_bytes)
