"""Every row of the fate table by an answer that meets it, and everything else."""

from __future__ import annotations

import pytest

from consumer.fate import Absent, Doubtful, Found, Retry, SendFate, StatusFate, StopLine, Verdict
from consumer.pars.port import CreditStatus, Reply
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
from consumer.pars.verdicts import (
    credits_shown,
    decision_of,
    fate_of_save,
    fate_of_status,
    row_for,
)
from consumer.reason import Reason, Stage
from tests.unit.pars.samples import CREDIT as OURS
from tests.unit.pars.spoken import ASKED, LINE, SAVED, said, status_of

LATER = OURS.removesuffix("-r1") + "-r2"
ANOTHER = OURS.removesuffix("-r1") + "7-r1"  # begins as ours does
THEIRS, MORE = "PARS-0001", "ccid:example.org.invalid:7f3c2a91d0-r1"  # of a domain not ours
ACCEPTED = Found(Verdict.ACCEPTED)
CANNOT_TELL = Doubtful(Reason(Stage.PARS, "cannot_tell_which"))


def shown(*credits_: tuple[str, str], reason: str = "") -> Reply:
    """An answer that shows these, each a CreditID and its status."""
    return said(200, credits=tuple(CreditStatus(*one, reason) for one in credits_))


def rejected(code: str) -> Found:
    return Found(Verdict.REJECTED, Reason(Stage.BOARD, code))


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


@pytest.mark.parametrize(
    ("answer", "credit_id"),
    [
        (shown((OURS, "Accepted")), OURS),
        (shown((OURS, "Accepted"), (THEIRS, "Rejected"), (MORE, "Pending")), OURS),
        (shown((LATER, "Accepted"), (THEIRS, "Rejected")), LATER),
        (shown((ANOTHER, "Rejected"), (OURS, "Accepted")), OURS),
    ],
    ids=["alone", "among strangers", "under another revision", "beside another of ours"],
)
@pytest.mark.parametrize("among", [1, 2])
def test_a_credit_shown_under_our_own_id_is_known_whatever_else_is_shown(
    answer: Reply, credit_id: str, among: int
) -> None:
    fate = fate_of_status(answer, OURS, among)
    assert fate == ACCEPTED
    assert isinstance(fate, Found)
    assert fate.credit_id == credit_id


@pytest.mark.parametrize(
    "answer",
    [said(404), shown(), shown((ANOTHER, "Accepted"))],
    ids=["not found", "nothing", "another of ours"],
)
def test_other_credits_of_ours_are_never_taken_for_this_one(answer: Reply) -> None:
    assert fate_of_status(answer, OURS, among=1) == Absent()


@pytest.mark.parametrize("beside", [(), ((ANOTHER, "Rejected"),)], ids=["alone", "beside ours"])
@pytest.mark.parametrize("stranger", [THEIRS, MORE])
def test_the_only_stranger_is_the_only_credit_it_can_be(
    stranger: str, beside: tuple[tuple[str, str], ...]
) -> None:
    fate = fate_of_status(shown((stranger, "Accepted"), *beside), OURS, among=1)
    assert fate == ACCEPTED
    assert isinstance(fate, Found)
    assert fate.credit_id == stranger


@pytest.mark.parametrize("among", [1, 2])
def test_strangers_that_agree_decide_and_none_of_them_is_named(among: int) -> None:
    fate = fate_of_status(shown((THEIRS, "Accepted"), (MORE, "ACCEPTED")), OURS, among)
    assert fate == ACCEPTED
    assert isinstance(fate, Found)
    assert fate.credit_id == ""


@pytest.mark.parametrize(
    ("answer", "among"),
    [
        (shown((THEIRS, "Accepted"), (MORE, "Rejected")), 1),
        (shown((THEIRS, "Accepted"), (MORE, "Pending")), 2),
        (shown((THEIRS, "Accepted")), 2),
        (shown((THEIRS, "Accepted"), (MORE, "Accepted")), 3),
        (shown((THEIRS, "Accepted"), (ANOTHER, "Accepted")), 2),
        (shown((OURS, "Accepted"), (LATER, "Rejected")), 1),
    ],
    ids=[
        "disagree",
        "as many, disagree",
        "fewer than ours",
        "fewer than ours, agree",
        "one of them ours",
        "two revisions disagree",
    ],
)
def test_who_cannot_tell_which_credit_is_shown_decides_nothing(answer: Reply, among: int) -> None:
    assert fate_of_status(answer, OURS, among) == CANNOT_TELL


def test_two_reasons_of_the_board_do_not_agree() -> None:
    one = shown((THEIRS, "Rejected"), reason="Name does not match roster").credits
    two = shown((MORE, "Rejected"), reason="Already received credit").credits
    assert fate_of_status(said(200, credits=one + two), OURS, among=2) == CANNOT_TELL


@pytest.mark.parametrize(("reply", "fate"), LINE, ids=repr)
def test_a_question_by_learner_that_failed_shows_nothing(
    reply: Reply, fate: Retry | StopLine
) -> None:
    assert fate_of_status(reply, OURS, among=1) == fate
    assert credits_shown(reply) == fate


@pytest.mark.parametrize(
    "credits_",
    [(), ((OURS, "Accepted"),), ((THEIRS, "Pending"), (MORE, "Rejected"), (THEIRS, "Accepted"))],
    ids=["none", "ours", "strangers that contradict themselves"],
)
def test_what_a_question_by_learner_shows_is_shown_unjudged(
    credits_: tuple[tuple[str, str], ...],
) -> None:
    assert credits_shown(shown(*credits_)) == tuple(CreditStatus(*one) for one in credits_)


def test_a_learner_of_whom_pars_knows_nothing_has_no_credits() -> None:
    assert credits_shown(said(404)) == ()


@pytest.mark.parametrize(
    ("status", "reason", "fate"),
    [
        (" accepted\n", "", ACCEPTED),
        ("Accepted", "Name does not match roster", ACCEPTED),
        ("Completed", "", Found(Verdict.PENDING)),
        ("Lost", "Name does not match roster", Found(Verdict.UNKNOWN)),
        ("Rejected", "Name does not match roster", rejected("board_identity")),
        ("Rejected", "Previously reported", rejected("board_already_credited")),
        ("Rejected", "Previously reported; name matches", rejected("board_already_credited")),
        ("Rejected", "", rejected("board_rejected")),
    ],
)
def test_a_word_about_one_credit_is_a_verdict_and_a_reason_only_where_it_is_rejected(
    status: str, reason: str, fate: Found
) -> None:
    decision = decision_of(CreditStatus(THEIRS, status, reason))
    assert decision == fate
    assert decision.credit_id == THEIRS
