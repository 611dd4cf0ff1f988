"""Letters as intake and sending write them: opened, settled, and told on their topic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from consumer.bus.port import Message
from consumer.ledger import letters, links, outbox
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Failure, Origin, Status
from consumer.ledger.schema import completions, events
from consumer.ledger.schema import letters as letter_rows
from consumer.ledger.seal import unpack_original
from consumer.reason import Reason, Stage


class LetterBook:
    """Puts what needs a person where people look, with the bytes it came from."""

    def __init__(self, connection: Connection, ledger: Ledger, now: datetime) -> None:
        self._db, self._ledger, self._now = connection, ledger, now

    def refuse(
        self,
        letter_id: str,
        reasons: Sequence[Reason],
        origin: Origin,
        completion: int | None = None,
        credit: Row[Any] | None = None,
    ) -> None:
        """Open a dead letter and queue it for its topic."""
        failure = Failure(
            letter_id=letter_id,
            reasons=reasons,
            origin=origin,
            completion_id=completion,
            credit_row=credit.id if credit else None,
            activity=credit.activity if credit else "",
            content=self._content(origin) if completion is None and credit is None else None,
        )
        self._publish([letters.open_letter(self._db, failure, self._now)])

    def settle(
        self,
        status: Status,
        *,
        completion_id: int = 0,
        credit_row: int = 0,
        keep_questions: bool = False,
    ) -> None:
        """Take a subject's letters off the list, and say so on their topic.

        `keep_questions` leaves those that ask a person for a decision and were not answered yet.
        """
        subject = {"completion_id": completion_id, "credit_row": credit_row}
        self._publish(
            letters.settle_letters(self._db, status, **subject, keep_questions=keep_questions)
        )

    def publish_letter(self, letter_id: str) -> None:
        """Say on its topic how a letter stands."""
        self.publish_letters([letter_id])

    def publish_letters(self, letter_ids: Iterable[str]) -> None:
        """Say on their topic how these letters stand."""
        self._publish(letters.get_letter(self._db, one) for one in letter_ids)

    def settle_letter(self, letter_id: str) -> None:
        """Take one letter off the list, and say so on its topic."""
        self._publish([letters.resolve(self._db, letter_id)])

    def refuse_credit(self, row: Row[Any], reasons: Sequence[Reason]) -> None:
        """Dead-letter a credit, with the bytes of the completion that stands behind it."""
        completion = links.behind(self._db, row.id)
        if completion is not None:
            letter = self._letter_id("credit", row)
            self.refuse(letter, reasons, self._origin_of(completion), completion, row)

    def content(self, value: bytes | None) -> str | None:
        """What an unreadable event is known by when it comes once more; None for an empty one."""
        return self._ledger.identity.letter_content(value) if value else None

    def _content(self, origin: Origin) -> str | None:
        return self.content(unpack_original(self._ledger.seal.open(origin.original)).value)

    def letter_of_event(self, message: Message, digest: str) -> str:
        """The ID of the letter of an event that could not be read."""
        place = f"{message.topic}/{message.partition}/{message.offset}"
        return "dl-" + self._ledger.identity.digest("letter", "event", place, digest)[:24]

    def letter_of(self, completion: int, question: str = "") -> str:
        """The ID of a completion's letter; a question about it has one of its own."""
        key = self._db.scalar(select(completions.c.key).where(completions.c.id == completion))
        parts = ("completion", str(key), *filter(None, [question]))
        return "dl-" + self._ledger.identity.digest("letter", *parts)[:24]

    def ask_about(self, completion: int, code: str, origin: Origin) -> None:
        """Ask a person about a completion.

        One letter for each question: none may take another's place, or that of a broken rule.
        """
        letter = self.letter_of(completion, code)
        self.refuse(letter, (Reason(Stage.REVIEW, code),), origin, completion)

    def ask_about_credit(
        self, row: Row[Any], code: str, completion: int, instead_of: str = ""
    ) -> None:
        """Ask a person about a credit; the question `instead_of` is asked no more."""
        self._ask_person(row, code, completion, self._origin_of(completion))
        other = self._letter_id(instead_of, row)
        asked = (letter_rows.c.id == other, letter_rows.c.status == Status.OPEN)
        if self._db.scalar(select(letter_rows.c.id).where(*asked)) is not None:
            self.settle_letter(other)

    def _ask_person(self, row: Row[Any], code: str, completion: int, origin: Origin) -> None:
        # A letter of its own: a refusal by PARS, or its end, must not wipe out the question.
        letter = self._letter_id(code, row)
        self.refuse(letter, (Reason(Stage.REVIEW, code),), origin, completion, row)

    def _letter_id(self, about: str, row: Row[Any]) -> str:
        return "dl-" + self._ledger.identity.digest("letter", about, row.key)[:24]

    def _publish(self, rows: Iterable[Row[Any]]) -> None:
        seal = self._ledger.seal
        told = [outbox.dead_letter(seal, row) for row in rows]
        outbox.put(self._db, seal, told, self._now)

    def _origin_of(self, completion: int) -> Origin:
        row = self._db.execute(select(completions).where(completions.c.id == completion)).one()
        return self.origin_of(row)

    def origin_of(self, row: Row[Any]) -> Origin:
        """Where a completion's bytes came from: the newest event that said it."""
        at = self._db.execute(
            select(events)
            .where(events.c.completion_id == row.id)
            .order_by(events.c.heard_at.desc(), events.c.offset.desc())
            .limit(1)
        ).first()
        return Origin(
            source=row.source,
            mapping=row.mapping,
            mapping_version=row.mapping_version,
            topic=at.topic if at else "",
            partition=at.partition if at else 0,
            offset=at.offset if at else 0,
            original=row.original,
        )
