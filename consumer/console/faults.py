"""What the console says when something fails: calm, with a number that is in the log as well."""

from __future__ import annotations

import secrets
import traceback
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import structlog
from starlette.exceptions import HTTPException

from consumer.console.admission import NotLetIn, ProviderAway
from consumer.console.passwords import TooBusy
from consumer.console.users import UsersProblem
from consumer.decoding.schemas import SchemasAway
from consumer.ledger.ledger import LedgerRefused, LedgerUnavailable, WrongSecret


@dataclass(frozen=True, slots=True)
class Told:
    """A page about something that did not work."""

    status: int
    title: str
    said: str
    how: str = ""


_BY_STATUS = {
    400: Told(400, "Not understood", "What the browser sent is broken.", "Open the page again."),
    404: Told(404, "Not found", "There is no such page.", "Go on from the overview."),
    405: Told(405, "Not done", "This page cannot be asked for like that.", "Open it by its link."),
    408: Told(
        408, "Not done", "What was sent took too long to arrive.",
        "Try again on a better line. Nothing was changed.",
    ),
    413: Told(
        413, "Not done", "This is more than fits here.",
        "A smaller file, or one in several parts, can be taken. Nothing was changed.",
    ),
}  # fmt: skip
_RUNS_IT = "whoever runs this service"


def told_of(error: Exception, page: str) -> Told:
    """What to say of this fault; what nobody foresaw has a number, which is logged with it."""
    if isinstance(error, HTTPException):
        status = HTTPStatus(error.status_code)
        return _BY_STATUS.get(status) or Told(status, "Not done", f"{status.phrase}.")
    if isinstance(error, NotLetIn):
        return Told(403, "Not let in", error.said, error.how)
    if isinstance(error, TooBusy):
        return Told(503, "Not now", "Too many people sign in at once.", "Try again in a minute.")
    return _failed(error, page)


def _failed(error: Exception, page: str) -> Told:
    number = secrets.token_hex(3).upper()
    _log(error, page, number)
    tell = f"If it stays so, tell {_RUNS_IT} the number {number}."
    if isinstance(error, LedgerRefused | WrongSecret):
        said = "The ledger cannot be used as it is."
        return Told(503, "Not now", said, f"Tell {_RUNS_IT} the number {number}.")
    if isinstance(error, LedgerUnavailable):
        said = "The ledger does not answer."
        return Told(503, "Not now", said, f"Nothing is lost: try again in a minute. {tell}")
    if isinstance(error, SchemasAway):
        said = "What says how this LMS's events are written does not answer."
        return Told(503, "Not now", said, f"Nothing was changed: try again in a minute. {tell}")
    if isinstance(error, ProviderAway):
        said = "Where you sign in does not answer as it should."
        return Told(503, "Not now", said, f"Try again in a minute. {tell}")
    if isinstance(error, UsersProblem):
        said = "The list of users cannot be read."
        return Told(503, "Not now", said, f"Tell {_RUNS_IT} the number {number}.")
    return Told(
        500, "This did not work", "Something is wrong with this page.", f"Try again. {tell}"
    )


def _log(error: Exception, page: str, number: str) -> None:
    # Ours say what a person must mend; another's text may hold what it choked on.
    ours = isinstance(error, LedgerUnavailable | WrongSecret | UsersProblem | ProviderAway)
    structlog.get_logger().error(
        "page.failed",
        page=page,
        number=number,
        error_type=type(error).__name__,
        where=_where(error),
        cause=str(error) if ours else "",
    )


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
