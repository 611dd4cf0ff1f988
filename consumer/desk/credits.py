"""The desk's credits: find anyone by anything, and see every step of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Connection,
    FromClause,
    Row,
    Select,
    exists,
    func,
    select,
)

from consumer.credit import Heard, State
from consumer.desk.answers import latest_word
from consumer.desk.closed import closed_completions
from consumer.desk.creditfilter import CreditFilter as CreditFilter
from consumer.desk.creditfilter import narrowed, taken
from consumer.desk.deadletters import Shown
from consumer.desk.deadlines import Watch
from consumer.desk.looking import Away, away_now
from consumer.desk.numbers import number_in
from consumer.desk.purged import purged_on
from consumer.desk.standing import WAITING_FOR_PARS, standing_of
from consumer.desk.timeline import steps_of
from consumer.desk.words import advice
from consumer.ledger.ledger import Ledger
from consumer.ledger.links import source_is_held, waits
from consumer.ledger.schema import (
    attempts,
    completion_credits,
    completions,
    credits_,
)
from consumer.ledger.switches import withheld, withheld_as
from consumer.reason import Reason, unpack_reasons
from consumer.release import Mode
from consumer.steps import AWAITED


class NoSuchCredit(Exception):
    """Nothing has this ID."""


class CreditPurged(NoSuchCredit):
    """It was purged: when it was, and how it stands, is all that there is of it."""

    def __init__(self, name: str | int, at: datetime) -> None:
        super().__init__(f"{name} was {purged_on(at)}, and nothing can be done with it any more")


_WAITS = "PARS to let go of the credit whose place it takes, or a person's answer about it"
_HELD = "a person to let its source go: moc-consumer source list"
WITHHELD = withheld_as().label("withheld")
"""Beside a credit: the mode that keeps it from being sent, "" if none does."""
WAITS_FOR = {
    Mode.HOLD.value: "a coordinator's release: moc-consumer credit release",
    Mode.SHADOW.value: "the end of the rehearsal: moc-consumer activity list, source list",
}


def list_credits(ledger: Ledger, wanted: CreditFilter, watch: Watch | None = None) -> list[Shown]:
    """One row per credit, and one per completion that has none; newest change first.

    By `watch` each row says how near its deadline is; those at risk alone come earliest first.
    """
    c, k = completions.c, credits_.c
    query = (
        select(completions, credits_, WITHHELD)
        .select_from(_beside_their_credits())
        .order_by(func.coalesce(k.changed_at, c.changed_at).desc(), c.id)
    )
    with ledger.read() as db:
        found = taken(db, ledger, narrowed(query, ledger, wanted, watch), wanted)
        closed, away = _closed(db, ledger, found), away_now(db)
    return [_brief(row, watch, away) | _as_closed(row, closed) for row in found]


def show_credit(ledger: Ledger, credit_id: str, watch: Watch | None = None) -> Shown:
    """One credit or completion with its timeline. Raises NoSuchCredit.

    An earlier revision's CreditID leads to the credit too, and one that no completion leads to any
    more is still there: PARS may show either.
    """
    c, k = completions.c, credits_.c
    with ledger.read() as db:
        rows = db.execute(lines_of(credit_id)).all()
        if not rows:
            raise NoSuchCredit(f"nothing is known of {credit_id}")
        numbers = {row._mapping[c.id] for row in rows} - {None}
        credit_rows = {row._mapping[k.id] for row in rows} - {None}
        ready = (k.id.in_(credit_rows), k.state == State.READY, ~withheld())
        waiting = db.scalar(select(source_is_held()).where(*ready, waits()))
        steps = steps_of(db, sorted(numbers), sorted(credit_rows))
        closed, away = _closed(db, ledger, rows), away_now(db)
        word = latest_word(db, ledger, rows[0]._mapping[k.id]) if credit_rows else ""
    timeline = [
        {"at": one.at.isoformat(timespec="seconds"), "what": one.words, "outcome": one.outcome}
        for one in steps
    ]
    told = {"pars_says": word, "timeline": timeline}
    if waiting is not None:
        told["waits_for"] = _HELD if waiting else _WAITS
    return _brief(rows[0], watch, away) | _as_closed(rows[0], closed) | told


def _closed(db: Connection, ledger: Ledger, rows: Sequence[Row[Any]]) -> dict[int, str]:
    """What people closed of these lines, by the completion's number, in their own words."""
    return closed_completions(db, ledger, {row._mapping[completions.c.id] for row in rows})


def _as_closed(row: Row[Any], closed: Mapping[int, str]) -> Shown:
    told = closed.get(row._mapping[completions.c.id], "")
    return {"what_happened": told} if told else {}


def _beside_their_credits() -> FromClause:
    """Every completion beside its credits, if it has some.

    What was withdrawn before it ever left is no credit of a completion that waits.
    """
    link, c, k = completion_credits.c, completions.c, credits_.c
    gone = ~link.stands & k.credit_id.is_(None) & (k.state == State.WITHDRAWN)
    known = completion_credits.join(credits_, k.id == link.credit_id)
    mine = (link.completion_id == c.id) & ~(gone & (c.state == Heard.HELD))
    return completions.outerjoin(known, mine)


def _beside_its_credits() -> FromClause:
    """The same lines for one completion: SQLite would gather all there are of a nested join."""
    link, c, k, other = completion_credits.c, completions.c, credits_.c, credits_.alias("other")
    gone = other.c.credit_id.is_(None) & (other.c.state == State.WITHDRAWN)
    dropped = select(other.c.id).where(other.c.id == link.credit_id, gone)
    unsent = ~link.stands & (c.state == Heard.HELD) & exists(dropped.correlate(completion_credits))
    mine = (link.completion_id == c.id) & ~unsent
    return completions.outerjoin(completion_credits, mine).outerjoin(
        credits_, k.id == link.credit_id
    )


def lines_of(credit_id: str) -> Select[Any]:
    """Completions beside their credits: those of one credit, or of one completion's number.

    `credit_id` is a CreditID, also one of an earlier revision, or `c` and a completion's number.
    """
    link, c, k = completion_credits.c, completions.c, credits_.c
    query = select(completions, credits_, WITHHELD)
    if credit_id[:1] == "c" and (number := number_in(credit_id[1:])):
        mine = query.select_from(_beside_its_credits()).where(c.id == number)
        return mine.order_by(link.stands.desc(), k.id)
    linked = credits_.outerjoin(completion_credits, link.credit_id == k.id)
    joined = linked.outerjoin(completions, c.id == link.completion_id)
    return query.select_from(joined).where(k.id.in_(rows_named(credit_id))).order_by(c.id)


def rows_named(credit_id: str) -> CompoundSelect[Any]:
    """The numbers of the credits that have this CreditID, or had it in an earlier revision."""
    k, a = credits_.c, attempts.c
    # Two questions: asked with `or`, a database goes through all credits.
    now = select(k.id).where(k.credit_id == credit_id)
    return now.union(select(a.credit_row).where(a.credit_id == credit_id))


def _brief(row: Row[Any], watch: Watch | None, away: Mapping[str, Away]) -> Shown:
    cells, c, k = row._mapping, completions.c, credits_.c
    credit = cells[k.id] is not None
    state = State(cells[k.state]) if credit else Heard(cells[c.state])
    reasons = unpack_reasons(cells[k.reasons] if credit else cells[c.reasons])
    # Beside what became of this credit: what another board of the activity still waits for, or
    # the completion itself, where it has this credit no longer.
    beside = cells[c.unfinished] or cells[c.state] in (Heard.HELD, Heard.REFUSED)
    others = unpack_reasons(cells[c.reasons]) if credit and beside else ()
    report_by = cells[k.report_by] if credit else cells[c.report_by]
    reason = reasons[0] if reasons and state not in (State.SUBMITTED, State.ACCEPTED) else None
    gone = away.get(cells[k.profile] or "")
    purged = cells[k.purged_at] if credit else cells[c.purged_at]
    happened = advice(reason).happened if reason else ""
    standing = standing_of(state, reason, cells[WITHHELD], away=gone is not None)
    return {
        "id": (cells[k.credit_id] if credit else "") or f"c{cells[c.id]}",
        "state": state.value,
        "standing": standing,
        "activity": cells[k.activity] if credit else cells[c.course],
        "board": cells[k.board] or "",
        "credit_type": cells[k.credit_type] or "",
        "points": cells[k.points] or "",
        "completed_on": str(cells[k.completed_on] or ""),
        "report_by": str(report_by or ""),
        "closes_on": str((cells[k.closes_on] if credit else cells[c.closes_on]) or ""),
        "at_risk": _at_risk(row, state, waits=bool(others), watch=watch) if watch else "",
        "source": cells[c.source] or "",
        "reason": reason.code if reason else "",
        "what_happened": purged_on(purged) if purged else happened,
        "how": advice(reason).how if reason else "",
        "waits_for": WAITS_FOR.get(cells[WITHHELD])
        or waits_for_steps(others if credit else reasons, cells[c.closes_on])
        or (f"PARS: {gone.words}" if gone and standing == WAITING_FOR_PARS else ""),
        "also_waits": "; ".join(map(_also, others)),
    }


def _also(reason: Reason) -> str:
    told = advice(reason).happened
    return f"{reason.detail}: {told}" if reason.detail else told


def waits_for_steps(reasons: Iterable[Reason], closes_on: date | None) -> str:
    """The steps of the course that are awaited, and until when they count; blank if there are none.

    `closes_on` is the last day on which PARS takes it.
    """
    awaited = dict.fromkeys(one.field for one in reasons if one.code in AWAITED.values())
    until = f" until {closes_on}" if closes_on else ""
    return ", ".join(awaited) + until if awaited else ""


def _at_risk(row: Row[Any], state: State | Heard, *, waits: bool, watch: Watch) -> str:
    """How near the deadline is: the credit's own, or that of the board still waiting."""
    cells, c, k = row._mapping, completions.c, credits_.c
    report_by = cells[c.report_by] if isinstance(state, Heard) else cells[k.report_by]
    own = watch.standing(state, report_by, resend=bool(cells[k.resend]))
    return own or (watch.standing(Heard.HELD, cells[c.report_by], resend=False) if waits else "")
