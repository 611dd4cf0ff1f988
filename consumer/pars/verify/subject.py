"""The test learner and activity that a verification reports, from a small TOML file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from consumer.participant import BirthDate, Record
from consumer.resources import shipped
from consumer.rules import (
    board_id_rules,
    name_rules,
    npi_rules,
    parse_birth_date,
    points_rules,
)
from consumer.settings import ProviderProfile
from consumer.tables.boards import shipped_boards

TEMPLATE = """\
# A learner and an activity that ACCME's sandbox knows, for `moc-consumer pars verify`.
# Ask ACCME (info@accme.org) for both; never put a real physician here.

[learner]
given_name = ""
family_name = ""
birth_date = ""             # 1971-09-10, with the year
board = "ABIM"
board_id = ""
npi = ""                    # may stay empty

[activity]
pars_activity_id = ""       # nine digits; must be registered under your provider ID
title = ""
credit_type = "Medical Knowledge"
max_points = ""             # points registered for this board and type, such as "1.5"
completed_on = ""           # 2026-05-14, a day within the activity's dates, not in the future

[unknown]                   # what PARS must not know
board_id = "000000"
pars_activity_id = "000000000"
"""


class SubjectProblems(Exception):
    """The file cannot be used; every problem by its place, none with a value."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Learner(_Part):
    given_name: str
    family_name: str
    birth_date: str
    board: str = "ABIM"
    board_id: str
    npi: str = ""

    @model_validator(mode="after")
    def _as_pars_wants_it(self) -> _Learner:
        boards = shipped_boards()
        if self.board not in boards:
            raise ValueError(f"board: known boards: {', '.join(boards)}")
        rules = [*board_id_rules(boards[self.board], self.board_id)]
        rules += name_rules("given_name", self.given_name)
        rules += name_rules("family_name", self.family_name)
        rules += [*npi_rules(self.npi)] if self.npi else []
        if rules:
            raise ValueError("; ".join(map(str, rules)))
        if self.born.year is None:
            raise ValueError("birth_date: a date with its year is needed, such as 1971-09-10")
        return self

    @property
    def born(self) -> BirthDate:
        try:
            return parse_birth_date(self.birth_date)
        except ValueError:
            raise ValueError("birth_date: a date such as 1971-09-10 is needed") from None


class _Activity(_Part):
    pars_activity_id: str = Field(pattern=r"^[0-9]{9}$")
    title: str
    credit_type: str
    max_points: Decimal
    completed_on: date

    @model_validator(mode="after")
    def _as_pars_wants_it(self) -> _Activity:
        rules = [*points_rules(self.max_points, self.max_points), *name_rules("title", self.title)]
        if rules:
            raise ValueError("; ".join(map(str, rules)))
        return self


class _Unknown(_Part):
    board_id: str = Field("000000", min_length=1, max_length=30)
    pars_activity_id: str = Field("000000000", pattern=r"^[0-9]{9}$")


class _File(_Part):
    learner: _Learner
    activity: _Activity
    unknown: _Unknown = _Unknown()

    @model_validator(mode="after")
    def _type_of_the_board(self) -> _File:
        board = shipped_boards()[self.learner.board]
        if board.certification(self.activity.credit_type) is None:
            raise ValueError(f"activity.credit_type: one of {'; '.join(board.certifications)}")
        return self


@dataclass(frozen=True, slots=True)
class Subject:
    """What is reported, and what PARS must not know.

    `record` has the registered maximum of points, `born` is its birth date, with the year.
    """

    record: Record = field(repr=False)
    born: BirthDate = field(repr=False)
    unknown_board_id: str
    unknown_activity_id: str


def read_subject(path: Path, name: str, provider: ProviderProfile) -> Subject:
    """The learner and activity of a TOML file. Raises SubjectProblems."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SubjectProblems([f"{path}: cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        # Neither text is passed on: it may quote the line, which may name the learner.
        raise SubjectProblems([f"{path}: not TOML in UTF-8"]) from None
    return _subject(values, str(path), name, provider)


def simulated_subject(today: date, name: str, provider: ProviderProfile) -> Subject:
    """The first of the people and activities that the shipped simulator files hold."""
    tables = shipped("mappings") / "tables"
    person = orjson.loads((tables / "roster.json").read_bytes())[0]
    activity = orjson.loads((tables / "pars-activities.json").read_bytes())[0]
    (credit_type, points), *_ = activity["boards"][person["board"]].items()
    values = {
        "learner": {
            "given_name": person["given_name"],
            "family_name": person["family_name"],
            "birth_date": f"{person['year']}-{person['month']}-{person['day']}",
            "board": person["board"],
            "board_id": person["board_id"],
        },
        "activity": {
            "pars_activity_id": activity["activity_id"],
            "title": activity["title"],
            "credit_type": credit_type,
            "max_points": points,
            "completed_on": min(today.isoformat(), activity["ends"]),
        },
    }
    return _subject(values, "pars-activities.json", name, provider)


def _subject(values: dict[str, Any], place: str, name: str, provider: ProviderProfile) -> Subject:
    try:
        file = _File.model_validate(values)
    except ValidationError as error:
        raise SubjectProblems([f"{place}: {_problem(one)}" for one in error.errors()]) from None
    return Subject(
        record=_record(file, name, provider),
        born=file.learner.born,
        unknown_board_id=file.unknown.board_id,
        unknown_activity_id=file.unknown.pars_activity_id,
    )


def _record(file: _File, name: str, provider: ProviderProfile) -> Record:
    learner, activity = file.learner, file.activity
    board = shipped_boards()[learner.board]
    return Record(
        profile=name,
        provider_id=provider.provider_id,
        provider_name=provider.name,
        activity="pars-verify",
        pars_activity_id=activity.pars_activity_id,
        title=activity.title,
        given_name=learner.given_name,
        family_name=learner.family_name,
        birth_date=learner.born,
        board=learner.board,
        board_domain=board.spelling.get(provider.transport, ""),
        board_id=learner.board_id,
        npi=learner.npi or None,
        credit_type=activity.credit_type,
        certification=board.certification(activity.credit_type) or activity.credit_type,
        points=activity.max_points,
        completed_on=activity.completed_on,
    )


def _problem(error: Any) -> str:
    place = ".".join(map(str, error["loc"]))
    return f"{place}: {error['msg'].removeprefix('Value error, ')}".removeprefix(": ")
