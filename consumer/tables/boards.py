"""The boards in force: those that ship, and what an office's own file adds or changes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from consumer.board import POINTS_STEP, Board, Boards, Certificate, DayOfYear, Deadlines, Mark

SHIPPED = Path(__file__).with_name("boards.toml")
_NAME = re.compile("[A-Z]{2,10}")
_MERGED = ("deadlines", "spelling")


def _pattern(text: str) -> str:
    try:
        re.compile(text, re.ASCII)
    except re.error as error:
        raise ValueError(f"is no pattern: {error}") from None
    return text


def _month_and_day(text: str) -> str:
    _day(text)
    return text


def _day(text: str) -> DayOfYear:
    if not re.fullmatch(r"\d\d-\d\d", text, re.ASCII):
        raise ValueError("month and day are needed, such as 12-31")
    # A year without 29 February: a deadline must be a day of every year.
    day = date.fromisoformat(f"2001-{text}")
    return day.month, day.day


def _grid(step: Decimal) -> Decimal:
    if not step.is_finite() or step <= 0 or step % POINTS_STEP:
        raise ValueError(f"must be a multiple of {POINTS_STEP}: PARS takes no others")
    return step


def _with_names(marks: list[Mark]) -> list[Mark]:
    if Mark.NAMES not in marks:
        raise ValueError("must hold names: PARS takes no report without them")
    return marks


MonthDay = Annotated[str, AfterValidator(_month_and_day)]
Text = Annotated[str, Field(min_length=1, max_length=120)]
Acronym = Annotated[str, Field(pattern=f"^{_NAME.pattern}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Deadlines(_Part):
    days: int = Field(30, ge=1, le=366)
    year_end: MonthDay = "12-31"
    closes: MonthDay = "03-31"
    closes_years_later: int = Field(1, ge=1, le=5)

    def made(self) -> Deadlines:
        return Deadlines(self.days, _day(self.year_end), _day(self.closes), self.closes_years_later)


class _Spelling(_Part):
    # PARS's schemas take nothing but capitals for the domain of a learner's number.
    json_: Acronym | None = Field(None, alias="json")
    xml: Acronym | None = None
    prose: Text | None = None


class _Entry(_Part):
    title: Text
    id_pattern: Annotated[str, AfterValidator(_pattern)] = "[!-~]{1,30}"
    id_rule: Text = "1 to 30 letters, digits or signs"
    credit_types: dict[Text, Text] = Field(default_factory=dict)
    any_credit_type: bool | None = None
    identity: Annotated[list[Mark], AfterValidator(_with_names)] = [Mark.NAMES, Mark.BIRTH_DAY]
    certificates: list[Certificate] = list(Certificate)
    repeats: bool = True
    partial: bool = True
    points_step: Annotated[Decimal, AfterValidator(_grid)] = POINTS_STEP
    spelling: _Spelling = _Spelling()
    deadlines: _Deadlines = _Deadlines()

    def made(self, name: str, source: str) -> Board:
        lenient = not self.credit_types if self.any_credit_type is None else self.any_credit_type
        return Board(
            name=name,
            title=self.title,
            id_pattern=re.compile(self.id_pattern, re.ASCII),
            id_rule=self.id_rule,
            certifications=self.credit_types,
            any_credit_type=lenient,
            marks=frozenset(self.identity),
            certificates=frozenset(self.certificates),
            repeats=self.repeats,
            partial=self.partial,
            points_step=self.points_step,
            spelling=self.spelling.model_dump(exclude_none=True, by_alias=True),
            deadlines=self.deadlines.made(),
            source=source,
        )


@cache
def shipped_boards() -> Boards:
    """The boards that ship with the program, ABIM first."""
    boards, _ = _boards(_parsed(SHIPPED), {}, "shipped")
    return boards


def load_boards(path: Path | None) -> tuple[Boards, list[str]]:
    """The boards that ship, changed and added to by the office's file, and what is wrong with it.

    A wrong entry leaves the board as it ships; a new one is let in leniently, so that the tables
    are not blamed for it too. With a problem the service does not start.
    """
    if path is None:
        return shipped_boards(), []
    try:
        return _boards(_parsed(path), shipped_boards(), path.name)
    except OSError as error:
        return shipped_boards(), [f"{path.name}: cannot be read: {error.strerror}"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return shipped_boards(), [f"{path.name}: not TOML: {error}"]


def _parsed(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _boards(
    entries: Mapping[str, Any], known: Boards, file: str
) -> tuple[dict[str, Board], list[str]]:
    boards, problems = dict(known), list[str]()
    for name, said in entries.items():
        if not _NAME.fullmatch(name):
            problems.append(f"{file}: {name}: a board's name is 2 to 10 capital letters")
            continue
        try:
            whole = _merged(_said(SHIPPED).get(name, {}) if name in known else {}, said)
            boards[name] = _Entry.model_validate(whole).made(name, file)
        except ValidationError as error:
            problems += [_problem(f"{file}: {name}", one) for one in error.errors()]
            boards.setdefault(name, _Entry(title=name).made(name, file))
    return boards, problems


@cache
def _said(path: Path) -> dict[str, Any]:
    return _parsed(path)


def _merged(shipped: Mapping[str, Any], own: Any) -> Any:
    if not isinstance(own, dict):
        return own
    parts = {
        key: shipped.get(key, {}) | own[key]
        for key in _MERGED
        if key in own and isinstance(own[key], dict)
    }
    return {**shipped, **own, **parts}


def _problem(place: str, error: Any) -> str:
    path = ".".join(map(str, error["loc"]))
    unknown = error["type"] == "extra_forbidden"
    message = "there is no such key" if unknown else error["msg"].removeprefix("Value error, ")
    return f"{place}.{path}: {message}" if path else f"{place}: {message}"
