"""Deadlines as the desk shows them: what is at risk, and in how many days. They block nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, or_

from consumer.credit import Heard, State
from consumer.desk.words import days_left
from consumer.ledger.schema import completion_credits, completions, credits_
from consumer.pars.document import CENTRAL

# Not yet taken by PARS, and not given up: a credit whose correction is under way is late too.
OPEN = (State.READY, State.SUBMITTING, State.ATTENTION, State.REJECTED)
_WAITING = (Heard.HELD, Heard.REFUSED)


@dataclass(frozen=True, slots=True)
class Watch:
    """Today, and with fewer than how many days left something is at risk (dossier 5)."""

    today: date
    days: int

    @property
    def until(self) -> date:
        """Everything with a deadline before this day is at risk."""
        return self.today + timedelta(self.days)

    def standing(self, state: State | Heard, report_by: date | None, *, resend: bool) -> str:
        """In words, how far the deadline is; blank for what is not at risk."""
        open_ = state in {*OPEN, *_WAITING} or (state is State.WITHDRAWING and resend)
        if report_by is None or not open_ or report_by >= self.until:
            return ""
        return days_left((report_by - self.today).days)


def watch(now: datetime, days: int) -> Watch:
    """The watch of this moment: PARS's days end at midnight Central time."""
    return Watch(now.astimezone(CENTRAL).date(), days)


def at_risk(until: date) -> ColumnElement[bool]:
    """What is neither reported nor given up and must be reported before `until`.

    Of completions beside their links and credits.
    """
    c, k = completions.c, credits_.c
    resent = and_(k.state == State.WITHDRAWING, k.resend)
    unreported = or_(k.state.in_(OPEN), resent, and_(k.id.is_(None), c.state.in_(_WAITING)))
    # Credited by one board, and waiting for another.
    partly = and_(c.unfinished, c.reasons != "[]")
    waiting = and_(or_(partly, waits_again()), c.report_by < until)
    return or_(and_(unreported, deadline() < until), waiting)


def waits_again() -> ColumnElement[bool]:
    """Whether a completion waits for something beside a credit that it has no longer."""
    return and_(~completion_credits.c.stands, completions.c.state.in_(_WAITING))


def deadline() -> ColumnElement[date]:
    """A credit's own deadline; the common one of what is none yet."""
    return func.coalesce(credits_.c.report_by, completions.c.report_by)
