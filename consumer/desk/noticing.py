"""Makes notices of what stands in the ledger: who is to be told what, once, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import select

from consumer.clock import Clock
from consumer.desk.deadletters import Shown
from consumer.desk.mattering import matters_of, urgent
from consumer.ledger.ledger import Ledger
from consumer.ledger.noticebook import (
    DIGEST,
    Claimed,
    NoticeBook,
    Occasion,
    Standing,
    in_trouble,
    told_before,
)
from consumer.ledger.noticetables import notices
from consumer.notices.digest import Digest, compose, pack_digest, unpack_digest
from consumer.notices.matter import AT_ONCE, Matter, Role
from consumer.notices.timing import after_quiet, digest_day
from consumer.settings.notices import NoticesSettings


@dataclass(frozen=True, slots=True)
class Notices:
    """What is to be told in one installation. Its methods raise LedgerUnavailable."""

    ledger: Ledger
    settings: NoticesSettings
    clock: Clock
    at_risk_days: int

    def look(self) -> None:
        """Write down what is to be told and was not thought of yet, by any process."""
        now = self.clock.now()
        with self.ledger.read() as db:
            found = urgent(db) if self._urgent_wanted() else []
        for role, way in self.settings.ways:
            self._note_urgent(role, way, found, now)
            self._note_digest(role, way, now)

    def _urgent_wanted(self) -> bool:
        return any(self.settings.kinds(role) & AT_ONCE for role in self.settings.to)

    def _note_urgent(self, role: Role, way: str, found: list[Matter], now: datetime) -> None:
        mine = [one for one in found if one.kind in self.settings.kinds(role)]
        occasions = [(Occasion(role, way, one.kind, one.subject), one) for one in mine]
        with self.ledger.read() as db:
            book = NoticeBook(db, self.ledger, now)
            fresh = [pair for pair in occasions if not book.known(pair[0])]
        if not fresh:
            return
        due = self._due(role, now)
        with self.ledger.begin() as db:
            book = NoticeBook(db, self.ledger, now)
            for what, matter in fresh:
                digest = compose([matter])
                book.put(what, digest.subject, _packed(digest, [matter]), Standing.WAITING, due)

    def _note_digest(self, role: Role, way: str, now: datetime) -> None:
        zone = ZoneInfo(self.settings.zone)
        day = digest_day(now, self.settings.digest_at, zone)
        what = Occasion(role, way, DIGEST, day.isoformat())
        with self.ledger.read() as db:
            if NoticeBook(db, self.ledger, now).known(what):
                return
        digest, matters = self.digest(role, way)
        worth = digest.worth_sending(day)
        standing = Standing.WAITING if worth else Standing.NOTHING
        with self.ledger.begin() as db:
            book = NoticeBook(db, self.ledger, now)
            packed = _packed(digest, matters)
            book.put(what, digest.subject, packed, standing, self._due(role, now))

    def _due(self, role: Role, now: datetime) -> datetime:
        said = self.settings
        if not said.to[role].heeds_quiet:
            return now
        return after_quiet(now, said.quiet_from, said.quiet_until, ZoneInfo(said.zone))

    def digest(self, role: Role, way: str) -> tuple[Digest, list[Matter]]:
        """What a digest for this role would say now, and of which matters."""
        kinds = self.settings.kinds(role)
        with self.ledger.read() as db:
            matters = matters_of(
                db,
                kinds,
                self.clock.now(),
                at_risk_days=self.at_risk_days,
                letters_wait_days=self.settings.letters_wait_days,
            )
            told = told_before(db, role, way)
        # These have a notice of their own: they stand in the digest, and are no news in it.
        told |= {(one.kind.value, one.subject) for one in matters if one.kind in AT_ONCE}
        return compose(matters, told), matters

    # ------------------------------------------------------------ telling

    def claim(self, lease_seconds: float) -> Claimed | None:
        """A notice that is due and still worth telling, ours for so long."""
        if not self.settings.ways:
            return None
        now = self.clock.now()
        with self.ledger.begin() as db:
            book = NoticeBook(db, self.ledger, now)
            standing: set[str] | None = None
            while claimed := book.claim(self.settings.ways, lease_seconds):
                if claimed.what.kind == DIGEST:
                    return claimed
                standing = standing or {one.subject for one in urgent(db)}
                if claimed.what.occasion not in standing:
                    book.settle(claimed, Standing.MENDED)
                elif now - claimed.created_at > timedelta(days=self.settings.keep_days):
                    book.settle(claimed, Standing.GIVEN_UP)
                else:
                    return claimed
            return None

    def sent(self, claimed: Claimed) -> None:
        """It was told."""
        matters = [(kind, subject) for kind, subject in orjson.loads(claimed.content)["matters"]]
        with self.ledger.begin() as db:
            NoticeBook(db, self.ledger, self.clock.now()).sent(claimed, matters)

    def failed(self, claimed: Claimed, cause: str, delay_seconds: float) -> None:
        """It could not be told; tried again in so many seconds."""
        now = self.clock.now()
        with self.ledger.begin() as db:
            again = now + timedelta(seconds=delay_seconds)
            NoticeBook(db, self.ledger, now).failed(claimed, cause, again)

    def trouble(self) -> tuple[int, str]:
        """How many notices wait because telling them failed, and the latest cause."""
        with self.ledger.read() as db:
            return in_trouble(db)


def digest_in(content: str) -> Digest:
    """The digest that a notice holds."""
    return unpack_digest(orjson.dumps(orjson.loads(content)["digest"]).decode())


def _packed(digest: Digest, matters: list[Matter]) -> str:
    known = [(one.kind.value, one.subject) for one in matters]
    packed = {"digest": orjson.Fragment(pack_digest(digest)), "matters": known}
    return orjson.dumps(packed).decode()


def list_notices(ledger: Ledger, limit: int) -> list[Shown]:
    """What was told to whom and when, and what waits and why; newest first."""
    c = notices.c
    shown = (c.state != Standing.NOTHING,)
    query = select(notices).where(*shown).order_by(c.created_at.desc(), c.id.desc()).limit(limit)
    with ledger.read() as db:
        return [*_shown(db.execute(query).all())]


def _shown(rows: Any) -> Iterator[Shown]:
    for row in rows:
        yield {
            "to": row.role,
            "by": row.way,
            "kind": row.kind,
            "standing": _WORDS[Standing(row.state)],
            "made_at": row.created_at.isoformat(timespec="minutes"),
            "sent_at": row.sent_at.isoformat(timespec="minutes") if row.sent_at else "",
            "tries": row.tries,
            "subject": row.subject,
            "cause": row.cause,
            "message_id": f"moc-{row.message_id}",
        }


_WORDS = {
    Standing.WAITING: "waits",
    Standing.SENT: "sent",
    Standing.MENDED: "mended before it was sent",
    Standing.SUPERSEDED: "a later digest says it",
    Standing.GIVEN_UP: "given up",
}
