"""A purged completion: nothing of the learner is left, and nothing is credited twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import LargeBinary, Text, select, update

from consumer.credit import State
from consumer.desk.withdrawing import withdraw
from consumer.ledger.outbox import DEAD_LETTERS, opened
from consumer.ledger.purging import StillUnderWay, held_of, purge
from consumer.ledger.schema import credits_, letters, metadata, people, search_keys, steps
from consumer.ledger.schema import outbox as queued
from tests.integration.academy import settle_in, told
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import DAY, HOUR, LENA, NOON, OTIS, PRIYA, Physician, moodle


def purge_of(office: Office, number: int) -> None:
    """One completion and all that belongs to it."""
    with office.ledger.begin() as db:
        purge(db, office.ledger, held_of(db, [number]), office.clock.now())


def everything(office: Office) -> str:
    """All that the ledger holds, opened with its keys."""
    told = []
    with office.ledger.read() as db:
        for table in metadata.sorted_tables:
            for row in db.execute(select(table)):
                for name, value in row._mapping.items():
                    if isinstance(table.c[name].type, LargeBinary | Text) and value:
                        told.append(_opened(office, value))
                    else:
                        told.append(str(value))
    return "\n".join(told)


def _opened(office: Office, value: bytes | str) -> str:
    sealed = value.encode() if isinstance(value, str) else value
    if not sealed.startswith((b"\x01", b"gAAAA")):
        return str(value)
    return office.ledger.seal.open(sealed).decode(errors="replace")


def words_of(who: Physician) -> tuple[str, ...]:
    """What a learner would be known by."""
    return (who.given_name, who.family_name, who.board_id, str(who.number), who.birth_date)


def test_what_was_accepted_says_nobodys_name_and_is_not_credited_again(
    reporting: Office, pars: SimulatedPars
) -> None:
    office = reporting
    office.hear(moodle(PRIYA), moodle(OTIS))
    office.drive_to("accepted", "accepted")
    kept = (office.credits[0], office.credits[1], office.completions[1])
    purge_of(office, 1)
    told = everything(office)
    assert not [word for word in words_of(PRIYA) if word in told]
    assert [word for word in words_of(OTIS) if word not in told] == [OTIS.birth_date]
    mine, other = office.credits
    assert (mine.state, mine.credit_id, mine.key) == ("accepted", kept[0].credit_id, kept[0].key)
    assert (mine.points, mine.completed_on) == (kept[0].points, kept[0].completed_on)
    assert mine.purged_at == office.completions[0].purged_at == office.clock.now()
    assert (other, office.completions[1]) == kept[1:]
    before = everything(office)
    assert office.hear(moodle(PRIYA)) == {"duplicate": 1}
    assert office.hear(moodle(PRIYA, at=NOON + HOUR)) == {"duplicate": 1}
    assert not [word for word in words_of(PRIYA) if word in everything(office)]
    assert len(office.completions) == 2
    assert before
    office.pass_time(86_400)
    assert len(pars.live) == 2
    assert pars.totals["doubled"] == 0


def test_what_was_not_sent_is_closed_and_never_goes(reporting: Office, pars: SimulatedPars) -> None:
    office = reporting
    office.put_learners(LENA.row(consent=""), PRIYA.row())
    office.start()
    office.hear(moodle(LENA), moodle(PRIYA))
    purge_of(office, 1)
    purge_of(office, 2)
    assert [row.state for row in office.completions] == ["not_reportable", "credited"]
    assert office.states() == ["withdrawn"]
    office.put_learners(LENA.row(), PRIYA.row())
    office.look()
    assert office.hear(moodle(LENA), moodle(PRIYA)) == {"duplicate": 2}
    office.pass_time(86_400)
    assert pars.live == []
    assert office.states() == ["withdrawn"]
    assert [len(office.rows(table)) for table in (search_keys, people, steps)] == [0, 0, 0]


@pytest.mark.parametrize("done", ["submitting", "submitted"])
def test_while_pars_has_not_done_with_it_nothing_is_purged(reporting: Office, done: str) -> None:
    office = reporting
    office.hear(moodle(PRIYA))
    if done == "submitted":
        office.drive_to("submitted")
    else:
        with office.ledger.begin() as db:
            office.claims.claim(db, "main", [State.READY], 10, office.clock.now())
    before = office.credit, office.completions
    with pytest.raises(StillUnderWay):
        purge_of(office, 1)
    assert (office.credit, office.completions) == before


def test_what_pars_refused_is_closed(
    reporting: Office, open_pars: Callable[..., SimulatedPars]
) -> None:
    open_pars(people=())
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("attention")
    purge_of(reporting, 1)
    assert reporting.states() == ["withdrawn"]
    assert reporting.open_letters() == []
    assert not [word for word in words_of(PRIYA) if word in everything(reporting)]


@pytest.mark.parametrize("doubt", ["restored_at", "overtaken_at"])
def test_what_pars_refused_and_may_have_all_the_same_stays(
    reporting: Office, open_pars: Callable[..., SimulatedPars], doubt: str
) -> None:
    open_pars(people=())
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("attention")
    with reporting.ledger.begin() as db:
        db.execute(update(credits_).values({doubt: reporting.clock.now()}))
    before = reporting.credit, reporting.completions
    with pytest.raises(StillUnderWay):
        purge_of(reporting, 1)
    assert (reporting.credit, reporting.completions) == before
    [*withdraw(reporting.ledger, [reporting.credit.credit_id], "mora", "asked", reporting.clock)]
    reporting.drive_to("withdrawn")
    purge_of(reporting, 1)
    assert not [word for word in words_of(PRIYA) if word in everything(reporting)]


def test_a_letter_goes_from_the_ledger_and_from_its_topic(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id="no number"))
    office.start()
    office.hear(moodle(PRIYA, extra=PRIYA.family_name))
    (letter,) = office.letters
    purge_of(office, 1)
    assert office.open_letters() == []
    assert PRIYA.family_name not in everything(office)
    waiting = [opened(office.ledger.seal, row) for row in office.rows(queued)]
    assert [(one.topic, one.key, one.value) for one in waiting] == [
        (DEAD_LETTERS, letter.id.encode(), None)
    ]


def test_evaluations_and_claims_go_and_later_ones_are_duplicates(office: Office) -> None:
    settle_in(office)
    at = NOON - 9 * DAY
    office.hear(told("completion", PRIYA, at), told("evaluation", PRIYA, at, note=PRIYA.given_name))
    assert len(office.rows(steps)) == 1
    purge_of(office, 1)
    assert office.rows(steps) == []
    claim = told("claim", PRIYA, at + DAY, points="1.25")
    again = told("evaluation", PRIYA, at + HOUR)
    assert office.hear(claim, again, told("retraction", PRIYA, at + DAY)) == {"duplicate": 3}
    assert [len(office.rows(one)) for one in (steps, credits_, letters)] == [0, 0, 0]
    assert not [word for word in words_of(PRIYA) if word in everything(office)]
