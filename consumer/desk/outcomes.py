"""The desk's outcomes: who is told what became of credits, by webhook, by daily file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, select

from consumer.clock import Clock
from consumer.credit import WORDS, State
from consumer.desk.deadletters import Shown
from consumer.desk.tablefiles import harmless
from consumer.desk.trail import remember
from consumer.desk.words import advice
from consumer.durable import write_whole
from consumer.ledger.ledger import Ledger
from consumer.ledger.noticetables import outcomes
from consumer.ledger.schema import completion_credits, completions, credits_
from consumer.ledger.webhookbook import WebhookBook, standing
from consumer.reason import Reason, Stage

COLUMNS = tuple(
    """
    at source site learner course credit_id state standing reason what_happened board credit_type
    points activity pars_activity_id completed_on
    """.split()
)
"""Of the daily file. `site`, `learner` and `course` are the LMS's own IDs."""


class NoSuchWebhook(Exception):
    """The settings name none, or the service has not met it yet."""


@dataclass(frozen=True, slots=True)
class Account:
    """One LMS account and course behind a credit, in the LMS's own IDs: personal data."""

    source: str
    site: str
    learner: str
    course: str


def accounts(
    db: Connection, ledger: Ledger, credit_rows: Sequence[int]
) -> dict[int, list[Account]]:
    """Whose credits these are, as each LMS knows them; also what led to a credit once."""
    link, c = completion_credits.c, completions.c
    query = select(link.credit_id, c.source, c.said).select_from(
        completion_credits.join(completions, c.id == link.completion_id)
    )
    found: dict[int, list[Account]] = {}
    for row in db.execute(query.where(link.credit_id.in_(credit_rows)).order_by(c.id)):
        said = ledger.seal.open_said(row.said)
        known = Account(row.source, said.site, said.learner, said.course)
        found.setdefault(row.credit_id, []).append(known)
    return found


# ------------------------------------------------------------------ daily files


@dataclass(frozen=True, slots=True)
class OutcomeFiles:
    """Writes the outcomes of a day; `zone` is the office's. Its methods raise LedgerUnavailable."""

    ledger: Ledger
    zone: ZoneInfo
    clock: Clock

    def write(self, day: date, source: str, path: Path, who: str) -> int:
        """One line for each outcome and LMS account; the file is its owner's alone.

        Gives the number of lines. That `who` took personal data out is remembered, before it is
        written. Raises OSError.
        """
        lines = [*self.lines(day, source)]
        with self.ledger.begin() as db:
            subject = " ".join(part for part in (str(day), source) if part)
            remember(db, self.ledger, self.clock.now(), who, "outcomes.written", subject)
        write_whole(path, [_line(COLUMNS), *(_line(_cells(line)) for line in lines)])
        return len(lines)

    def sources(self, day: date) -> list[str]:
        """The LMSs that have outcomes on this day."""
        return sorted({str(line["source"]) for line in self.lines(day, "")})

    def lines(self, day: date, source: str) -> Iterator[Shown]:
        """The outcomes of a day, in the order in which they came; of one LMS, or of all."""
        begins, ends = (self._midnight(day + timedelta(days=n)) for n in (0, 1))
        o = outcomes.c
        joined = outcomes.join(credits_, credits_.c.id == o.credit_row)
        columns = (outcomes, credits_.c.points, credits_.c.completed_on)
        query = select(*columns).select_from(joined).where(o.at >= begins, o.at < ends)
        with self.ledger.read() as db:
            rows = db.execute(query.order_by(o.id)).all()
            known = accounts(db, self.ledger, sorted({row.credit_row for row in rows}))
        for row in rows:
            for account in known.get(row.credit_row, []):
                if source in ("", account.source):
                    yield self._shown(row, account)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone)

    def _shown(self, row: Row[Any], account: Account) -> Shown:
        told = _told_why(row.reason)
        return {
            "at": row.at.astimezone(self.zone).isoformat(timespec="seconds"),
            "source": account.source,
            "site": account.site,
            "learner": account.learner,
            "course": account.course,
            "credit_id": row.credit_id,
            "state": row.state,
            "standing": WORDS[State(row.state)],
            "reason": row.reason,
            "what_happened": told,
            "board": row.board,
            "credit_type": row.credit_type,
            "points": row.points,
            "activity": row.activity,
            "pars_activity_id": row.pars_activity_id,
            "completed_on": str(row.completed_on),
        }


def _told_why(code: str) -> str:
    return advice(Reason(Stage.PARS, code)).happened if code else ""


def _cells(line: Mapping[str, Any]) -> list[str]:
    return [harmless(str(line[name])) for name in COLUMNS]


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(cells)
    return text.getvalue().encode()


# ------------------------------------------------------------------ webhooks


def list_webhooks(ledger: Ledger) -> list[Shown]:
    """Every webhook: what waits for it, since when it fails, and why."""
    with ledger.read() as db:
        rows = standing(db)
    return [
        {
            "webhook": row.name,
            "standing": "gone" if row.gone_at else "failing" if row.failing_since else "well",
            "waiting": row.waiting,
            "tries": row.tries,
            "failing_since": _told(row.failing_since or row.gone_at),
            "cause": row.cause,
            "given_up": row.given_up,
        }
        for row in rows
    ]


def _told(at: datetime | None) -> str:
    return at.isoformat(timespec="minutes") if at else ""


def enable_webhook(ledger: Ledger, name: str, clock: Clock, who: str, why: str) -> None:
    """Have a webhook tried again at once. Raises NoSuchWebhook, LedgerUnavailable."""
    with ledger.begin() as db:
        if not WebhookBook(db, ledger, clock.now()).enable(name):
            raise NoSuchWebhook(_unknown(name))
        remember(db, ledger, clock.now(), who, "webhook.enabled", name, why)


def skip_outcome(ledger: Ledger, name: str, clock: Clock, who: str, why: str) -> None:
    """Leave out the one outcome that a webhook will not take. Raises NoSuchWebhook."""
    with ledger.begin() as db:
        number = WebhookBook(db, ledger, clock.now()).skip(name)
        if number is None:
            raise NoSuchWebhook(f"nothing waits for {name}; see: moc-consumer webhook list")
        credit = db.scalar(select(outcomes.c.credit_id).where(outcomes.c.id == number))
        remember(db, ledger, clock.now(), who, "webhook.skipped", f"{name} {credit}", why)


def _unknown(name: str) -> str:
    return f"nothing is known of a webhook {name}; see: moc-consumer webhook list"
