"""What a person says they did in PARS's own web pages, checked by asking PARS."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from consumer.credit import State
from consumer.dealings import Dealings, Exchange
from consumer.fate import Absent, Found, Retry, StatusFate, StopLine
from consumer.ledger.claims import Attempt, Claim
from consumer.pars.port import CreditStatus
from consumer.pars.verdicts import credits_shown
from consumer.participant import Record
from consumer.reason import Stopped


class NotSo(Exception):
    """PARS does not say what the person said, or says nothing now: nothing may be changed."""


class Verification(Dealings):
    """Asks by CreditID, then by learner, activity and day (dossier 3.1); posts nothing."""

    def added(self, claim: Claim, known: Collection[str], chosen: str = "") -> Exchange:
        """The credit as PARS has it, under whatever ID; `known` are IDs of other credits of ours.

        Raises NotSo when PARS has nothing, cannot be asked, or has several: then `chosen` tells.
        """
        fate, attempt = self._ask(claim)
        if isinstance(fate, Found) and claim.state is State.WITHDRAWING:
            raise NotSo("PARS still has the one that is being withdrawn: delete that first")
        if isinstance(fate, Found):
            return self._kept(self._stands(claim, fate, attempt), claim.credit_id, posted=False)
        _answered(fate)
        for record in dict.fromkeys((claim.record, claim.sent)):
            if shown := self._shown(record, known, chosen):
                return self._adopt(claim, _only(shown), posted=record == claim.record)
        raise NotSo(
            "PARS does not have it: neither under its ID, nor for this learner, activity and day"
        )

    def deleted(self, claim: Claim, known: Collection[str]) -> Exchange:
        """The credit gone. Raises NotSo when PARS still has it, or cannot be asked."""
        fate, attempt = self._ask(claim)
        if isinstance(fate, Found):
            raise NotSo(f"PARS still has it: {fate.verdict.value}")
        _answered(fate)
        for record in dict.fromkeys((claim.sent, claim.record)):
            if shown := self._shown(record, known, ""):
                raise NotSo(f"PARS still has one for this learner, activity and day: {_ids(shown)}")
        return self._gone(claim, (attempt,))

    def _shown(
        self, record: Record, known: Collection[str], chosen: str
    ) -> tuple[CreditStatus, ...]:
        try:
            shown = credits_shown(self._pars.status_by_learner(record))
        except Stopped:
            return ()  # without a birth date PARS cannot be asked so
        if not isinstance(shown, tuple):
            raise NotSo(_away(shown))
        return tuple(
            one for one in shown if one.credit_id not in known and chosen in ("", one.credit_id)
        )

    def _adopt(self, claim: Claim, shown: CreditStatus, *, posted: bool) -> Exchange:
        theirs = replace(claim, credit_id=shown.credit_id, among=0)
        try:
            fate, attempt = self._ask(theirs)
        except Stopped:
            fate, attempt = Absent(), Attempt("ask", None, "absent")
        if not isinstance(fate, Found):
            raise NotSo(f"PARS shows it as {shown.credit_id}, but not when asked for that ID")
        kept = self._kept(self._stands(theirs, fate, attempt), shown.credit_id, posted=posted)
        values = {**kept.settlement.values, "four_fields": None}
        return replace(kept, settlement=replace(kept.settlement, values=values))

    def _kept(self, exchange: Exchange, credit_id: str, *, posted: bool) -> Exchange:
        """Followed, and one day deleted, by the ID that PARS uses."""
        settled = exchange.settlement
        values = {**settled.values, "credit_id": credit_id, "ask": True, "resend": False}
        return replace(exchange, settlement=replace(settled, values=values, posted=posted))


def _only(shown: tuple[CreditStatus, ...]) -> CreditStatus:
    if len(shown) > 1:
        raise NotSo(f"PARS has several: {_ids(shown)}; say which by the ID that PARS shows")
    return shown[0]


def _ids(shown: tuple[CreditStatus, ...]) -> str:
    return ", ".join(one.credit_id for one in shown)


def _answered(fate: StatusFate) -> None:
    if isinstance(fate, Retry | StopLine):
        raise NotSo(_away(fate))


def _away(fate: Retry | StopLine) -> str:
    why = fate.reason.code.replace("_", " ")
    return f"PARS cannot be asked now ({why}); try again later"
