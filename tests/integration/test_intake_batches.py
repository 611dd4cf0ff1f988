"""However events fall into batches, the ledger comes to the same."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.bus.port import Outgoing
from consumer.ledger.schema import metadata
from consumer.mapping.catalogue import Catalogue
from tests.fakes import FakeClock
from tests.integration import academy
from tests.integration.office import Office
from tests.integration.people import (
    COURSES,
    DAY,
    EVERYONE,
    HOUR,
    LENA,
    NOON,
    OTIS,
    PRIYA,
    TOPIC,
    canvas,
    course,
    moodle,
    openedx,
    raw,
    revoked,
)
from tests.integration.test_taking_back import COMPLETED, SITE, VOIDED, completes, void
from tests.unit.mapping.samples import mapping, written

SEALED = {"said", "original", "record", "message"}
ROWS = {
    "occurrence": "{from: body.session, optional: true}",
    "points": "{from: body.points, number: true, optional: true}",
}
PARTLY = mapping(written(**ROWS))  # type: ignore[arg-type]
EVENTS = Catalogue([*academy.EVENTS.mappings, PARTLY, COMPLETED, VOIDED])
PARTS = course("", "RSS", activity="PARTS", repeats="claim", points_basis="claimed")
TWIN = replace(LENA, number=77, board_id=PRIYA.board_id)
STRANGER = replace(LENA, number=78)


def claim(part: str, points: str) -> Outgoing:
    """Lena claims a part of a course of 1.5 points."""
    body = {"type": "done", "user": str(LENA.number), "course": "RSS", "session": part}
    body |= {"at": "2026-11-18T18:00:00Z", "points": points}
    return Outgoing(TOPIC, None, orjson.dumps(body))


SAID = [
    moodle(PRIYA),
    moodle(PRIYA, objectid=1),
    moodle(PRIYA, at=NOON + DAY),
    moodle(PRIYA, at=NOON - DAY),
    canvas(PRIYA),
    canvas(PRIYA, at=NOON - 2 * DAY),
    moodle(TWIN),
    moodle(OTIS, "103"),
    openedx(OTIS),
    openedx(OTIS, NOON + 2 * HOUR),
    revoked(OTIS, NOON + HOUR),
    moodle(STRANGER),
    moodle(STRANGER, at=NOON - DAY),
    moodle(OTIS, "999"),
    raw(b"{"),
    raw(b'{"eventname": "\\\\core\\\\event\\\\course_viewed"}'),
    claim("a", "1"),
    claim("a", "0.5"),
    claim("b", "0.5"),
    claim("c", "0.5"),
    claim("d", "2"),
    completes(OTIS, "a"),
    completes(OTIS, "b", NOON + DAY),
    completes(LENA, "a"),
    void("a"),
    void("b"),
]
STEPS = [
    academy.told("completion", PRIYA, NOON - 3 * DAY),
    academy.told("evaluation", PRIYA, NOON - 3 * DAY, id="e"),
    academy.told("claim", PRIYA, NOON - DAY, points="1", id="c"),
    academy.told("claim", PRIYA, NOON - HOUR, points="0.5"),
    academy.told("retraction", PRIYA, NOON),
    academy.voided("e", NOON),
    academy.voided("c", NOON),
]
"""An evaluation before its completion, and all of it in one batch, is where the fast way ends."""


def office_in(folder: Path, batch_size: int) -> Office:
    """An office that hears so many events in one transaction."""
    office = Office(folder, FakeClock(), intake={"batch_size": batch_size})
    office.put_learners(*(who.row() for who in (*EVERYONE, TWIN)))
    blank = dict.fromkeys([*PARTS, *academy.asking()], "")
    rows = (PARTS, academy.asking(), course(SITE, "101"), *COURSES)
    office.put_activities(*(blank | row for row in rows))
    office.events = EVENTS
    office.start(intake={"batch_size": batch_size})
    return office


def books(office: Office) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, with what is sealed in it opened."""

    def opened(row: Any) -> dict[str, Any]:
        plain = row._asdict()
        sealed = {name for name in SEALED & plain.keys() if plain[name] is not None}
        return plain | {name: office.ledger.seal.open(plain[name]) for name in sealed}

    return {table.name: [*map(opened, office.rows(table))] for table in metadata.sorted_tables}


def heard(said: Sequence[Outgoing], batch_size: int) -> dict[str, list[dict[str, Any]]]:
    """The books of an office that heard this, and nothing else."""
    with (
        TemporaryDirectory() as folder,
        closing(office_in(Path(folder), batch_size)) as office,
    ):
        office.hear(*said)
        return books(office)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(SAID), min_size=2, max_size=12))
def test_law_one_batch_comes_to_what_its_events_come_to_one_by_one(said: list[Outgoing]) -> None:
    assert heard(said, batch_size=100) == heard(said, batch_size=1)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(STEPS), min_size=2, max_size=8))
def test_law_one_batch_of_steps_comes_to_the_same_too(said: list[Outgoing]) -> None:
    assert heard(said, batch_size=100) == heard(said, batch_size=1)


def test_a_duplicate_in_the_batch_of_its_completion(office: Office) -> None:
    fates = office.hear(moodle(PRIYA), moodle(PRIYA, objectid=1), moodle(PRIYA, at=NOON + DAY))
    assert fates == {"ready": 1, "duplicate": 2}
    assert (office.states(), len(office.completions), len(office.fates)) == (["ready"], 1, 3)


def test_two_accounts_that_meet_in_one_credit_of_one_batch(office: Office) -> None:
    said = [moodle(LENA), moodle(PRIYA), moodle(OTIS), canvas(PRIYA, at=NOON - 2 * DAY)]
    assert office.hear(*said) == {"ready": 4}
    assert sorted(office.board_ids("ready")) == ["000963", "041327", "052441"]
    (earlier,) = [row for row in office.credits if row.completed_on == date(2026, 11, 18)]
    assert office.ledger.seal.open_record(earlier.record).board_id == PRIYA.board_id


def test_a_retraction_in_the_batch_of_its_completion(office: Office) -> None:
    said = [openedx(PRIYA), openedx(OTIS), revoked(PRIYA, NOON + HOUR)]
    assert office.hear(*said) == {"ready": 2, "retracted": 1}
    assert sorted(office.states()) == ["ready", "withdrawn"]
    assert office.board_ids("withdrawn") == [PRIYA.board_id]


def test_a_retraction_before_its_completion_in_one_batch(office: Office) -> None:
    assert office.hear(revoked(PRIYA, NOON + HOUR), openedx(PRIYA)) == {"retracted": 1, "review": 1}
    assert (office.states(), office.letter["reason"]) == ([], "completed_after_withdrawal")


def test_a_board_id_in_two_peoples_rows_is_seen_within_one_batch(office: Office) -> None:
    office.put_learners(PRIYA.row(), OTIS.row(board_id=PRIYA.board_id))
    office.look()
    assert office.hear(moodle(PRIYA), moodle(OTIS)) == {"ready": 1, "refused": 1}
    assert office.letter["reason"] == "board_id_shared"
