"""The simulator's answers in JSON, in the shape of schemas/pars/learner-answers.schema.json."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from consumer.pars.document import completed
from consumer.pars.simulator.answer import Answer
from consumer.pars.simulator.operations import Seen
from consumer.pars.value import Value, write


def saved(document: bytes) -> Answer:
    """The report was taken, or had been before: the document comes back."""
    return _answer(201, document)


def error(
    status: int, message: str, headers: Mapping[str, str] | None = None, code: str = ""
) -> Answer:
    """One problem, in the shape of ACCME's transcript API (dossier 3.1); `code` may be a word."""
    return _answer(status, write({"code": code or status, "message": message}), headers)


def statuses(found: Iterable[Seen]) -> Answer:
    """The fields of ACCME's draft for each record found, and the board's reason."""
    return _answer(200, write([_status(one) for one in found]))


def _status(seen: Seen) -> Value:
    report = seen.report
    born = {} if report.birth_date is None else {"BirthDate": report.birth_date}
    return {
        "moduleID": report.activity_id,
        **born,
        "CompletedDateTime": completed(report),
        "CreditID": report.credit_id,
        "UniqueID": [{"value": one.value, "domain": one.domain} for one in report.unique_ids],
        "Status": seen.status,
        **({"Reason": seen.reason} if seen.reason else {}),
    }


def _answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, body, "application/json", headers or {})
