"""The front page: how much there is of what, what needs somebody, and whether all is well."""

from __future__ import annotations

from starlette.responses import Response

from consumer.console.page import page
from consumer.console.visit import Visit
from consumer.desk.overview import overview as overview_of
from consumer.desk.trying import FATES
from consumer.desk.worklists import TITLES

_TONES = {"attention": "act", "waiting": "act", "at_risk": "bad", "rejected": "bad"}
_FLOW = {
    "ready": "to be reported",
    "held": "wait for something",
    "refused": "need attention",
    "duplicate": "known already",
    "not_reportable": "not reportable",
    "review": "ask for a decision",
    "retracted": "taken back by the LMS",
}
"""What came of events, in the words of the lists."""


def overview(visit: Visit) -> Response:
    """The front page."""
    found = overview_of(visit.console.desk)
    lists = [
        (count, TITLES[name], f"/work/{name.replace('_', '-')}", _tone(name, count))
        for name, count in found.lists.items()
    ]
    return visit.show(
        "overview.html", told=found, lists=lists, week=_flow(found.week), today=_flow(found.today)
    )


def _tone(name: str, count: int) -> str:
    return _TONES.get(name, "") if count else ""


def _flow(counts: object) -> list[tuple[str, int]]:
    told = dict(counts) if isinstance(counts, dict) else {}
    known = [(words, told.pop(fate)) for fate, words in _FLOW.items() if told.get(fate)]
    return known + [(FATES.get(fate, fate.replace("_", " ")), n) for fate, n in told.items() if n]


PAGES = (page("/", overview),)
