"""Lines for the tables of consumer/pars/symptoms.py, for what PARS says and no line there knows."""

from __future__ import annotations

import re

from consumer.pars.symptoms import BAD, Row
from consumer.pars.verify.bench import Told

_MASKED = re.compile(r"\[[a-z ]+\]")
_CUT = re.compile(r"\[[a-z ]*$")
_LONGEST = 100


def suggested_row(told: Told, table: tuple[Row, ...], code: str) -> str:
    """A line that would read this answer as `code`; "" when only its shape could tell."""
    # The message alone where there is one: a code such as "Invalid data" stands for many things.
    words = (told.words.removeprefix(told.reply.code).strip() or told.words).lower()
    said_much = re.search("[a-z]{3}", _MASKED.sub("", words))
    if told.reply.status is None or not said_much or not told.reply.understood:
        return ""
    like = next(row for row in table if row.code == code)
    when = "BAD" if told.reply.status in BAD else f"({told.reply.status},)"
    return (
        f"Row({when}, {_pattern(words)!r}, Class.{like.class_.name}, Move.{like.move.name},"
        f' "{code}", "pars verify")'
    )


def suggested_word(status: str) -> str:
    """A line of WORDS for a status; pending until ACCME says what it means (question 3)."""
    return f'"{" ".join(status.split()).casefold()}": Verdict.PENDING,  # ask ACCME what it means'


def _pattern(words: str) -> str:
    """The words themselves; where something personal stood, anything may stand."""
    plain = _MASKED.split(_CUT.sub("", words[:_LONGEST]))
    parts = (re.escape(part).replace(r"\ ", " ") for part in plain)
    return ".*".join(parts).strip()
