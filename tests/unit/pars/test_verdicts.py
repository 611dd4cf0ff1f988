"""Every row of the fate table by an answer that meets it, and everything else."""

from __future__ import annotations

import pytest

from consumer.fate import Found, SendFate, StatusFate, Verdict
from consumer.pars.port import Reply
from consumer.pars.symptoms import (
    BOARD,
    SAVE,
    SAVE_ELSE,
    STATUS,
    STATUS_ELSE,
    WORDS,
    Class,
    Row,
)
from consumer.pars.verdicts import fate_of_save, fate_of_status, row_for
from tests.unit.pars.samples import CREDIT as OURS
from tests.unit.pars.spoken import ASKED, SAVED, said, status_of


@pytest.mark.parametrize(("reply", "fate"), SAVED, ids=repr)
def test_an_answer_to_save_has_its_fate(reply: Reply, fate: SendFate) -> None:
    assert fate_of_save(reply) == fate


@pytest.mark.parametrize(("reply", "fate"), ASKED, ids=repr)
def test_an_answer_to_a_status_question_has_its_fate(reply: Reply, fate: StatusFate) -> None:
    assert fate_of_status(reply, OURS) == fate


@pytest.mark.parametrize(
    ("table", "otherwise", "replies"),
    [(SAVE, SAVE_ELSE, [one for one, _ in SAVED]), (STATUS, STATUS_ELSE, [a for a, _ in ASKED])],
    ids=["save", "status"],
)
def test_no_row_is_out_of_reach(
    table: tuple[Row, ...], otherwise: Row, replies: list[Reply]
) -> None:
    met = [row_for(reply, table, otherwise) for reply in replies]
    assert [row for row in (*table, otherwise) if row not in met] == []


def test_every_row_names_its_source() -> None:
    assert all(row.source and isinstance(row.class_, Class) for row in (*SAVE, *STATUS))


@pytest.mark.parametrize(("word", "verdict"), WORDS.items())
def test_status_words_mean_the_same_in_any_case(word: str, verdict: Verdict) -> None:
    for spelt in (word.upper(), word.title()):
        fate = fate_of_status(status_of(spelt), OURS)
        assert isinstance(fate, Found)
        assert fate.verdict is verdict


def test_board_codes_are_distinct() -> None:
    assert len({code for _, code in BOARD}) == len(BOARD)


@pytest.mark.parametrize("status", [400, 422, 402, 409, 500])
def test_a_text_of_pars_never_reaches_a_reason(status: int) -> None:
    text = "Learner Zebra, born 1971-09-10, does not match the board's records; already exists"
    reply = said(status, text, code="Zebra 1971")
    assert "Zebra" not in repr(fate_of_save(reply))
    answer = status_of("Rejected", reason=text)
    assert "Zebra" not in repr(fate_of_status(answer, OURS))
