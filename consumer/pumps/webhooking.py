"""The pump of one webhook: tells it every outcome, in order, at least once, however long it takes.

Each webhook has a pump and a cursor of its own: one that is away holds up neither the bus nor the
others. In its order nothing is left out: what it will not take is tried again until it does, until
it is too old, or until a person leaves it out.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
import structlog
from sqlalchemy import Row

from consumer.clock import Clock
from consumer.desk.outcomes import accounts
from consumer.ledger.creditnames import traces_behind
from consumer.ledger.ledger import Ledger
from consumer.ledger.outcomebook import Heard, body, heard_of
from consumer.ledger.webhookbook import Turn, WebhookBook, standing
from consumer.pumps.backoff import Backoff
from consumer.pumps.minding import minding_ledger
from consumer.settings.telling import WebhookSettings
from consumer.telemetry.readiness import Readiness
from consumer.telemetry.spans import SILENT, WEBHOOK, Tracing
from consumer.webhook.posting import Answer, Poster
from consumer.webhook.signing import NoSecret, headers, secret_of, secrets_in

LEASE_SECONDS = 120.0
_TURN_SECONDS = 60.0
_LIMIT = 50
_GONE = 410


@dataclass(frozen=True, slots=True)
class Said:
    """One outcome as this webhook is told it."""

    number: int
    message_id: str
    body: bytes
    credit_id: str = ""
    state: str = ""
    trace: str = ""


class WebhookPump:
    """Tells one webhook."""

    def __init__(
        self,
        name: str,
        settings: WebhookSettings,
        ledger: Ledger,
        backoff: Backoff,
        idle_seconds: float,
        clock: Clock,
        readiness: Readiness,
        tracing: Tracing = SILENT,
    ) -> None:
        self.name = f"webhook.{name}"
        self._webhook, self._settings, self._ledger = name, settings, ledger
        self._backoff, self._idle_seconds = backoff, idle_seconds
        self._clock, self._readiness, self._tracing = clock, readiness, tracing
        self._poster: Poster | None = None
        self._known = False
        self._log = structlog.get_logger().bind(pump=self.name)

    def run(self, stop: threading.Event) -> None:
        """Tell until told to stop."""
        while not stop.is_set():
            told = 0
            with minding_ledger(self._readiness, self.name):
                told = self.turn(stop)
            if not told:
                self._clock.wait(stop, self._idle_seconds)

    def turn(self, stop: threading.Event | None = None) -> int:
        """Tell what waits, until it fails or the turn is over; gives how many were told.

        Raises LedgerUnavailable.
        """
        turn = self._take()
        if turn is None:
            self._say_how_it_stands()
            return 0
        if turn.given_up:
            self._log.error("webhook.given_up", count=turn.given_up)
        until = self._clock.monotonic() + _TURN_SECONDS
        told = 0
        for said in self._said(turn):
            if (stop and stop.is_set()) or self._clock.monotonic() > until:
                break
            if said.body:
                answer = self._tell(said)
                if not answer.taken:
                    self._fail(turn, answer, 0 if told else turn.tries)
                    break
                told += 1
            if not self._told(turn, said.number):
                return told  # frozen past the lease: another process goes on from where it was
        self._end(turn)
        self._say_how_it_stands()
        return told

    def _take(self) -> Turn | None:
        now = self._clock.now()
        oldest = now - timedelta(days=self._settings.keep_days)
        if not self._known:
            with self._ledger.begin() as db:
                url = self._settings.url.get_secret_value()
                WebhookBook(db, self._ledger, now).know(self._webhook, url)
            self._known = True
        with self._ledger.read() as db:
            if not WebhookBook(db, self._ledger, now).waits(self._webhook):
                return None
        with self._ledger.begin() as db:
            book = WebhookBook(db, self._ledger, now)
            return book.take(self._webhook, LEASE_SECONDS, _LIMIT, oldest)

    def _said(self, turn: Turn) -> Sequence[Said]:
        """What waits, as it is told here; of what is none of its business, only the number."""
        rows = [row.credit_row for row in turn.waiting]
        with self._ledger.read() as db:
            heard = heard_of(db, rows)
            whose = accounts(db, self._ledger, rows) if self._settings.lms_ids else {}
            traces = traces_behind(db, rows) if self._tracing.on else {}
        return [
            replace(
                self._one(row, heard.get(row.credit_row, []), whose),
                trace=next(iter(traces.get(row.credit_row, ())), ""),
            )
            for row in turn.waiting
        ]

    def _one(self, row: Row[Any], heard: list[Heard], whose: dict[int, Any]) -> Said:
        wanted = self._settings.sources
        mine = [one for one in heard if not wanted or one["source"] in wanted]
        if wanted and not mine:
            return Said(row.id, "", b"")
        data = body(row, mine, row.at) | {"sequence": row.id}
        if self._settings.lms_ids:
            data["learners"] = [
                {"source": a.source, "site": a.site, "learner": a.learner, "course": a.course}
                for a in whose.get(row.credit_row, [])
                if a.source in wanted
            ]
        whole = {"type": f"credit.{row.state}", "timestamp": row.at.isoformat(), "data": data}
        named = (row.credit_id, row.state)
        return Said(row.id, self._message_id(row), orjson.dumps(whole), *named)

    def _message_id(self, row: Row[Any]) -> str:
        """The same whenever it is told again; another one for each webhook and outcome.

        A ledger that was put back from a backup gives its numbers anew: they alone would not do.
        """
        parts = (self._webhook, str(row.id), row.credit_id, row.state, row.at.isoformat())
        return "msg_" + self._ledger.identity.digest("outcome", *parts)[:32]

    def _tell(self, said: Said) -> Answer:
        with self._tracing.span(WEBHOOK, after=said.trace, webhook=self._webhook) as tell:
            tell(credit_id=said.credit_id, state=said.state)
            answer = self._post(said)
            tell(status=answer.status)
            return answer

    def _post(self, said: Said) -> Answer:
        now, settings = self._clock.now(), self._settings
        try:
            if self._poster is None:
                url = settings.url.get_secret_value()
                self._poster = Poster(url, settings.timeout_seconds, settings.ca_file)
            signed = headers(self._secrets(), said.message_id, now, said.body)
        except NoSecret as error:
            return Answer(0, f"secret_file: {error}")
        except OSError:
            return Answer(0, "secret_file or ca_file cannot be used")
        return self._poster.post(said.body, signed, now)

    def _secrets(self) -> list[bytes]:
        if self._settings.secret_file:
            return secrets_in(self._settings.secret_file)
        return [secret_of(self._settings.secret.get_secret_value())]

    # ------------------------------------------------------------ how it stands

    def _told(self, turn: Turn, number: int) -> bool:
        with self._ledger.begin() as db:
            return WebhookBook(db, self._ledger, self._clock.now()).told(turn, number)

    def _end(self, turn: Turn) -> None:
        with self._ledger.begin() as db:
            WebhookBook(db, self._ledger, self._clock.now()).done(turn)

    def _fail(self, turn: Turn, answer: Answer, tries: int) -> None:
        now = self._clock.now()
        with self._ledger.begin() as db:
            book = WebhookBook(db, self._ledger, now)
            if answer.status == _GONE:
                book.gone(turn, answer.cause)
            else:
                book.failed(turn, tries + 1, answer.cause, now + self._wait(answer, tries + 1))
        event = "webhook.gone" if answer.status == _GONE else "webhook.failed"
        self._log.warning(event, cause=answer.cause, attempt=tries + 1)

    def _wait(self, answer: Answer, tries: int) -> timedelta:
        longest = self._settings.retry_longest_seconds
        asked = min(answer.wait_seconds or 0.0, longest)
        return timedelta(seconds=max(asked, self._backoff.delay(tries)))

    def _say_how_it_stands(self) -> None:
        with self._ledger.read() as db:
            mine = [row for row in standing(db) if row.name == self._webhook]
        for row in mine:
            if row.gone_at:
                how = f"moc-consumer webhook enable {self._webhook}"
                self._readiness.bad(self.name, self.name, f"{row.cause}; nothing is sent: {how}")
            elif row.failing_since:
                waits = f"{row.waiting} outcome{'s wait' if row.waiting != 1 else ' waits'}"
                self._readiness.bad(self.name, self.name, f"{row.cause}; {waits}")
            else:
                self._readiness.good(self.name, self.name)
