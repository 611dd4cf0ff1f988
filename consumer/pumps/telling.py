"""What the sending pumps say in the log, once it is in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consumer.dealings import Exchange, Signal
from consumer.desk.words import advice
from consumer.ledger.claim import Settled
from consumer.pumps.line import Line
from consumer.reason import Reason, Stage
from consumer.telemetry.readiness import Readiness


def tell_settled(log: Any, exchanges: Sequence[Exchange], written: Settled) -> None:
    """Each credit that has moved on, and where the event stands that it was heard of by.

    Each word of PARS's that nobody knows, once.
    """
    for exchange in exchanges:
        settled = exchange.settlement
        if settled.state is not settled.claim.state or settled.refused:
            reason = settled.refused[0].code if settled.refused else ""
            event = f"credit.{settled.state.value}"
            place: dict[str, str | int] = dict(*written.heard.get(settled.claim.row, ())[:1])
            log.info(event, credit_id=settled.claim.credit_id, reason=reason, **place)
    for heard in written.words:
        # Once for each word, not for each credit: it is a question for ACCME.
        log.error("pars.word_unknown", profile=heard.profile, word=heard.word)


def tell_lines(
    log: Any,
    before: Mapping[str, Line],
    after: Mapping[str, Line],
    exchanges: Sequence[Exchange],
) -> None:
    """Each profile that is held back from now on, and why, or flows again."""
    for name, line in after.items():
        if before[name].is_open and not line.is_open:
            log.info("line.reopened", profile=name)
        elif line.is_open and not before[name].is_open:
            event = "line.stopped" if line.breaker.stopped else "line.paused"
            log.warning(event, profile=name, reason=_last_failure(exchanges, name))


def tell_readiness(
    readiness: Readiness, lines: Mapping[str, Line], exchanges: Sequence[Exchange]
) -> None:
    """Whether PARS serves each profile, as far as these exchanges show; by whichever pump."""
    for name, line in lines.items():
        if not line.is_open:
            readiness.good(f"pars.{name}", "line")
        elif code := _last_failure(exchanges, name):
            said = advice(Reason(Stage.PARS, code))
            then = said.how if line.breaker.stopped else "it is asked again by itself"
            readiness.bad(f"pars.{name}", "line", f"{said.happened}; {then}")


def _last_failure(exchanges: Sequence[Exchange], profile: str) -> str:
    outcomes = [
        attempt.outcome
        for exchange in exchanges
        if exchange.settlement.claim.profile == profile
        and exchange.signal in {Signal.FAILED, Signal.STOPPED}
        for attempt in exchange.settlement.attempts[-1:]
    ]
    return outcomes[-1] if outcomes else ""
