"""The mappings: which there are, how each reads its events, and trying an event out."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from consumer.console.page import FORM_BYTES, action, page
from consumer.console.role import Role
from consumer.console.visit import Visit
from consumer.decoding.schemas import SchemasAway
from consumer.desk.deadletters import NoSuchLetter
from consumer.desk.mappingshelf import LATELY, MappingDesk
from consumer.desk.rehearsing import Rehearsed, letter_events, rehearsed
from consumer.desk.words import advice
from consumer.drafting.sample import events_of
from consumer.event import Envelope
from consumer.mapping.example import Unreadable
from consumer.mapping.problem import MappingProblems
from consumer.reason import Stopped

MOST_EVENTS = 20
"""Of a paste that holds more, the first are tried."""


def desk_of(visit: Visit) -> MappingDesk:
    """The folder of mappings beside what is in force."""
    settings, catalogue = visit.console.settings, visit.console.house.catalogue
    return MappingDesk(settings.mappings_dir, settings.schemas_dir, catalogue, visit.console.ledger)


def mappings(visit: Visit) -> Response:
    """All of them."""
    return visit.show("mappings.html", shelf=desk_of(visit).shelf(), lately=LATELY)


def mapping(visit: Visit) -> Response:
    """One of them, with its examples."""
    try:
        opened = desk_of(visit).open(str(visit.path["name"]))
    except MappingProblems:
        return visit.wrong(
            404, "No such mapping", "There is no mapping of this name.",
            "The list of mappings has those there are.",
        )  # fmt: skip
    examples = [
        (one.name, _pretty(one.event), _pretty(one.expected), rehearsal)
        for one, rehearsal in opened.rehearsals
    ]
    return visit.show("mapping.html", opened=opened, one=opened.shelved, examples=examples)


def _pretty(text: bytes | None) -> str:
    try:
        return orjson.dumps(orjson.loads(text or b""), option=orjson.OPT_INDENT_2).decode()
    except ValueError:
        return (text or b"").decode(errors="replace")


# ------------------------------------------------------------ trying an event out


def ask(visit: Visit) -> Response:
    """The form; with an example's event in it, if one was chosen."""
    name, example = visit.asked("mapping"), visit.asked("example")
    try:
        event = desk_of(visit).example(name, example) if name else b""
    except MappingProblems:
        event = b""
    return _form(visit, _pretty(event) if event else "")


def attempt(visit: Visit) -> Response:
    """What becomes of the event; of what was pasted nothing is kept, also not in a log."""
    text, limit = visit.filled("event"), visit.console.settings.intake.payload_limit_bytes
    raw = text.encode()
    if not raw:
        return _form(visit, text, wrong="Paste an event first, as the LMS sent it.")
    if len(raw) > limit:
        return _form(visit, "", wrong=f"More than {limit:,} bytes: no event may be so large.")
    try:
        events = events_of(raw)
    except Unreadable as error:
        return _form(visit, text, wrong=f"This cannot be read: {error}.")
    except Stopped as stopped:
        told = "; ".join(advice(one).happened for one in stopped.reasons)
        return _form(visit, text, wrong=f"This cannot be read: {told}.")
    return _form(visit, text, _tried(visit, events, show=True))


def letter(visit: Visit) -> Response:
    """The same of an event that needs attention: values are masked; remembered all the same."""
    console, number = visit.console, visit.filled("letter")
    show = bool(visit.filled("show"))
    try:
        events = letter_events(console.ledger, console.house, number, visit.who, console.clock)
    except NoSuchLetter:
        return _form(visit, "", letter=number, letter_wrong="Nothing has this number.")
    except SchemasAway:
        return _form(visit, "", letter=number, letter_wrong="The schema registry does not answer.")
    except Stopped as stopped:
        told = "; ".join(advice(one).happened for one in stopped.reasons)
        return _form(visit, "", letter=number, letter_wrong=f"It cannot be read: {told}.")
    return _form(visit, "", _tried(visit, events, show=show), letter=number)


def _tried(visit: Visit, events: list[Envelope], *, show: bool) -> list[Rehearsed]:
    house, now = visit.console.house, visit.console.clock.now()
    found = (rehearsed(one, house, now, show=show) for one in events[:MOST_EVENTS])
    return [one for many in found for one in many][:MOST_EVENTS]


def _form(visit: Visit, text: str, tried: list[Rehearsed] | None = None, **values: Any) -> Response:
    known = {"wrong": "", "letter": "", "letter_wrong": ""} | values
    status = 422 if known["wrong"] or known["letter_wrong"] else 200
    return visit.show("mapping-try.html", status, text=text, tried=tried, **known)


_LARGEST = 16 * FORM_BYTES
PAGES = (
    page("/mappings", mappings),
    page("/mappings/try", ask),
    action("/mappings/try", attempt, needs=Role.VIEWER, largest_bytes=_LARGEST),
    action("/mappings/try/letter", letter),
    page("/mappings/{name:path}", mapping),
)
