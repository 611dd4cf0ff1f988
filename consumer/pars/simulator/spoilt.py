"""Answers that no client should swallow, made of good ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from consumer.pars.simulator.answer import Answer
from consumer.pars.simulator.faults import Kind, Rule

_LAUGHS = b"".join(b'<!ENTITY a%d "%b">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))
_BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "ha">' + _LAUGHS + b"]><a>&a9;</a>"
_NESTED = b"[" * 100_000 + b"]" * 100_000
_ENTITY = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    b"<LearnerActivityResponse><Result>Success</Result><CreditID>&x;</CreditID>"
    b"</LearnerActivityResponse>"
)
_PAGE = b"<html><body>Welcome"


def _is_json(answer: Answer) -> bool:
    return "json" in answer.media_type


def _bomb(_: Rule, answer: Answer) -> Answer:
    return replace(answer, body=_NESTED if _is_json(answer) else _BOMB)


def _encoded(_: Rule, answer: Answer) -> Answer:
    media_type = answer.media_type.partition(";")[0]
    return replace(answer, body=answer.body.decode().encode("utf-16"), media_type=media_type)


def _huge(rule: Rule, answer: Answer) -> Answer:
    """Blanks at the end, so that whoever swallows it all even finds it well-formed."""
    return replace(answer, body=answer.body + b" " * (rule.megabytes * 1_000_000))


SPOILT: dict[Kind, Callable[[Rule, Answer], Answer]] = {
    Kind.WRONG_TYPE: lambda _, answer: replace(answer, media_type="text/html"),
    Kind.GARBAGE: lambda rule, _: Answer(rule.answers, _PAGE, "text/html"),
    Kind.HUGE: _huge,
    Kind.BOMB: _bomb,
    Kind.ENTITY: lambda _, answer: replace(answer, body=_ENTITY),
    Kind.ENCODING: _encoded,
}
"""By kind, what becomes of the answer; all other kinds leave it as it is."""
