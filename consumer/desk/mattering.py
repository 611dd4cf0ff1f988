"""What stands in the ledger and somebody should know of, as matters without a person in them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, or_, select

from consumer.credit import Heard, State
from consumer.desk.deadlines import at_risk, watch
from consumer.desk.words import advice
from consumer.ledger import reconcilebook
from consumer.ledger.letters import Status
from consumer.ledger.noticetables import webhooks
from consumer.ledger.schema import (
    completion_credits,
    completions,
    credits_,
    letters,
    lines,
    surges,
)
from consumer.ledger.surges import UNRECOGNISED
from consumer.ledger.switches import withheld_as
from consumer.notices.matter import Kind, Matter
from consumer.reason import Reason, Stage, unpack_reasons
from consumer.release import Mode


def matters_of(
    db: Connection,
    kinds: Collection[Kind],
    now: datetime,
    *,
    at_risk_days: int,
    letters_wait_days: int,
) -> list[Matter]:
    """Everything of these kinds that stands now."""
    found: list[Matter] = []
    if Kind.STOPPED in kinds:
        found += stopped(db)
    if Kind.SURGE in kinds:
        found += surging(db)
    if Kind.GONE in kinds:
        found += gone(db)
    if Kind.MISSING in kinds:
        found += missing_from_lists(db)
    if Kind.AT_RISK in kinds:
        found += _at_risk(db, now, at_risk_days)
    if Kind.REJECTED in kinds:
        found += _rejected(db)
    if Kind.WAITING in kinds:
        found += _waiting(db, now - timedelta(days=letters_wait_days))
    if Kind.HELD in kinds:
        found += _held(db)
    return found


def stopped(db: Connection) -> Iterator[Matter]:
    """Profiles that PARS refuses: credentials, or another contract. New again once it served."""
    for row in db.execute(select(lines).where(lines.c.stopped).order_by(lines.c.profile)):
        last = row.last_success_at
        since = str(int(last.timestamp() * 1000)) if last else "never"
        ready = (credits_.c.profile == row.profile, credits_.c.state == State.READY)
        waiting = db.scalar(select(func.count()).select_from(credits_).where(*ready)) or 0
        served = f" since {last:%Y-%m-%d %H:%M} UTC" if last else ""
        what = f"PARS has taken nothing{served}: it refuses our credentials or our requests"
        what += f"; {waiting} credit{'s wait' if waiting != 1 else ' waits'}" if waiting else ""
        how = "compare user and password with what ACCME gave out; it goes on by itself then"
        yield Matter(Kind.STOPPED, f"{row.profile}@{since}", f"profile {row.profile}", what, how)


def surging(db: Connection) -> Iterator[Matter]:
    """Sources that are held until a person lets them go."""
    for hold in db.execute(select(surges).order_by(surges.c.since, surges.c.source)):
        told = advice(Reason(Stage(hold.stage), hold.reason, hold.field))
        since = int(hold.since.timestamp() * 1000)
        count = _refused(db, hold.source, hold.reason)
        where = ", ".join(part for part in (hold.mapping, hold.field) if part)
        what = f"{count} refused: {told.happened}" + (f" ({where})" if where else "")
        how = f"{told.how}; nothing of it is sent until somebody lets it go"
        yield Matter(Kind.SURGE, f"{hold.source}/{hold.reason}@{since}", hold.source, what, how)


def gone(db: Connection) -> Iterator[Matter]:
    """Webhooks that said that they are gone for good."""
    w = webhooks.c
    for row in db.execute(select(w.name, w.gone_at).where(w.gone_at.is_not(None))):
        since = int(row.gone_at.timestamp() * 1000)
        how = f"correct its url; or, if it is back: moc-consumer webhook enable {row.name}"
        what = "it answered 410, and is told nothing more"
        yield Matter(Kind.GONE, f"{row.name}@{since}", f"webhook {row.name}", what, how)


def missing_from_lists(db: Connection) -> Iterator[Matter]:
    """What the newest comparison with each LMS's list found; a list that cannot be read too."""
    for name, row in sorted(reconcilebook.newest(db).items()):
        kinds = (
            (row.missing, "never arrived"),
            (row.taken_back, "taken back here, but complete in the list"),
            (row.not_listed, "here, but not in the list"),
        )
        if what := ", ".join(f"{count} {words}" for count, words in kinds if count):
            how = _what_to_do(name, row)
            count = row.missing + row.taken_back + row.not_listed
            subject = f"{name}@{row.id}"
            yield Matter(Kind.MISSING, subject, f"list {name}", what, how, count=count)
    for turn in reconcilebook.standing(db):
        if turn.failing_since is not None:
            since = int(turn.failing_since.timestamp() * 1000)
            what = f"the list cannot be compared since {turn.failing_since:%Y-%m-%d %H:%M} UTC"
            how = f"{turn.cause}; it is tried again by itself"
            yield Matter(Kind.MISSING, f"{turn.name}/{since}", f"list {turn.name}", what, how)


def _what_to_do(name: str, row: Any) -> str:
    if row.missing and row.published:
        return "what never arrived is on its way; see why the LMS's own way lost it"
    if row.missing:
        return f"look at it and say yes: moc-consumer reconcile {name}"
    return f"compare with the LMS: moc-consumer reconcile {name}"


def urgent(db: Connection) -> list[Matter]:
    """Everything that is told at once."""
    return [*stopped(db), *surging(db), *gone(db), *missing_from_lists(db)]


def _refused(db: Connection, source: str, code: str) -> int:
    named = letters.c.reasons.contains(f'"code":"{code}"')
    ours = letters.c.source == ("" if source == UNRECOGNISED else source)
    query = select(func.count()).where(ours, named, letters.c.status == Status.OPEN)
    return db.scalar(query) or 0


def _at_risk(db: Connection, now: datetime, days: int) -> Iterator[Matter]:
    link, c, k = completion_credits.c, completions.c, credits_.c
    known = completion_credits.join(credits_, (k.id == link.credit_id) & link.stands)
    joined = completions.outerjoin(known, link.completion_id == c.id)
    until = watch(now, days).until
    query = select(
        c.id.label("completion"),
        c.source,
        c.state.label("heard"),
        c.reasons.label("because"),
        c.report_by.label("heard_by"),
        k.id.label("credit"),
        k.activity,
        k.state,
        k.reasons,
        k.report_by,
    )
    seen: set[int] = set()
    for row in db.execute(query.select_from(joined).where(at_risk(until)).order_by(c.id, k.id)):
        own = row.credit is not None and row.report_by is not None and row.report_by < until
        if own and row.credit in seen:
            continue  # two LMSs reported it
        if own:
            seen.add(row.credit)
            yield _late_credit(row)
        else:
            yield _late_completion(row)


def _late_credit(row: Any) -> Matter:
    reasons = unpack_reasons(row.reasons)
    told = advice(reasons[0]) if reasons else None
    what = told.happened if told else "it is not reported yet"
    how = told.how if told else "nothing to do, unless PARS is away: moc-consumer ready"
    return Matter(Kind.AT_RISK, f"k{row.credit}", row.activity, what, how, row.report_by)


def _late_completion(row: Any) -> Matter:
    """A course that is in no table yet is named by its LMS alone: anything may stand there."""
    reasons = unpack_reasons(row.because)
    told = advice(reasons[0]) if reasons else None
    what = told.happened if told else "it waits"
    who = "waiting for learner" if row.heard == Heard.HELD else "needs attention"
    where = row.activity or f"{row.source or UNRECOGNISED}, {who}"
    by = row.heard_by
    return Matter(Kind.AT_RISK, f"c{row.completion}", where, what, told.how if told else "", by)


def _rejected(db: Connection) -> Iterator[Matter]:
    k = credits_.c
    query = select(k.id, k.revision, k.activity, k.reasons).where(k.state == State.REJECTED)
    for row in db.execute(query.order_by(k.id)):
        reasons = unpack_reasons(row.reasons) or (Reason(Stage.BOARD, "board_rejected"),)
        told = advice(reasons[0])
        subject = f"{row.id}-r{row.revision}"
        yield Matter(Kind.REJECTED, subject, row.activity, told.happened, told.how)


def _waiting(db: Connection, since: datetime) -> Iterator[Matter]:
    """What needs a person for long; the rejected by a board are a kind of their own."""
    c = letters.c
    others = or_(c.stage != Stage.BOARD, c.credit_row.is_(None))
    old = (c.status == Status.OPEN, c.last_failed_at <= since, others)
    query = select(c.id, c.activity, c.source, c.reasons, c.last_failed_at).where(*old)
    for row in db.execute(query.order_by(c.last_failed_at, c.id)):
        told = advice(unpack_reasons(row.reasons)[0])
        where = row.activity or row.source or UNRECOGNISED
        yield Matter(Kind.WAITING, row.id, where, told.happened, told.how)


def _held(db: Connection) -> Iterator[Matter]:
    """What stands still until a coordinator lets it go; a rehearsal waits for nobody."""
    k = credits_.c
    query = select(k.id, k.revision, k.activity, k.report_by).where(withheld_as() == Mode.HOLD)
    for row in db.execute(query.order_by(k.report_by, k.id)):
        what, how = "nothing is sent until somebody releases it", "look at the list and release it"
        subject = f"{row.id}-r{row.revision}"
        yield Matter(Kind.HELD, subject, row.activity, what, how, row.report_by)
