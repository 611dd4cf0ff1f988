"""Letters brought back from their topic into a ledger that knows nothing of them any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from consumer.bus.port import Message
from consumer.fate import Ignored, Refused
from consumer.journey import Heard
from consumer.ledger import links
from consumer.ledger.goinground import Rounds
from consumer.ledger.letters import Failure, Origin, Status, get_letter, open_letter
from consumer.ledger.originals import hear_again
from consumer.ledger.schema import credits_, letters
from consumer.mapping.said import Kind
from consumer.reason import Reason, Stage

LOST = Reason(Stage.DECODE, "original_lost")


@dataclass(frozen=True, slots=True)
class Found:
    """A letter as its topic has it: its cause, and where its bytes came from, sealed.

    `lost`: the bytes were too large to be published.
    """

    letter_id: str
    reason: Reason
    first_failed_at: datetime
    origin: Origin = field(repr=False)
    lost: bool = False


class Recovery(Rounds):
    """Writes letters that were found on their topic; one transaction's worth."""

    def is_known(self, letter_id: str) -> bool:
        """Whether the ledger has this letter, however it stands."""
        known = select(letters.c.id).where(letters.c.id == letter_id)
        return self._db.scalar(known) is not None

    def recover(self, found: Found) -> str:
        """The letter is here again, and its event judged as it arrived now; gives its fate.

        PARS may have had what it is about: it is asked before anything of it is sent.
        """
        failure = Failure(found.letter_id, (LOST if found.lost else found.reason,), found.origin)
        open_letter(self._db, failure, self._now)
        began = {"first_failed_at": found.first_failed_at}
        self._db.execute(update(letters).where(letters.c.id == found.letter_id).values(began))
        if found.lost:
            self._credits.publish_letter(found.letter_id)
            return "refused"
        message, heard = hear_again(self._ledger.seal, found.origin, self._house, self._now)
        fates = [self._arrives(found, message, what) for what in heard]
        return fates[0]

    def _arrives(self, found: Found, message: Message, what: Heard) -> str:
        asks = found.reason.stage is Stage.REVIEW
        if asks and (what.said is None or what.said.kind is Kind.RETRACTION):
            # What it is about may be at PARS, and nothing is known of it here: a person's still.
            self._credits.publish_letter(found.letter_id)
            return "asks"
        if what.said is None and isinstance(what.judgement, Refused):
            origin = self._origin(message, what)
            self._credits.refuse(found.letter_id, what.judgement.reasons, origin)
            return "refused"
        if what.said is None or isinstance(what.judgement, Ignored):
            self._credits.settle_letter(found.letter_id)
            return "not_reportable"
        fate, number = self._settle(message, what, self._digests.of(message, what.part))
        self.write_gathered()
        if number is not None:
            self._doubt(links.credits_of(self._db, number))
        self._keep_or_settle(found, number)
        return fate

    def _keep_or_settle(self, found: Found, completion: int | None) -> None:
        row: Row[Any] = get_letter(self._db, found.letter_id)
        if row.completion_id is not None and row.status == Status.OPEN:
            return  # it broke a rule again: the very same letter
        if found.reason.stage is Stage.REVIEW:
            about = update(letters).where(letters.c.id == found.letter_id)
            self._db.execute(about.values(completion_id=completion))
            self._credits.publish_letter(found.letter_id)
            return
        self._credits.settle_letter(found.letter_id)

    def _doubt(self, numbers: Sequence[int]) -> None:
        """Credits made just now are asked about first, as after a restore."""
        mine = (credits_.c.id.in_(numbers), credits_.c.created_at == self._now)
        self._db.execute(update(credits_).where(*mine).values(restored_at=self._now))
