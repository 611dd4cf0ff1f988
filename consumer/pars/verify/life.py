"""The life of one record in PARS: asked about, sent twice, withdrawn and sent anew."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from consumer.fate import Absent, Found
from consumer.pars.port import CreditStatus
from consumer.pars.symptoms import SAVE
from consumer.pars.verify.bench import Asked, Bench, Told
from consumer.pars.verify.finding import Finding, Outcome
from consumer.pars.verify.suggestion import suggested_row

_NO_MATCH = "not_supported"


def status_by_credit(bench: Bench) -> Iterator[Finding]:
    """The record is found under its CreditID, soon enough for `sending.grace_seconds`."""
    asked = bench.status_until(bench.standing, Found)
    grace = bench.settings.sending.grace_seconds
    found, in_time = isinstance(asked.fate, Found), asked.seconds <= grace
    outcome = Outcome.PASS if in_time else Outcome.DIFFERS
    yield Finding(
        "status_by_credit",
        "Status by CreditID",
        outcome if found else Outcome.FAILED,
        f"{asked.told}: {_shown(bench, asked, found=found)}",
        setting="sending.grace_seconds",
        configured=grace,
        fits=(grace if in_time else _minutes(2 * asked.seconds)) if found else None,
    )


def status_by_learner(bench: Bench) -> Iterator[Finding]:
    """The four fields find the same record, once."""
    told = bench.status_by_learner()
    times = _times(bench, told)
    outcome = Outcome.DIFFERS if told.heard else Outcome.FAILED
    yield Finding(
        "status_by_learner",
        "Status by learner, activity and day",
        Outcome.PASS if times == 1 else outcome,
        f"{told}: {_found(times)}",
        setting="" if times else bench.setting("paths.status_by_learner"),
    )


def match(bench: Bench) -> Iterator[Finding]:
    """The board knows the test learner, and not the number that nobody has."""
    record = bench.subject.record
    stranger = replace(record, board_id=bench.subject.unknown_board_id)
    for name, one, code in (("match", record, "Match"), ("no_match", stranger, "NoMatch")):
        reply = bench.ask(lambda pars, one=one: pars.match(one))  # type: ignore[misc]
        told = bench.told(reply, SAVE, SAVE[-1])
        title = "Learner match" if name == "match" else "Learner match of a stranger"
        if reply.code == _NO_MATCH:
            yield Finding(name, title, Outcome.NOT_POSSIBLE, "this transport has no learner match")
        else:
            fits = reply.understood and reply.code == code
            outcome = Outcome.PASS if fits else Outcome.DIFFERS
            setting = "" if fits else bench.setting("paths.match")
            yield Finding(name, title, outcome, str(told), setting)


def duplicate_add(bench: Bench) -> Iterator[Finding]:
    """The same report again: success or refusal, but never a second record."""
    told = bench.add(bench.subject.record, bench.standing)
    again = bench.status(bench.standing)
    times = _times(bench, again)
    finding = _repeated(told, "duplicate_add", "The same report again", "says success again")
    if times > 1:
        finding = replace(finding, outcome=Outcome.FAILED, seen=f"{told}: {_found(times)}")
    yield finding


def second_credit(bench: Bench) -> Iterator[Finding]:
    """The same credit under another CreditID; the service itself never sends one."""
    credit_id = bench.new_credit_id()
    told = bench.add(bench.subject.record, credit_id)
    stored = "stored as a second credit; moc-consumer must prevent it, and does"
    yield _repeated(told, "second_credit", "The same credit, another CreditID", stored)
    if credit_id in bench.held:
        bench.delete(credit_id)


def delete(bench: Bench) -> Iterator[Finding]:
    """The record is withdrawn."""
    told = bench.delete(bench.standing)
    outcome = Outcome.PASS if told.taken else Outcome.FAILED
    yield Finding("delete", "The record is deleted", outcome, str(told))


def status_after_delete(bench: Bench) -> Iterator[Finding]:
    """What is withdrawn is not there any more: the only proof of a withdrawal."""
    asked = bench.status_until(bench.standing, Absent)
    gone = isinstance(asked.fate, Absent)
    outcome = Outcome.DIFFERS if asked.told.heard else Outcome.FAILED
    said = f"not there after {asked.seconds:.0f} s" if gone else _shown(bench, asked, found=True)
    yield Finding(
        "status_after_delete",
        "Status after deletion",
        Outcome.PASS if gone else outcome,
        f"{asked.told}: {said}",
    )


def next_revision(bench: Bench) -> Iterator[Finding]:
    """A corrected record goes in under the next revision of its CreditID."""
    stem, _, _ = bench.standing.rpartition("-r")
    credit_id = f"{stem}-r{int(bench.standing.rpartition("-r")[2]) + 1}"
    told = bench.add(bench.subject.record, credit_id)
    outcome = Outcome.PASS if told.taken else Outcome.FAILED
    yield Finding("next_revision", "Added again, next revision", outcome, str(told))
    if credit_id in bench.held:
        bench.delete(credit_id)


def deleted_again(bench: Bench) -> Iterator[Finding]:
    """A deleted CreditID is used again, which the service never does (question 6)."""
    told = bench.add(bench.subject.record, bench.standing)
    used_up = told.row.code in ("credit_id_used_up", "duplicate_answer")
    refused = Outcome.DIFFERS if told.heard else Outcome.FAILED
    yield Finding(
        "deleted_again",
        "A deleted CreditID again",
        Outcome.PASS if told.taken or used_up else refused,
        f"{told}: {'taken; moc-consumer never does it' if told.taken else read_as(told)}",
        suggested_row="" if told.taken or used_up else _row(told, "credit_id_used_up"),
    )
    if told.taken:
        bench.delete(bench.standing)


def read_as(told: Told) -> str:
    """The line of the fate table that an answer hit, in words."""
    unknown = told.row.code in ("refused_by_pars", "answer_not_understood")
    return "no line of the table knows it" if unknown else f"read as {told.row.code}"


def _minutes(seconds: float) -> float:
    """So many seconds, in whole minutes."""
    return 60.0 * math.ceil(seconds / 60)


def _repeated(told: Told, name: str, title: str, success: str) -> Finding:
    known = told.taken or told.row.code == "duplicate_answer"
    outcome = Outcome.DIFFERS if told.heard else Outcome.FAILED
    return Finding(
        name,
        title,
        Outcome.PASS if known else outcome,
        f"{told}: {success if told.taken else read_as(told)}",
        suggested_row="" if known else _row(told, "duplicate_answer"),
    )


def _row(told: Told, code: str) -> str:
    return suggested_row(told, SAVE, code)


def _times(bench: Bench, told: Told) -> int:
    return [one.credit_id for one in told.reply.credits].count(bench.standing)


def _found(times: int) -> str:
    return {0: "the record is not found", 1: "found"}.get(times, f"found {times} times")


def _shown(bench: Bench, asked: Asked, *, found: bool) -> str:
    credits_ = asked.told.reply.credits
    word = next(map(_word, credits_), "")
    after = f"after {asked.seconds:.0f} s"
    return f'shown as "{bench.mask(word)}" {after}' if found else f"not found {after}"


def _word(credit: CreditStatus) -> str:
    return credit.status
