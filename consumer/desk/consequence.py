"""Which credits would come, go or change if an event said something else."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from consumer.fate import Ready
from consumer.journey import House, judge
from consumer.mapping.comparison import Change, Reading
from consumer.mapping.said import Kind
from consumer.participant import Record

COME, GO, CHANGED = "credits would come", "credits would go", "credits would change"
CREDITS = (COME, GO, CHANGED)

_Name = tuple[str, str, str, str, str]


def consequence(change: Change, house: House, now: datetime) -> Counter[str]:
    """By today's tables, what the event alone gives by the old mapping and by the new."""
    old, new = _credits(change.old, house, now), _credits(change.new, house, now)
    counts = {
        COME: len(new.keys() - old.keys()),
        GO: len(old.keys() - new.keys()),
        CHANGED: sum(old[name] != new[name] for name in old.keys() & new.keys()),
    }
    return Counter({name: count for name, count in counts.items() if count})


def _credits(reading: Reading, house: House, now: datetime) -> dict[_Name, Record]:
    """Named by what makes two of them one: whose, of what, and which occurrence."""
    if reading.said is None or reading.said.kind is Kind.RETRACTION:
        return {}
    judged = judge(reading.said, house, now)
    records = judged.records if isinstance(judged, Ready) else ()
    return {(r.board, r.board_id, r.activity, r.credit_type, r.occurrence): r for r in records}
