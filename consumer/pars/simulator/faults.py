"""A bad day as data: rules that spoil requests or the board's decisions, and what is left of them.

docs/simulator.md shows every kind with an example.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Kind(StrEnum):
    """What may go wrong: with one request, or with the board's decision on one record."""

    # Nothing is stored.
    STATUS = "status"
    RETRY_AFTER = "retry_after"
    REDIRECT = "redirect"
    CUT_BEFORE = "cut_before"
    DOWN = "down"
    # Stored, and then the answer is spoilt.
    HANG = "hang"
    CUT_AFTER_STORE = "cut_after_store"
    HALF = "half"
    TRICKLE = "trickle"
    WRONG_TYPE = "wrong_type"
    GARBAGE = "garbage"
    HUGE = "huge"
    BOMB = "bomb"
    ENTITY = "entity"
    ENCODING = "encoding"
    # The board.
    BOARD_LATE = "board_late"
    BOARD_NEVER = "board_never"
    BOARD_REJECTS = "board_rejects"
    BOARD_SAYS = "board_says"


class On(StrEnum):
    """Which requests a rule is about; `status` is both questions, `activity` what registers."""

    SAVE = "save"
    STATUS = "status"
    MATCH = "match"
    ACTIVITY = "activity"
    UPLOAD = "upload"
    ANY = "any"


class Why(StrEnum):
    """A board's reasons, one for each row of dossier 4.2."""

    IDENTITY = "identity"
    DUPLICATE = "duplicate"
    OTHER = "other"


REASONS = {
    Why.IDENTITY: "Name does not match roster",
    Why.DUPLICATE: "Diplomate has already received credit for this activity",
    Why.OTHER: "Not eligible",
}
BOARD = frozenset((Kind.BOARD_LATE, Kind.BOARD_NEVER, Kind.BOARD_REJECTS, Kind.BOARD_SAYS))
_COUNTED = frozenset(("times", "nth", "share", "lasting"))
_TAKES: dict[Kind, frozenset[str]] = {
    Kind.STATUS: frozenset(("status", "code", "text")),
    Kind.RETRY_AFTER: frozenset(("status", "seconds", "date")),
    Kind.REDIRECT: frozenset(("status",)),
    Kind.DOWN: frozenset(("seconds",)),
    Kind.HANG: frozenset(("seconds",)),
    Kind.TRICKLE: frozenset(("seconds",)),
    Kind.GARBAGE: frozenset(("status",)),
    Kind.HUGE: frozenset(("megabytes",)),
    Kind.BOARD_LATE: frozenset(("seconds",)),
    Kind.BOARD_REJECTS: frozenset(("reason", "text")),
    Kind.BOARD_SAYS: frozenset(("text",)),
}
_NEEDS = {Kind.DOWN: "seconds", Kind.BOARD_LATE: "seconds", Kind.BOARD_SAYS: "text"}
_SECONDS = {Kind.HANG: 30.0, Kind.RETRY_AFTER: 60.0, Kind.TRICKLE: 1.0}
_STATUS = {Kind.RETRY_AFTER: 429, Kind.REDIRECT: 307, Kind.GARBAGE: 200}

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_LASTS = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


def _seconds(value: object) -> object:
    found = _LASTS.fullmatch(value.strip()) if isinstance(value, str) else None
    return float(found[1]) * _UNITS[found[2]] if found else value


Seconds = Annotated[
    float, BeforeValidator(_seconds), Field(ge=0, le=10 * 366 * 86_400, allow_inf_nan=False)
]
"""Seconds, or a text such as 90s, 5m, 2h, 1d; at most ten years."""


class Rule(BaseModel):
    """One fault: what, to which requests, how often, for how long; in the words of a plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    on: On = On.SAVE
    times: int | None = Field(None, ge=1)
    nth: int | None = Field(None, ge=1)
    share: float | None = Field(None, gt=0, le=1)
    lasting: Seconds | None = None
    seconds: Seconds | None = None
    status: int | None = Field(None, ge=200, le=999)
    code: str = ""
    text: str | None = None
    date: bool = False
    megabytes: int = Field(50, ge=1, le=1000)
    reason: Why = Why.OTHER

    @model_validator(mode="after")
    def _says_what_its_kind_takes(self) -> Self:
        scope = frozenset[str]() if self.kind in BOARD else frozenset(("on",))
        counted = frozenset[str]() if self.kind is Kind.DOWN else _COUNTED
        takes = _TAKES.get(self.kind, frozenset()) | scope | counted | {"kind"}
        if more := sorted(self.model_fields_set - takes):
            raise ValueError(f"{self.kind} takes no {', '.join(more)}")
        if (needs := _NEEDS.get(self.kind)) and getattr(self, needs) is None:
            raise ValueError(f"{self.kind} needs {needs}")
        return self

    @property
    def amount(self) -> float:
        """Seconds to wait, by the kind unless they were said."""
        return _SECONDS.get(self.kind, 0.0) if self.seconds is None else self.seconds

    @property
    def answers(self) -> int:
        """The status of the answer, by the kind unless it was said."""
        return self.status or _STATUS.get(self.kind, 500)

    @property
    def window(self) -> float | None:
        """For how many seconds the rule holds, None for ever."""
        return self.seconds if self.kind is Kind.DOWN else self.lasting

    @property
    def most(self) -> int | None:
        """How often it strikes: once, unless something says otherwise; None without an end."""
        endless = self.share is not None or self.window is not None
        return self.times if self.times or endless else 1

    def concerns(self, service: On) -> bool:
        """Whether requests of this service are meant; an outage is everybody's."""
        everybody = self.kind is Kind.DOWN and "on" not in self.model_fields_set
        return self.on in (On.ANY, service) or everybody

    def strikes(self, seen: int) -> bool:
        """Whether the request that is number `seen` of those it concerns is its turn."""
        if self.share is None:
            return seen >= (self.nth or 1)
        nth = seen - (self.nth or 1) + 1
        return nth > 0 and _whole(nth * self.share) > _whole((nth - 1) * self.share)


def _whole(number: float) -> int:
    return math.floor(round(number, 9))


@dataclass(slots=True)
class _Standing:
    rule: Rule
    since: datetime
    seen: int = 0
    done: int = 0

    def left_seconds(self, now: datetime) -> float | None:
        if self.rule.window is None:
            return None
        return (self.since + timedelta(seconds=self.rule.window) - now).total_seconds()

    def over(self, now: datetime) -> bool:
        left = self.left_seconds(now)
        most = self.rule.most
        return (left is not None and left <= 0) or (most is not None and self.done >= most)

    def shown(self, now: datetime) -> dict[str, Any]:
        said = self.rule.model_dump(mode="json", exclude_unset=True)
        most = self.rule.most
        left = None if most is None else most - self.done
        return said | {
            "seen": self.seen,
            "done": self.done,
            "left": left,
            "left_seconds": self.left_seconds(now),
        }


@dataclass(frozen=True, slots=True)
class Due:
    """A rule whose turn it is; `left_seconds` is how long it will hold, 0 when it does not say."""

    rule: Rule
    left_seconds: float


class Faults:
    """Which faults are due. Used from the server's event loop only."""

    def __init__(self, rules: Iterable[Rule] = (), now: datetime | None = None) -> None:
        """`now` is when the rules begin to hold; needed when there are any."""
        self._standing: list[_Standing] = []
        if now is not None:
            self.put(rules, now)

    def put(self, rules: Iterable[Rule], now: datetime) -> None:
        """Add these rules behind those that are there; their time begins now."""
        self._standing += [_Standing(rule, now) for rule in rules]
        # While PARS is away nothing else can go wrong with it, nor be used up.
        self._standing.sort(key=lambda one: one.rule.kind is not Kind.DOWN)

    def clear(self) -> None:
        """Good weather."""
        self._standing.clear()

    def as_json(self, now: datetime) -> list[dict[str, Any]]:
        """What is left: each rule as it was said, with what it has seen, done and has left."""
        self._forget(now)
        return [one.shown(now) for one in self._standing]

    def take(self, service: On, now: datetime) -> Due | None:
        """What happens to this request: the first rule in the plan's order whose turn it is."""
        self._forget(now)
        for one in self._standing:
            if one.rule.kind not in BOARD and one.rule.concerns(service):
                one.seen += 1
                if one.rule.strikes(one.seen):
                    one.done += 1
                    return Due(one.rule, one.left_seconds(now) or 0.0)
        return None

    def board(self, now: datetime) -> list[Rule]:
        """Every rule that the decision on a record stored now falls under."""
        self._forget(now)
        due = []
        for one in self._standing:
            if one.rule.kind in BOARD:
                one.seen += 1
                if one.rule.strikes(one.seen):
                    one.done += 1
                    due.append(one.rule)
        return due

    def _forget(self, now: datetime) -> None:
        self._standing = [one for one in self._standing if not one.over(now)]
