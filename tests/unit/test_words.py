"""What people read: every reason that the program can give has words of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.desk.words import ADVICE, advice
from consumer.ledger.consents import CONSENT_WITHDRAWN
from consumer.ledger.links import RETRACTED_IN_PART
from consumer.mapping.fault import Fault
from consumer.mapping.loader import load_catalogue
from consumer.pars.symptoms import BOARD, BOARD_ELSE, SAVE, SAVE_ELSE, STATUS, STATUS_ELSE
from consumer.reason import Reason, Stage
from consumer.resources import shipped
from consumer.steps import AWAITED
from tests.unit.samples import catalogue

PACKAGE = shipped("mappings").parent / "consumer"
# The simulator plays PARS: it gives faults, not reasons.
MODULES = [file for file in sorted(PACKAGE.rglob("*.py")) if "simulator" not in file.parts]

MAKERS = {"Reason": 1, "broken": 0, "Fault": 0, "_stop": 0, "stop": 0, "_ask_person": 1, "_gap": 0}
"""Whatever makes a reason, and which of its arguments is the code."""
PASSED_ON = {
    "code", "fault.code", "row.code", "excuse.reason", "hold.reason", "next(known, BOARD_ELSE)",
    "AWAITED[step]", "RETRACTED_IN_PART", "outcome",
}  # fmt: skip
"""Codes that come from elsewhere: from a maker above, a table below, or a mapping file."""
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
PEOPLE = {"coordinator", "LMS admin", "SRE", "learner", "nobody"}


def trees() -> Iterator[tuple[Path, ast.AST]]:
    for file in MODULES:
        yield file, ast.parse(file.read_text(encoding="utf-8"))


def made(tree: ast.AST) -> Iterator[ast.expr]:
    """The code of every reason that is made in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            place = MAKERS.get(name)
            if place is not None and not any(isinstance(a, ast.Starred) for a in node.args):
                named = [word.value for word in node.keywords if word.arg == "code"]
                yield from [*node.args[place : place + 1], *named]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "code":
            yield node.value


def constants(expression: ast.expr) -> set[str]:
    return {
        node.value
        for node in ast.walk(expression)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if CODE.fullmatch(node.value)
    }


def in_source() -> set[str]:
    return {code for _, tree in trees() for found in made(tree) for code in constants(found)}


def in_tables() -> set[str]:
    rows = (*SAVE, SAVE_ELSE, *STATUS, STATUS_ELSE)
    return (
        {row.code for row in rows if row.code}
        | {code for _, code in BOARD}
        | {BOARD_ELSE}
        | {*AWAITED.values(), RETRACTED_IN_PART, CONSENT_WITHDRAWN}
    )


def in_mappings() -> set[str]:
    starting = load_catalogue(shipped("mappings") / "starting-points", shipped("schemas"))
    both = (*catalogue().mappings, *starting.mappings)
    return {excuse.reason for one in both for excuse in one.excuses}


NEVER_A_REASON = {"taken"}
"""Rows of the fate table that are done and give nobody a reason."""


def test_the_codes_are_found_where_they_are_made() -> None:
    found = in_source() | in_tables()
    for one_of_each in (
        "malformed_json", "unknown_event", "schema_mismatch", "value_missing", "learner_not_found",
        "npi_check_digit", "reported_again", "gave_up", "identity_mismatch", "board_identity",
        "document_invalid", "internal", "unreachable",
    ):  # fmt: skip
        assert one_of_each in found


def test_no_code_is_made_where_this_test_does_not_look() -> None:
    hidden = {
        f"{file.name}: {ast.unparse(code)}"
        for file, tree in trees()
        for code in made(tree)
        if not constants(code) and ast.unparse(code) not in PASSED_ON
    }
    assert hidden == set()


def test_every_code_has_words_of_its_own() -> None:
    made_anywhere = in_source() | in_tables() | in_mappings()
    assert sorted(made_anywhere - NEVER_A_REASON - set(ADVICE)) == []


def test_no_words_are_kept_for_codes_that_nobody_makes() -> None:
    assert sorted(set(ADVICE) - in_source() - in_tables() - in_mappings()) == []


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_the_words_are_plain_and_say_who_and_how(code: str) -> None:
    told = ADVICE[code]
    assert told.who in PEOPLE
    assert told.happened
    assert told.how
    text = f"{told.happened} {told.how}"
    jargon = {"ledger", "offset", "fate", "dead", "settle", "partition", "topic"}
    assert not jargon & set(text.lower().replace(",", " ").split())
    assert code not in text.split()
    # The tables are the tables, wherever they are kept; and nobody replays anything.
    for word in (".csv", "replay", "resend", "the sender", "message", "retry"):
        assert word not in text, word


@pytest.mark.parametrize("stage", Stage)
def test_a_reason_nobody_foresaw_still_gets_an_answer(stage: Stage) -> None:
    told = advice(Reason(stage, "never_heard_of_it"))
    assert told.happened
    assert told.who in PEOPLE
    assert told.how


def test_the_code_decides_before_the_stage() -> None:
    for stage in Stage:
        assert advice(Reason(stage, "not_ours")) is ADVICE["not_ours"]


def test_what_is_missing_is_named_and_what_stands_there_never_is() -> None:
    gone = advice(Reason(Stage.SCHEMA, "schema_mismatch", "body.user.id", "required"))
    assert gone.happened == "the event has no body.user.id, and its mapping needs it"
    other = advice(Reason(Stage.SCHEMA, "schema_mismatch", "body.user.id", "type"))
    assert other.happened == "body.user.id of the event is not as its mapping expects it"
    learner = advice(Reason(Stage.MAP, "value_missing", "learner", "body.user (a.yaml:3)"))
    assert learner.happened == "the event does not say who the learner is"
    unnamed = advice(Reason(Stage.MAP, "value_missing", "event_id"))
    assert unnamed is ADVICE["value_missing"]


def test_a_fault_carries_no_more_than_its_code() -> None:
    assert str(Fault("wrong_type", "body.user")) == "wrong_type"
