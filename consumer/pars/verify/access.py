"""Whom PARS lets in, and what it says of a record that it does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from consumer.pars.contract import Placement, Transport
from consumer.pars.profile import ParsProfile
from consumer.pars.symptoms import STATUS, Move
from consumer.pars.verify.bench import Bench, Told
from consumer.pars.verify.finding import Finding, Outcome
from consumer.pars.verify.suggestion import suggested_row

_PLACES = {
    Placement.HEADERS: "Credentials in headers",
    Placement.BODY: "Credentials in the body",
    Placement.QUERY: "Credentials in the address",
}


def credentials(bench: Bench) -> Iterator[Finding]:
    """Each place where the transport can carry them; goes on with the first that is accepted."""
    profiles = {placement: _placed(bench, placement) for placement in _possible(bench)}
    answers = {place: _nobody(bench, profile) for place, profile in profiles.items()}
    chosen = _chosen(answers)
    if chosen is not None:
        bench.profile, bench.admitted = profiles[chosen], True
    for placement, told in answers.items():
        yield _placement(bench, placement, told, chosen)


def unknown_record(bench: Bench) -> Iterator[Finding]:
    """A CreditID that nobody ever sent: what absent looks like."""
    told = _nobody(bench, bench.profile)
    absent = told.row.move is Move.ABSENT or (told.row.move is Move.READ and not told.reply.credits)
    shape = "" if told.reply.understood else "; not in the shape of our schema of answers"
    yield Finding(
        "status_unknown",
        "A CreditID never sent",
        Outcome.PASS if absent else Outcome.DIFFERS if told.heard else Outcome.FAILED,
        f"{told}: {'not there' if absent else 'not read as absent'}{shape}",
        suggested_row="" if absent else _absent_row(told),
    )


def wrong_password(bench: Bench) -> Iterator[Finding]:
    """The same question with a wrong password: it has to stop the line, and nothing else does."""
    told = _nobody(bench, replace(bench.profile, password=f"not-{bench.profile.password}"))
    stopped = told.row.code == "credentials"
    yield Finding(
        "wrong_password",
        "A wrong password",
        Outcome.PASS if stopped else Outcome.DIFFERS if told.heard else Outcome.FAILED,
        f"{told}: {'stops this profile' if stopped else 'not noticed as one'}",
        suggested_row="" if stopped else suggested_row(told, STATUS, "credentials"),
    )


def _possible(bench: Bench) -> list[Placement]:
    """The configured place first: it stays when it works."""
    first = bench.configured.credentials_in
    as_json = bench.configured.transport is Transport.JSON
    rest = [one for one in Placement if not (as_json and one is Placement.BODY)]
    return sorted(rest, key=lambda one: one is not first)


def _placed(bench: Bench, placement: Placement) -> ParsProfile:
    return replace(bench.configured, credentials_in=placement)


def _nobody(bench: Bench, profile: ParsProfile) -> Told:
    return bench.status(bench.new_credit_id(), profile)


def _chosen(answers: Mapping[Placement, Told]) -> Placement | None:
    """A place where the question itself was answered, else one where at least nobody minded.

    A PARS that says 400 to credentials it cannot find must not look as if it had accepted them.
    """
    answered = (p for p, told in answers.items() if told.row.move in (Move.READ, Move.ABSENT))
    not_minded = (p for p, told in answers.items() if told.heard and not _shut_out(told))
    return next(answered, None) or next(not_minded, None)


def _shut_out(told: Told) -> bool:
    return told.row.code == "credentials"


def _placement(bench: Bench, placement: Placement, told: Told, chosen: Placement | None) -> Finding:
    configured = bench.configured.credentials_in
    name, title = f"credentials_{placement}", _PLACES[placement]
    if placement is not configured:
        let_in = told.heard and not _shut_out(told)
        said = f"{'accepted too' if let_in else 'not accepted'}; not in use"
        said = "accepted" if placement is chosen else said
        return Finding(name, title, Outcome.PASS, f"{told}: {said}")
    outcome = Outcome.PASS if chosen is configured else Outcome.DIFFERS
    return Finding(
        name,
        title,
        Outcome.FAILED if chosen is None else outcome,
        f"{told}: {'accepted' if chosen is configured else 'not accepted'}",
        setting=bench.setting("credentials_in"),
        configured=configured.value,
        fits=None if chosen is None else chosen.value,
    )


def _absent_row(told: Told) -> str:
    """Like the line of the 404, which has no code of its own."""
    row = suggested_row(told, STATUS, "status_refused")
    return row.replace("Move.RETRY", "Move.ABSENT").replace('"status_refused"', '""')
