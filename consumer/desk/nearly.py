"""What an event that no mapping knows nearly is, told when somebody looks at its letter."""

from __future__ import annotations

from consumer.decoding.schemas import SchemasAway
from consumer.desk.deadletters import find_letter
from consumer.journey import House
from consumer.ledger.ledger import Ledger
from consumer.ledger.originals import events_kept
from consumer.mapping.nearest import nearest
from consumer.reason import Stopped


def nearly(ledger: Ledger, house: House, letter_id: str) -> str:
    """The mapping that such a letter's event nearly fits; blank where none is near.

    Nothing of what stands in the event is told. Raises NoSuchLetter.
    """
    with ledger.read() as db:
        row = find_letter(db, letter_id)
    try:
        events = events_kept(ledger.seal, row, house)
    except (Stopped, SchemasAway):
        return ""
    found = [nearest(house.catalogue.mappings, one) for one in events]
    return next(filter(None, found), "")
