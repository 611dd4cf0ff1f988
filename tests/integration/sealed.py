"""An office that keeps something in every sealed column, under a former key or the one of today."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from cryptography.fernet import Fernet

from consumer.desk.closing import Closing
from consumer.desk.editing import Editing, Wanted
from consumer.desk.parcels import Parcels
from consumer.desk.sealing import Sealing
from consumer.desk.switching import Switching
from consumer.ledger.resealing import tables_sealed
from consumer.ledger.seal import Seal
from consumer.release import Mode, Subject
from tests.integration.academy import settle_in, told
from tests.integration.office import SEALING_KEY, Office
from tests.integration.people import DAY, LENA, NOON, OTIS, PRIYA, moodle, raw

NEW_KEY = Fernet.generate_key()
NEW_ALONE = Seal(NEW_KEY)
NEW_AND_OLD = Seal(NEW_KEY, SEALING_KEY)
OLD_AND_NEW = Seal(SEALING_KEY, NEW_KEY)
OLD_ALONE = Seal(SEALING_KEY)


def filled(office: Office) -> Office:
    """Something has happened of every kind that leaves something sealed."""
    settle_in(office)
    office.hear(told("completion", OTIS, NOON - 9 * DAY), told("evaluation", OTIS, NOON - 8 * DAY))
    office.hear(moodle(PRIYA), moodle(LENA, at=NOON + 400 * DAY), raw(b"{"))
    office.drive(lambda: "accepted" in office.states())
    letter = next(
        row["letter_id"] for row in office.open_letters() if row["reason"] != "malformed_json"
    )
    house = office.service.premises.house
    editing = Editing(office.ledger, house, office.clock, "mora", "she called")
    editing.save(letter, 0, Wanted({"completed": (NOON + 300 * DAY).isoformat()}))
    Closing(office.ledger, office.clock, "mora", "she has left").discard(letter)
    switching = Switching(office.ledger, office.clock, "mora", "a first look")
    switching.turn(Subject.ACTIVITY, ("SEPSIS",), Mode.HOLD)
    return office


def under(office: Office, seal: Seal) -> Office:
    """The same office, opened with other keys."""
    office.ledger = replace(office.ledger, seal=seal)
    office.start()
    return office


def sealing(office: Office) -> Sealing:
    """The desk of the keys."""
    parcels = Parcels(office.tables, office.ledger.seal, office.clock)
    return Sealing(office.ledger, office.settings.spool_path, parcels)


def columns_under(office: Office) -> dict[str, Counter[str]]:
    """How many values of each column are under which key."""
    found: dict[str, Counter[str]] = {}
    for table in tables_sealed():
        for row in office.rows(table):
            for column in table.c:
                if type(column.type).__name__.startswith("Sealed") and row._mapping[column]:
                    value = row._mapping[column]
                    sealed = value.encode() if isinstance(value, str) else value
                    name = office.ledger.seal.key_of(sealed)
                    found.setdefault(f"{table.name}.{column.name}", Counter())[name] += 1
    return found
