"""What stands behind a credit: its completions, what they wait for still, what is open about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row

from consumer.reason import Reason, unpack_reasons


@dataclass(frozen=True, slots=True)
class Question:
    """What stands open about a case: a letter, and why it was written."""

    letter_id: str
    reason: Reason


Asked = Mapping[tuple[int | None, int | None], Sequence[Question]]
"""Questions by the completion, or the credit, that they are about."""


@dataclass(frozen=True, slots=True)
class Behind:
    """`row` is the credit's; `heard` are the completions that led to it, oldest first.

    `also` is what those that still stand behind it wait for, for another board, and `also_by` when
    the first of that must be reported.
    """

    row: Row[Any]
    heard: tuple[Row[Any], ...]
    also: tuple[Reason, ...]
    also_by: date | None
    questions: tuple[Question, ...]


def behind(linked: Sequence[Row[Any]], heard: Mapping[int, Row[Any]], asked: Asked) -> Behind:
    """By the credit's row beside each of its links, the completions, and what is open."""
    rows = sorted(linked, key=lambda one: one.completion_id or 0)
    row = max(rows, key=lambda one: bool(one.stands))
    known = [one for one in rows if one.completion_id in heard]
    standing = [heard[one.completion_id] for one in known if one.stands]
    also = tuple(r for one in standing if one.unfinished for r in unpack_reasons(one.reasons))
    about = [(None, row.id), *((one.id, None) for one in standing)]
    return Behind(
        row,
        tuple(heard[one.completion_id] for one in known),
        also,
        min((one.report_by for one in standing if also and one.report_by), default=None),
        tuple(question for one in about for question in asked.get(one, ())),
    )
