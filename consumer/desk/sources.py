"""The desk's sources: what each LMS sent, what is held of it and why, and letting it go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from consumer.clock import Clock
from consumer.credit import Heard, State
from consumer.desk.deadletters import NoSuchLetter, NotOpen, Shown, replay_letter
from consumer.desk.trail import remember
from consumer.desk.words import advice
from consumer.journey import House
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status
from consumer.ledger.rereading import reread
from consumer.ledger.schema import completion_credits, completions, credits_, letters, surges
from consumer.ledger.schema import tallies as tallies_table
from consumer.ledger.surges import DUPLICATE, UNRECOGNISED, let_go
from consumer.ledger.switches import modes
from consumer.reason import Reason, Stage
from consumer.release import Mode, Subject

_CHUNK = 200


class NotHeld(Exception):
    """Nothing of this source is held."""


def list_sources(ledger: Ledger) -> list[Shown]:
    """A row for each source, one more for each further reason it is held for; held ones first."""
    with ledger.read() as db:
        held = db.execute(select(surges).order_by(surges.c.since, surges.c.source)).all()
        heard = _counts(db, completions.c.source)
        open_ = _counts(db, letters.c.source, letters.c.status == Status.OPEN)
        unsent = _unsent_counts(db)
        again = db.execute(select(tallies_table).where(tallies_table.c.what == DUPLICATE)).all()
        turned = modes(db, Subject.SOURCE)
    named = {row.source for row in held}
    calm = sorted(({*heard, *open_, *turned} | {row.source for row in again}) - named)
    emitted = {row.source: row for row in again}
    return [
        {
            "source": source,
            "standing": "held" if hold else "open",
            "release": turned.get(source, Mode.AUTOMATIC).value,
            "completions": heard[source],
            "need_attention": open_[source],
            "not_sent_yet": unsent[source],
            **_why(hold),
            **_emitted_again(emitted.get(source)),
        }
        for source, hold in [*((row.source, row) for row in held), *((one, None) for one in calm)]
    ]


def _counts(
    db: Connection, source: ColumnElement[str], *where: ColumnElement[bool]
) -> Counter[str]:
    rows = db.execute(select(source, func.count()).where(*where).group_by(source))
    return Counter({name or UNRECOGNISED: count for name, count in rows})


def _unsent_counts(db: Connection) -> Counter[str]:
    link, c = completion_credits.c, completions.c
    count = func.count(credits_.c.id.distinct()).label("unsent")
    joined = completions.join(completion_credits, link.completion_id == c.id)
    joined = joined.join(credits_, credits_.c.id == link.credit_id)
    unsent = (link.stands, credits_.c.state == State.READY)
    query = select(c.source, count).select_from(joined).where(*unsent).group_by(c.source)
    return Counter({row.source: row.unsent for row in db.execute(query)})


def _why(hold: Row[Any] | None) -> Shown:
    if hold is None:
        return dict.fromkeys(("held_since", "reason", "what_happened", "field", "mapping"), "")
    told = advice(Reason(Stage(hold.stage), hold.reason, hold.field))
    return {
        "held_since": hold.since.isoformat(timespec="seconds"),
        "reason": hold.reason,
        "what_happened": told.happened,
        "field": hold.field,
        "mapping": hold.mapping,
    }


def _emitted_again(tally: Row[Any] | None) -> Shown:
    """What was emitted again in the latest window that saw any."""
    if tally is None:
        return {"emitted_again": 0, "emitted_again_since": ""}
    since = tally.began_at.isoformat(timespec="seconds")
    return {"emitted_again": tally.count, "emitted_again_since": since}


@dataclass(frozen=True, slots=True)
class Plan:
    """What letting a source go would send round again."""

    letters: Sequence[str]
    unsent: int


@dataclass(frozen=True, slots=True)
class Releasing:
    """One person lets a source go, by today's mappings and tables."""

    ledger: Ledger
    house: House
    clock: Clock
    who: str
    why: str

    def plan(self, source: str) -> Plan:
        """What would be done. Raises NotHeld."""
        with self.ledger.read() as db:
            codes = list(db.scalars(select(surges.c.reason).where(surges.c.source == source)))
            if not codes:
                raise NotHeld(f"nothing of {source} is held; see: moc-consumer source list")
            refused = or_(*(letters.c.reasons.contains(_named(code)) for code in codes))
            ours = letters.c.source == ("" if source == UNRECOGNISED else source)
            intake = (letters.c.credit_row.is_(None), letters.c.status == Status.OPEN)
            query = select(letters.c.id).where(ours, refused, *intake)
            ids = list(db.scalars(query.order_by(letters.c.first_failed_at, letters.c.id)))
            return Plan(ids, _unsent_counts(db)[source])

    def release(self, source: str) -> Counter[str]:
        """Judge all of it again, then let it go; gives how many came to which new fate.

        The source stays held until all was judged: what stops half-way is begun again safely.
        Raises NotHeld.
        """
        fates = Counter(map(self._replay, self.plan(source).letters))
        last = 0
        while last >= 0:
            with self.ledger.begin() as db:
                last = self._reread(db, source, last, fates)
        return +fates

    def _replay(self, letter_id: str) -> str:
        try:
            args = (self.ledger, self.house, letter_id, self.who, self.why, self.clock)
            return replay_letter(*args)
        except (NoSuchLetter, NotOpen):
            return "settled meanwhile"

    def _reread(self, db: Connection, source: str, after: int, fates: Counter[str]) -> int:
        now, c = self.clock.now(), completions.c
        rows = db.execute(
            select(completions)
            .where(c.source == source, c.id > after, or_(c.state == Heard.HELD, _unsent()))
            .order_by(c.id)
            .limit(_CHUNK)
        ).all()
        for row in rows:
            fate = reread(db, self.ledger, self.house, row, now)
            if fate != DUPLICATE:  # as it was, and no more to tell
                fates[fate] += 1
        if rows:
            return int(rows[-1].id)
        held = {"standing": "held", "for": ", ".join(_held_for(db, source))}
        let_go(db, source)
        values = {"before": held, "after": {"standing": "open"}}
        remember(db, self.ledger, now, self.who, "source.released", source, self.why, **values)
        return -1


def _held_for(db: Connection, source: str) -> list[str]:
    named = db.execute(select(surges).where(surges.c.source == source)).all()
    return sorted({str(_why(hold)["what_happened"]) for hold in named})


def _named(code: str) -> str:
    return f'"code":"{code}"'


def _unsent() -> ColumnElement[bool]:
    link = completion_credits.c
    ready = select(link.completion_id).join(credits_, credits_.c.id == link.credit_id)
    return completions.c.id.in_(ready.where(link.stands, credits_.c.state == State.READY))
