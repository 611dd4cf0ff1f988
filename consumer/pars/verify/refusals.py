"""Reports that PARS should refuse, and whether the fate table reads its refusal as meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from consumer.pars.port import Action
from consumer.pars.symptoms import SAVE, SAVE_ELSE
from consumer.pars.verify.bench import Bench, Told
from consumer.pars.verify.empty import post_empty
from consumer.pars.verify.finding import Finding, Outcome
from consumer.pars.verify.life import read_as
from consumer.pars.verify.subject import Subject
from consumer.pars.verify.suggestion import suggested_row
from consumer.participant import Record
from consumer.reason import Stopped


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing wrong with a report; `codes` are lines of the fate table, the best one first."""

    name: str
    title: str
    spoil: Callable[[Subject, date], Record]
    codes: tuple[str, ...]


def _wrong_birth_date(subject: Subject, _today: date) -> Record:
    born = replace(subject.born, day=subject.born.day % 28 + 1)
    return replace(subject.record, birth_date=born)


def _above_maximum(subject: Subject, _today: date) -> Record:
    return replace(subject.record, points=subject.record.points + Decimal("0.25"))


WRONGS = (
    Wrong(
        "wrong_board_id",
        "An unknown board ID",
        lambda subject, _: replace(subject.record, board_id=subject.unknown_board_id),
        ("identity_mismatch",),
    ),
    Wrong("wrong_birth_date", "A wrong birth date", _wrong_birth_date, ("identity_mismatch",)),
    Wrong(
        "unknown_activity",
        "An unknown activity",
        lambda subject, _: replace(subject.record, pars_activity_id=subject.unknown_activity_id),
        ("activity_unknown", "activity_not_ours"),
    ),
    Wrong("above_maximum", "Points above the maximum", _above_maximum, ("points_invalid",)),
    Wrong(
        "off_grid",
        "Points off the grid of 0.25",
        lambda subject, _: replace(subject.record, points=Decimal("0.1")),
        ("points_invalid",),
    ),
    Wrong(
        "future_date",
        "A completion in the future",
        lambda subject, today: replace(subject.record, completed_on=today + timedelta(days=30)),
        ("date_outside_activity",),
    ),
)


def wrong_reports(bench: Bench) -> Iterator[Finding]:
    """Each of WRONGS once; what PARS takes nevertheless is taken back at once."""
    for wrong in WRONGS:
        record = wrong.spoil(bench.subject, bench.clock.now().date())
        credit_id = bench.new_credit_id()
        try:
            told = bench.add(record, credit_id)
        except Stopped:
            bench.forget(credit_id)
            said = "our own check stops it before it leaves"
            yield Finding(wrong.name, wrong.title, Outcome.NOT_POSSIBLE, said)
            continue
        yield _judged(told, wrong.name, wrong.title, wrong.codes)
        if credit_id in bench.held:
            bench.delete(credit_id)


def delete_unknown(bench: Bench) -> Iterator[Finding]:
    """A CreditID is withdrawn that PARS never had."""
    told = bench.save(bench.subject.record, bench.new_credit_id(), Action.DELETE)
    finding = _judged(told, "delete_unknown", "Deleting what is not there", ("record_unknown",))
    if told.taken:
        finding = replace(finding, outcome=Outcome.PASS, seen=f"{told}: says success")
    yield finding


def malformed(bench: Bench) -> Iterator[Finding]:
    """A document that lacks everything a report has, so that nothing can come of it."""
    reply = bench.timed(lambda: post_empty(bench.profile, bench.settings.schemas_dir, bench.clock))
    told = bench.told(reply, SAVE, SAVE_ELSE)
    yield _judged(told, "malformed", "A document without a report", ("document_refused",))


def _judged(told: Told, name: str, title: str, codes: tuple[str, ...]) -> Finding:
    as_meant = told.row.code in codes
    differs = Outcome.DIFFERS if told.heard else Outcome.FAILED
    return Finding(
        name,
        title,
        Outcome.PASS if as_meant else differs,
        f"{told}: {'PARS took it' if told.taken else read_as(told)}",
        suggested_row="" if as_meant or told.taken else suggested_row(told, SAVE, codes[0]),
    )
