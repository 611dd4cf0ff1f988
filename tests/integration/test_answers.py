"""What PARS says in its own words: kept, counted, told once, never guessed at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, select, text
from structlog.testing import capture_logs

from consumer.desk.answers import NoAnswer, reveal_answers, unknown_words
from consumer.desk.credits import show_credit
from consumer.fate import Verdict
from consumer.ledger import migrations
from consumer.ledger.attempt import open_answer
from consumer.ledger.ledger import open_ledger
from consumer.ledger.schema import attempts, audit
from consumer.pars import symptoms
from consumer.pars.simulator.operations import Seen
from consumer.pars.word import ANSWER_LIMIT_BYTES, SEALED, is_plain
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import LENA, OTIS, PRIYA, moodle

HOUR = 3600.0


@contextmanager
def saying(pars: SimulatedPars, word: str) -> Iterator[None]:
    """PARS calls every status so."""
    operations = pars.simulator._operations
    status = operations.status

    def spoken(caller: str, credit_id: str) -> list[Seen]:
        return [replace(one, status=word) for one in status(caller, credit_id)]

    operations.status = spoken  # type: ignore[method-assign]
    try:
        yield
    finally:
        operations.status = status  # type: ignore[method-assign]


def asked(office: Office) -> list[Any]:
    """Every question about a status, oldest first."""
    return [row for row in office.rows(attempts) if row.action == "ask"]


def answer(office: Office, row: Any) -> tuple[str, bytes]:
    """What was kept of PARS's answer."""
    return open_answer(office.ledger.seal, row.answer)


# ---------------------------------------------------------------- kept, and not guessed at


def test_a_word_nobody_knows_decides_nothing_and_is_kept_once_for_each_credit(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA), moodle(OTIS))
    with saying(pars, "Under  a rock"):
        reporting.pass_time(30 * HOUR)
        assert reporting.states() == ["submitted", "submitted"]
    questions = asked(reporting)
    assert {row.outcome for row in questions} == {"found_unknown"}
    assert len(questions) > 6
    assert sorted(row.credit_row for row in questions if row.answer) == [1, 2]
    word, raw = answer(reporting, questions[0])
    assert word == "Under a rock"
    assert raw.startswith(b"<?xml")
    assert b"<Status>Under  a rock</Status>" in raw
    reporting.drive_to("accepted", "accepted")
    assert reporting.letters == []
    assert asked(reporting)[-1].word is None


def test_the_decision_is_kept_as_its_proof_and_what_is_routine_is_not(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.weather({"kind": "status", "status": 503}, {"kind": "cut_before"})
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    kept = {row.outcome: row for row in reporting.rows(attempts) if row.answer}
    assert {*kept} == {"found_accepted"}
    assert b"<status>accepted</status>" in answer(reporting, kept["found_accepted"])[1].lower()
    assert {row.outcome for row in reporting.rows(attempts)} >= {"pars_unavailable", "cut", "done"}


def test_what_cannot_be_read_and_what_is_refused_is_kept(
    reporting: Office, pars: SimulatedPars
) -> None:
    pars.weather({"kind": "garbage"})
    reporting.put_learners(PRIYA.row(), OTIS.row(birth_date="1970-01-01"))
    reporting.look()
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    reporting.hear(moodle(OTIS))
    reporting.drive_to("accepted", "attention")
    kept = {row.outcome: answer(reporting, row) for row in reporting.rows(attempts) if row.answer}
    assert kept["answer_not_understood"] == ("", b"<html><body>Welcome")
    assert b"<Errors>" in kept["identity_mismatch"][1]


def test_no_answer_grows_the_ledger_beyond_its_bound(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    with saying(pars, "Under a rock" + " and deeper" * 10_000):
        reporting.pass_time(2 * HOUR)
    (first, *_) = asked(reporting)
    word, raw = answer(reporting, first)
    assert (len(word), len(raw)) == (200, ANSWER_LIMIT_BYTES)


def test_no_answer_can_be_read_from_the_file(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA))
    with saying(pars, "Kept for Priya Vantongeren"):
        reporting.pass_time(2 * HOUR)
    assert asked(reporting)[0].answer
    files = reporting.ledger_path.parent.glob("ledger.db*")
    everything = b"".join(file.read_bytes() for file in files)
    assert b"Kept for" not in everything
    assert b"Vantongeren" not in everything


def test_a_ledger_of_before_keeps_its_attempts(office: Office, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    engine = create_engine(f"sqlite:///{old}")
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.begin() as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0001")
        db.execute(text("INSERT INTO attempts VALUES (1, 1, 'ccid:x', 1, 'add', 0, 200, 'done')"))
    engine.dispose()
    ledger = open_ledger(old, office.ledger.seal, office.ledger.identity)
    with ledger.read() as db:
        (kept,) = db.execute(select(attempts)).all()
    assert (kept.credit_id, kept.outcome, kept.answer, kept.word) == ("ccid:x", "done", None, None)
    assert unknown_words(ledger) == []
    ledger.close()


# ---------------------------------------------------------------- told once


def test_a_new_word_is_one_alarm_for_each_profile_and_none_for_each_credit(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA), moodle(OTIS), moodle(LENA, "104"))
    with capture_logs() as logs, saying(pars, "Under a rock"):
        reporting.pass_time(9 * HOUR)
    alarms = [line for line in logs if line["event"] == "pars.word_unknown"]
    told = [(line["log_level"], line["profile"], line["word"]) for line in alarms]
    assert sorted(told) == [("error", "main", "Under a rock"), ("error", "north", "Under a rock")]
    reporting.start()
    with capture_logs() as logs, saying(pars, "UNDER A ROCK"):
        reporting.pass_time(9 * HOUR)
    assert "pars.word_unknown" not in {line["event"] for line in logs}
    with capture_logs() as logs, saying(pars, "Under a stone"):
        reporting.pass_time(9 * HOUR)
    assert [line["event"] for line in logs].count("pars.word_unknown") == 2


# ---------------------------------------------------------------- shown


def test_the_office_sees_which_words_how_often_and_since_when(
    reporting: Office, pars: SimulatedPars, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unknown_words(reporting.ledger) == []
    reporting.hear(moodle(PRIYA), moodle(OTIS))
    with saying(pars, "Under a rock"):
        reporting.pass_time(6 * HOUR)
    questions = asked(reporting)
    (row,) = unknown_words(reporting.ledger)
    assert row == {
        "profile": "main",
        "word": "Under a rock",
        "answers": len(questions),
        "credits": 2,
        "since": questions[0].at.isoformat(timespec="seconds"),
        "last": questions[-1].at.isoformat(timespec="seconds"),
        "example": questions[0].credit_id,
        "next_step": row["next_step"],
    }
    assert "ACCME" in str(row["next_step"])
    monkeypatch.setitem(symptoms.WORDS, "under a rock", Verdict.PENDING)
    assert unknown_words(reporting.ledger) == []


def test_a_credit_shows_the_word_until_pars_says_one_we_know(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    with saying(pars, "Under a rock"):
        reporting.pass_time(26 * HOUR)
    credit_id = reporting.credit.credit_id
    shown = show_credit(reporting.ledger, credit_id)
    assert shown["pars_says"] == "Under a rock; nobody here knows this word"
    assert shown["standing"] == "Sent to PARS"
    reporting.drive_to("accepted")
    assert show_credit(reporting.ledger, credit_id)["pars_says"] == ""


@pytest.mark.parametrize(
    "word", ["Kept for 041327", "priya@lakeside.example", "x" * 41, "Żółw", "a\x1b[31m", "-", ""]
)
def test_a_word_that_may_hold_something_personal_is_shown_nowhere(
    reporting: Office, pars: SimulatedPars, word: str
) -> None:
    assert not is_plain(word)
    if "\x1b" in word:
        return  # XML cannot say it
    reporting.hear(moodle(PRIYA))
    with saying(pars, word):
        reporting.pass_time(2 * HOUR)
    (row,) = unknown_words(reporting.ledger)
    shown = show_credit(reporting.ledger, reporting.credit.credit_id)
    assert (row["word"], str(shown["pars_says"]).partition(";")[0]) == (SEALED, SEALED)


def test_who_reads_an_answer_is_remembered(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA))
    with saying(pars, "Kept for 041327"):
        reporting.pass_time(2 * HOUR)
    credit_id = reporting.credit.credit_id
    (told,) = reveal_answers(reporting.ledger, credit_id, "mora", reporting.clock)
    assert (told["action"], told["outcome"], told["status"]) == ("ask", "found_unknown", 200)
    assert "<Status>Kept for 041327</Status>" in str(told["answer"])
    (act,) = reporting.rows(audit)
    assert (act.who, act.what, act.subject) == ("mora", "answers.revealed", credit_id)
    with pytest.raises(NoAnswer):
        reveal_answers(reporting.ledger, "ccid:nobody", "mora", reporting.clock)
    assert len(reporting.rows(audit)) == 1


def test_no_answer_steers_the_terminal_of_who_reads_it(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    face = pars.simulator._xml
    error = face.error
    face.save = lambda *_: replace(error(400, "No", ""), body=b"\x1b[2J\x9b\nname does not match")  # type: ignore[method-assign]
    reporting.drive(lambda: bool(reporting.rows(attempts)))
    (told, *_) = reveal_answers(
        reporting.ledger, reporting.credit.credit_id, "mora", reporting.clock
    )
    assert str(told["answer"]).startswith("\ufffd[2J\ufffd\n")
