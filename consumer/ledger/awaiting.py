"""Which completions wait for something about their learner."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, or_, select

from consumer.credit import Heard
from consumer.ledger.ledger import Ledger
from consumer.ledger.schema import completions

_CODES = ("learner_not_found", "no_board_id", "no_consent", "no_birth_date", "no_birth_year")
_CHUNK = 500


def awaited_learners(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Site and learner of every completion that waits for its learner, oldest first.

    Read in chunks, so that a large ledger is not held, or locked, while somebody is asked.
    """
    last = 0
    while True:
        with ledger.read() as db:
            found = [*_chunk(db, ledger, last)]
        for last, site, learner in found:  # noqa: B007  where the next chunk begins
            yield site, learner
        if len(found) < _CHUNK:
            return


def _chunk(db: Connection, ledger: Ledger, after: int) -> Iterator[tuple[int, str, str]]:
    lacks = or_(*(completions.c.reasons.contains(f'"code":"{code}"') for code in _CODES))
    waiting = select(completions.c.id, completions.c.said).where(
        completions.c.id > after, completions.c.state == Heard.HELD, lacks
    )
    for row in db.execute(waiting.order_by(completions.c.id).limit(_CHUNK)):
        said = ledger.seal.open_said(row.said)
        yield row.id, said.site, said.learner
