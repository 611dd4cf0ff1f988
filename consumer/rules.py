"""What PARS and the boards require of a record; every broken rule at once, never a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from consumer.board import POINTS_STEP, Board
from consumer.licence import state_code
from consumer.participant import BirthDate
from consumer.reason import Reason, Stage

# What XML 1.0 cannot carry, and what no name has: controls, surrogates, U+FFFE, U+FFFF.
_UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BIRTH_FORMS = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII),
    re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})(?:/(?P<year>\d{4}))?", re.ASCII),
    re.compile(r"(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII),
)


def broken(code: str, field: str, detail: str = "") -> Reason:
    """A reason of stage `rules`."""
    return Reason(Stage.RULES, code, field, detail)


def plain_board_id(board: Board, text: str) -> str:
    """The ID without blanks and a leading board name; leading zeros stay (dossier 2.3)."""
    bare = "".join(text.split())
    return bare[len(board.name) :] if bare.upper().startswith(board.name) else bare


def board_id_rules(board: Board, board_id: str) -> Iterator[Reason]:
    """Broken when the ID does not have the board's form."""
    if not board.id_pattern.fullmatch(board_id):
        yield broken(
            "board_id_form", "board_id", f"{board.spelled('prose')} IDs have {board.id_rule}"
        )


def npi_rules(npi: str) -> Iterator[Reason]:
    """Ten digits, first 1 or 2, the last a Luhn check digit over 80840 + NPI (dossier 2.3)."""
    if not re.fullmatch(r"[12]\d{9}", npi, re.ASCII):
        yield broken("npi_form", "npi", "ten digits, the first 1 or 2")
    elif _luhn("80840" + npi) != 0:
        yield broken("npi_check_digit", "npi", "the check digit does not fit")


def _luhn(digits: str) -> int:
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return sum(n - 9 if n > 9 else n for n in doubled) % 10


def name_rules(field: str, name: str) -> Iterator[Reason]:
    """Not blank, and nothing that XML cannot carry."""
    if not name.strip():
        yield broken("name_missing", field)
    if _UNWRITABLE.search(name):
        yield broken("unwritable_character", field, "a control or forbidden character")
    if len(name) > 100:
        yield broken("too_long", field, "at most 100 characters")


def parse_birth_date(text: str) -> BirthDate:
    """Month and day, with the year if there. Raises ValueError for anything that is no date."""
    for form in _BIRTH_FORMS:
        if found := form.fullmatch(text.strip()):
            parts = {name: int(value) for name, value in found.groupdict().items() if value}
            # 29 February is a birthday without its year: a leap year stands in for the check.
            date(parts.get("year", 1904), parts["month"], parts["day"])
            return BirthDate(parts["month"], parts["day"], parts.get("year"))
    raise ValueError("no form of birth date fits")


def licence_rules(state: str, number: str) -> Iterator[Reason]:
    """A state that there is, and a number; states have no common form (dossier 2.3)."""
    if not state_code(state):
        yield broken("licence_state_unknown", "licence_state", "two letters or the state's name")
    if not re.fullmatch("[!-~]( ?[!-~]){0,29}", number) or len(number) > 30:
        yield broken("licence_form", "licence", "1 to 30 letters, digits or signs")


def points_rules(
    points: Decimal, maximum: Decimal, step: Decimal = POINTS_STEP
) -> Iterator[Reason]:
    """Above zero, on the board's grid, at most what is registered (dossier 2.4); never rounded."""
    if not points.is_finite() or points <= 0:
        yield broken("points_not_positive", "points")
    elif points > maximum:
        # First: the remainder of a number beyond 28 digits cannot be computed.
        yield broken("points_above_maximum", "points", "more than the activity is registered for")
    elif points % step:
        yield broken("points_off_grid", "points", f"steps of {step}")


def completion_date(completed: datetime | date, zone: ZoneInfo) -> date:
    """The learner's local day, cut once in the activity's zone (dossier 2.2)."""
    return completed.astimezone(zone).date() if isinstance(completed, datetime) else completed


def completion_rules(completed_on: date, now: datetime, zone: ZoneInfo) -> Iterator[Reason]:
    """Not in the future, seen from the activity's zone."""
    if completed_on > now.astimezone(zone).date():
        yield broken("date_in_future", "completed")
