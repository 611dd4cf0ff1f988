"""How PARS wants a report written: the forms that ACCME has not published, tried one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from consumer.candidate import PLACEHOLDER_YEAR, YearPolicy
from consumer.fate import Found
from consumer.pars.contract import CompletedForm, Transport, UniqueIDForm
from consumer.pars.profile import ParsProfile
from consumer.pars.symptoms import Move
from consumer.pars.verify.bench import Bench, Told
from consumer.pars.verify.finding import Finding, Outcome
from consumer.participant import Record


def add(bench: Bench) -> Iterator[Finding]:
    """A report as configured; where PARS refuses it, in every other form until one is taken."""
    first: Told | None = None
    for profile in _every_form(bench.configured, bench.profile):
        credit_id = bench.new_credit_id()
        told = bench.add(bench.subject.record, credit_id, profile)
        first = first or told
        if told.taken or _stored(bench, told, credit_id):
            bench.profile, bench.standing = profile, credit_id
            yield _added(told)
            yield from _forms(bench, first)
            return
        if not told.heard:
            break
    yield Finding("add", "A report is added", Outcome.FAILED, f"{first}{_advice(first)}")


def other_forms(bench: Bench) -> Iterator[Finding]:
    """The forms not in use: whether PARS would take them too."""
    working = bench.profile
    for completed in CompletedForm:
        if completed is not working.completed:
            profile = replace(working, completed_form=completed)
            yield _other(bench, f"completed_form_{completed}", profile, _DATES[completed])
    for unique_id in UniqueIDForm:
        if working.transport is Transport.JSON and unique_id is not working.unique_id_form:
            profile = replace(working, unique_id_form=unique_id)
            title = f"The learner's number as {unique_id}"
            yield _other(bench, f"unique_id_form_{unique_id}", profile, title)


def birth_year(bench: Bench) -> Iterator[Finding]:
    """Without a birth year: no birth date at all, and the year that stands for none."""
    record = bench.subject.record
    placeholder = replace(bench.subject.born, year=PLACEHOLDER_YEAR)
    tried = {
        YearPolicy.OMIT: replace(record, birth_date=None),
        YearPolicy.PLACEHOLDER: replace(record, birth_date=placeholder),
    }
    taken = {}
    for policy, changed in tried.items():
        told = _once(bench, changed, bench.profile)
        taken[policy] = told.taken
        yield _without_year(policy, told)
    configured = bench.provider.without_birth_year
    fits = configured if taken.get(configured, True) else YearPolicy.HOLD
    yield Finding(
        "without_birth_year",
        "A birth date without its year",
        Outcome.PASS if fits is configured else Outcome.DIFFERS,
        f"{configured} is safe" if fits is configured else f"{configured} is refused",
        setting=bench.setting("without_birth_year"),
        configured=configured.value,
        fits=fits.value,
    )


_DATES = {
    CompletedForm.DATE: "Completion as a date",
    CompletedForm.NOON: "Completion at noon",
}


def _every_form(configured: ParsProfile, admitted: ParsProfile) -> Iterator[ParsProfile]:
    """The configured form, then those that differ in one thing, then in both."""
    ids = list(UniqueIDForm) if configured.transport is Transport.JSON else [UniqueIDForm.LIST]
    forms = itertools.product(CompletedForm, ids)
    for completed, unique_id in sorted(forms, key=lambda form: _distance(configured, *form)):
        yield replace(admitted, completed_form=completed, unique_id_form=unique_id)


def _distance(profile: ParsProfile, completed: CompletedForm, unique_id: UniqueIDForm) -> int:
    return (profile.completed is not completed) + (profile.unique_id_form is not unique_id)


def _stored(bench: Bench, told: Told, credit_id: str) -> bool:
    """After an answer that nobody understands only asking can tell."""
    unread = told.row.move is Move.ASK
    return unread and isinstance(bench.status_until(credit_id, Found).fate, Found)


def _added(told: Told) -> Finding:
    said = "taken" if told.taken else "stored, but the answer is not in the shape of our schema"
    outcome = Outcome.PASS if told.taken else Outcome.DIFFERS
    return Finding("add", "A report is added", outcome, f"{told}: {said}")


def _advice(told: Told | None) -> str:
    identity = told is not None and told.row.code.startswith("identity")
    return ": does PARS know the test learner?" if identity else ": refused in every form"


def _forms(bench: Bench, first: Told) -> Iterator[Finding]:
    """Which of the settings of form fit, as the first report that was taken shows."""
    old, new = bench.configured, bench.profile
    yield _form(bench, first, "completed_form", "Form of the date", old.completed, new.completed)
    if new.transport is Transport.JSON:
        forms = old.unique_id_form, new.unique_id_form
        yield _form(bench, first, "unique_id_form", "Form of the learner's number", *forms)


def _form(
    bench: Bench,
    first: Told,
    name: str,
    title: str,
    configured: CompletedForm | UniqueIDForm,
    fits: CompletedForm | UniqueIDForm,
) -> Finding:
    same = fits is configured
    return Finding(
        name,
        title,
        Outcome.PASS if same else Outcome.DIFFERS,
        f"{fits} is taken" if same else f"{fits} is taken; as configured: {first}",
        setting=bench.setting(name),
        configured=configured.value,
        fits=fits.value,
    )


def _once(bench: Bench, record: Record, profile: ParsProfile) -> Told:
    """Adds a report under a CreditID of its own, and takes it back at once if PARS has it."""
    credit_id = bench.new_credit_id()
    told = bench.add(record, credit_id, profile)
    if credit_id in bench.held:
        bench.delete(credit_id)
    return told


def _other(bench: Bench, name: str, profile: ParsProfile, title: str) -> Finding:
    told = _once(bench, bench.subject.record, profile)
    said = "taken too; not in use" if told.taken else "not taken; not in use"
    return Finding(name, title, Outcome.PASS if told.heard else Outcome.FAILED, f"{told}: {said}")


def _without_year(policy: YearPolicy, told: Told) -> Finding:
    title = "No birth date" if policy is YearPolicy.OMIT else f"Birth year {PLACEHOLDER_YEAR}"
    said = "taken" if told.taken else "not taken"
    outcome = Outcome.PASS if told.heard else Outcome.FAILED
    return Finding(f"birth_date_{policy}", title, outcome, f"{told}: {said}")
