"""The simulator's answers in XML, in the shape of schemas/pars/pars-answers.xsd."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lxml import etree

from consumer.pars.element import Element, child
from consumer.pars.simulator.answer import Answer
from consumer.pars.simulator.operations import Seen


def saved(credit_id: str) -> Answer:
    """The report was taken, or had been before."""
    root = etree.Element("LearnerActivityResponse")
    child(root, "Result", "Success")
    child(root, "CreditID", credit_id)
    return answer(200, root)


def error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    """One error."""
    root = etree.Element("Errors")
    one = child(root, "Error")
    child(one, "Code", code)
    child(one, "Message", message)
    return answer(status, root, headers)


def statuses(found: Iterable[Seen]) -> Answer:
    """CreditID, status and the board's reason of each record found."""
    root = etree.Element("LearnerStatuses")
    for seen in found:
        one = child(root, "LearnerStatus")
        child(one, "CreditID", seen.report.credit_id)
        child(one, "Status", seen.status)
        if seen.reason:
            child(one, "Reason", seen.reason)
    return answer(200, root)


def matched(known: bool) -> Answer:
    """Whether the board knows the learner."""
    root = etree.Element("LearnerMatch")
    child(root, "Result", "Match" if known else "NoMatch")
    return answer(200, root)


def answer(status: int, root: Element, headers: Mapping[str, str] | None = None) -> Answer:
    """Any element as an answer."""
    body = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return Answer(status, body, "application/xml; charset=utf-8", headers or {})
