"""A Reply told over HTTP, as PARS would have said it in either language."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from lxml import etree

from consumer.pars.contract import Transport
from consumer.pars.element import Element, child
from consumer.pars.port import Action, Broke, CreditStatus, Pars, Reply
from tests.fakes import MORNING
from tests.unit.pars.samples import ADA, CREDIT
from tests.unit.pars.scripted import (
    JSON_DOCUMENTS,
    TYPES,
    Script,
    answering,
    client,
    hanging_up,
    no_tls,
    server,
)

Ask = Callable[[Pars], Reply]


def save(pars: Pars) -> Reply:
    """Report Ada's credit."""
    return pars.save(ADA, CREDIT, Action.ADD)


def status(pars: Pars) -> Reply:
    """Ask about it."""
    return pars.status(CREDIT)


def by_learner(pars: Pars) -> Reply:
    """Ask about it by its learner."""
    return pars.status_by_learner(ADA)


def heard(wanted: Reply, transport: Transport, ask: Ask) -> Reply:
    """What a client makes of a PARS that means `wanted`."""
    with _there(wanted, transport, ask) as url, client(url, transport) as pars:
        return ask(pars)


@contextmanager
def _there(wanted: Reply, transport: Transport, ask: Ask) -> Iterator[str]:
    if wanted.broke is Broke.NOT_SENT:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        return
    scheme = "https:" if wanted.broke is Broke.TLS else "http:"
    with server(_BROKEN.get(wanted.broke) or _script(wanted, transport, ask)) as raw:
        yield raw.url.replace("http:", scheme)


def _script(wanted: Reply, transport: Transport, ask: Ask) -> Script:
    headers = {"Content_Type": TYPES[transport] if wanted.understood else "text/html"}
    if wanted.retry_after_seconds is not None:
        headers["Retry_After"] = f"{wanted.retry_after_seconds:.0f}"
    body = body_of(wanted, transport, ask) if wanted.understood else wanted.raw
    return answering(f"{wanted.status or 400} So", body, **headers)


def body_of(wanted: Reply, transport: Transport, ask: Ask) -> bytes:
    """The body that says it."""
    if wanted.status is None or wanted.status >= 300:
        return _PROBLEM[transport](wanted)
    return taken(transport) if ask is save else _STATUSES[transport](wanted.credits)


def taken(transport: Transport, credit_id: str = CREDIT) -> bytes:
    """The answer to a report that was taken."""
    if transport is Transport.JSON:
        created = MORNING.replace(tzinfo=None)
        return JSON_DOCUMENTS.save(ADA, credit_id, Action.ADD, created)
    root = etree.Element("LearnerActivityResponse")
    child(root, "Result", "Success")
    child(root, "CreditID", credit_id)
    return etree.tostring(root)


def _xml_problem(wanted: Reply) -> bytes:
    root = etree.Element("Errors")
    error = child(root, "Error")
    child(error, "Code", wanted.code)
    child(error, "Message", wanted.message)
    return etree.tostring(root)


def _json_problem(wanted: Reply) -> bytes:
    return orjson.dumps({"code": wanted.code or wanted.status, "message": wanted.message})


def _xml_statuses(credits_: tuple[CreditStatus, ...]) -> bytes:
    root = etree.Element("LearnerStatuses")
    for one in credits_:
        _xml_status(child(root, "LearnerStatus"), one)
    return etree.tostring(root)


def _xml_status(element: Element, one: CreditStatus) -> None:
    child(element, "CreditID", one.credit_id)
    child(element, "Status", one.status)
    if one.reason:
        child(element, "Reason", one.reason)


def _json_statuses(credits_: tuple[CreditStatus, ...]) -> bytes:
    def told(one: CreditStatus) -> dict[str, Any]:
        return {"CreditID": one.credit_id, "Status": one.status, "Reason": one.reason or None}

    return orjson.dumps([told(one) for one in credits_])


_BROKEN: dict[Broke | None, Script] = {Broke.CUT: hanging_up, Broke.TLS: no_tls}
_PROBLEM = {Transport.XML: _xml_problem, Transport.JSON: _json_problem}
_STATUSES = {Transport.XML: _xml_statuses, Transport.JSON: _json_statuses}
