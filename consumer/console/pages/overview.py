"""The front page: how much there is of what, and what needs somebody."""

from __future__ import annotations

from starlette.responses import Response

from consumer.console.page import page
from consumer.console.visit import Visit


def overview(visit: Visit) -> Response:
    """The front page."""
    return visit.show("overview.html")


PAGES = (page("/", overview),)
