"""Which dead letters today's mappings could read, for a person who may send them round again."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import select

from consumer.decoding.schemas import SchemasAway
from consumer.fate import Refused
from consumer.journey import Heard, House
from consumer.ledger.ledger import Ledger
from consumer.ledger.letters import Status
from consumer.ledger.originals import hear_again
from consumer.ledger.schema import letters
from consumer.reason import Stage

_UNREAD = (Stage.RECOGNISE, Stage.SCHEMA, Stage.MAP)
_MOST = 1000


def readable_now(ledger: Ledger, house: House, now: datetime, most: int = _MOST) -> Counter[str]:
    """Open letters that no mapping could read when they came and one can now, by the LMS's name.

    The newest `most` are tried, up to the first that needs a registry which is away.
    Raises LedgerUnavailable.
    """
    unread = letters.c.stage.in_([stage.value for stage in _UNREAD])
    query = select(letters).where(letters.c.status == Status.OPEN.value, unread)
    with ledger.read() as db:
        rows = db.execute(query.order_by(letters.c.last_failed_at.desc()).limit(most)).all()
    found: Counter[str] = Counter()
    for row in rows:
        try:
            _, heard = hear_again(ledger.seal, row, house, now)
        except SchemasAway:
            # It is a hint, and no reason to wait for a registry with every letter.
            break
        if mended := [one for one in heard if not _still_unread(one)]:
            found[mended[0].mapping.partition("/")[0]] += 1
    return found


def _still_unread(heard: Heard) -> bool:
    if not isinstance(heard.judgement, Refused):
        return False
    return heard.judgement.reasons[0].stage in (*_UNREAD, Stage.DECODE, Stage.INTERNAL)
