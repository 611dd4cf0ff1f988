"""Bringing letters back from their topic, when the ledger that knew them is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from consumer.bus.port import Message
from consumer.clock import Clock
from consumer.desk.replaying import Gone
from consumer.desk.trail import remember
from consumer.desk.trying import FATES
from consumer.desk.words import advice
from consumer.journey import House
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Origin
from consumer.ledger.outbox import KEPT_IN_LEDGER, PASSED_ON
from consumer.ledger.recovery import LOST, Found, Recovery
from consumer.ledger.seal import Original, Seal, pack_original
from consumer.reason import Reason, Stage

KNOWN = "known"
_UNSETTLED = {"open", "replayed"}
_SAYS = {KNOWN: "it is here already", "refused": FATES["refused"], "asks": FATES["asks"]}


@dataclass(frozen=True, slots=True)
class Recovering:
    """One person's wish to have the letters of a topic back, and why."""

    ledger: Ledger
    house: House
    clock: Clock
    who: str
    why: str = ""

    def preview(self, found: Sequence[Found]) -> Counter[str]:
        """How many would come to which fate; nothing is written. Raises SchemasAway."""
        counts: Counter[str] = Counter()
        for one in found:
            with self.ledger.rehearse() as db:
                counts[self._recover(db, one)] += 1
        return counts

    def go(self, found: Sequence[Found]) -> Iterator[Gone]:
        """Bring them back, each in a transaction of its own; the same wish once more does no harm.

        Raises SchemasAway, LedgerUnavailable.
        """
        for one in found:
            with self.ledger.begin() as db:
                fate = self._recover(db, one)
                if fate != KNOWN:
                    told = (self.who, "letter.recovered", one.letter_id, self.why)
                    remember(db, self.ledger, self.clock.now(), *told)
            says = advice(LOST).happened if one.lost and fate != KNOWN else ""
            yield Gone(one.letter_id, fate, says or _SAYS.get(fate) or FATES.get(fate, fate))

    def _recover(self, db: Connection, one: Found) -> str:
        book = Recovery(db, self.ledger, self.house, self.clock.now())
        return KNOWN if book.is_known(one.letter_id) else book.recover(one)


def unsettled(messages: Iterable[Message], seal: Seal) -> list[Found]:
    """The letters of a topic that needed somebody when they were told last, as they first came.

    Messages that are no letters of ours are passed over.
    """
    latest: dict[str, Message] = {}
    for message in messages:
        if name := _text(message, "moc-letter-id"):
            latest[name] = message
        elif message.value is None and message.key is not None:
            latest.pop(message.key.decode(errors="replace"), None)  # purged: its last word
    found = (one for one in latest.values() if _text(one, "moc-status") in _UNSETTLED)
    return [_found(one, seal) for one in found]


def _found(message: Message, seal: Seal) -> Found:
    part = _text(message, "moc-original-part")
    null = _text(message, "moc-original-null") == "true"
    headers = tuple((name, value) for name, value in message.headers if name in PASSED_ON)
    value = None if null else message.value
    original = Original(None, value, headers, int(part) if part else None)
    origin = Origin(
        source=_text(message, "moc-source"),
        mapping=_text(message, "moc-mapping"),
        mapping_version=int(_text(message, "moc-mapping-version") or 0),
        topic=_text(message, "moc-original-topic"),
        partition=int(_text(message, "moc-original-partition") or 0),
        offset=int(_text(message, "moc-original-offset") or 0),
        original=seal.seal(pack_original(original)),
    )
    reason = _reason(_text(message, "moc-stage"), _text(message, "moc-reason"))
    began = datetime.fromisoformat(_text(message, "moc-first-failed-at"))
    lost = KEPT_IN_LEDGER in message.headers
    return Found(_text(message, "moc-letter-id"), reason, began, origin, lost)


def _reason(stage: str, code: str) -> Reason:
    return Reason(Stage(stage), code)


def _text(message: Message, name: str) -> str:
    return next((value.decode() for n, value in message.headers if n == name), "")
