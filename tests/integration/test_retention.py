"""Kept as long as the office must: seven years later it is gone, and nothing is credited twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import delete, update

from consumer.credit import State
from consumer.desk.closing import Closing
from consumer.desk.restoring import say_restored
from consumer.desk.retaining import Gone, Retaining, retaining_of, years_before
from consumer.desk.trailchecking import check_trail
from consumer.desk.withdrawing import withdraw
from consumer.ledger.backup import BACKED_UP
from consumer.ledger.columns import milliseconds
from consumer.ledger.ledger import Ledger, set_fact
from consumer.ledger.schema import attempts, audit, completion_credits, completions, steps
from consumer.pumps.retaining import RetainingPump
from tests.fakes import FakeClock
from tests.integration.academy import settle_in, told
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import DAY, HOUR, LENA, NOON, OTIS, PRIYA, canvas, moodle, raw
from tests.integration.test_letters import rejected
from tests.integration.test_purging import everything, words_of

YEAR = 366 * 86_400.0


def pump(office: Office) -> RetainingPump:
    found: RetainingPump = office.pump("retention")
    return found


def turn(office: Office) -> Gone:
    """A day's run."""
    return pump(office).turn()


def left_of(office: Office, *people: object) -> list[str]:
    """The words by which these are known still, wherever in the ledger."""
    told = everything(office)
    return [word for one in people for word in words_of(one) if word in told]  # type: ignore[arg-type]


def note_backup(office: Office) -> None:
    """A backup was made and looked through just now."""
    with office.ledger.begin() as db:
        set_fact(db, BACKED_UP, str(milliseconds(office.clock.now())))


# ---------------------------------------------------------------- seven years later


def test_seven_years_later_it_is_gone_and_still_a_duplicate(
    reporting: Office, pars: SimulatedPars
) -> None:
    office = reporting
    office.hear(moodle(PRIYA), canvas(PRIYA), moodle(OTIS))
    office.drive_to("accepted", "accepted")
    [*withdraw(office.ledger, [office.credits[1].credit_id], "mora", "Otis asked", office.clock)]
    office.drive_to("accepted", "withdrawn")
    office.clock.advance(5.9 * YEAR)
    assert turn(office) == Gone()
    assert left_of(office, PRIYA)
    office.clock.advance(1.1 * YEAR)
    gone = turn(office)
    assert (gone.completions, gone.credits, gone.trail) == (3, 2, 1)
    assert left_of(office, PRIYA, OTIS) == []
    assert "Otis" not in everything(office)
    assert [row.answer for row in office.rows(attempts) if row.answer] == []
    assert [row.purged_at is None for row in office.completions] == [False] * 3
    # What is said again is nothing new, and PARS's books are as they were.
    assert office.hear(moodle(PRIYA), canvas(PRIYA), moodle(PRIYA, at=NOON + HOUR)) == {
        "duplicate": 3
    }
    office.look()
    office.pass_time(86_400)
    assert (len(pars.live), pars.totals["doubled"]) == (1, 0)
    assert office.states() == ["accepted", "withdrawn"]
    assert left_of(office, PRIYA, OTIS) == []
    # Who did what, and when, stays; and the trail is whole.
    rows = office.rows(audit)
    assert [row.what for row in rows] == ["credit.withdrawn", "retention.purged"]
    assert (rows[0].who, rows[0].why, rows[0].change) == ("mora", "", None)
    assert check_trail(office.ledger).problems == ()


def test_what_waits_or_is_under_way_is_untouched(office: Office) -> None:
    settle_in(office)
    office.hear(told("completion", OTIS, NOON - 9 * DAY))  # waits for its evaluation
    office.hear(moodle(LENA, at=NOON + 400 * DAY))  # a letter that is open
    office.hear(moodle(PRIYA))
    office.hear(raw(b"{"))
    office.take_for_sent(State.SUBMITTED)
    before = (office.completions, office.credits, office.letters, office.rows(steps))
    office.clock.advance(20 * YEAR)
    assert turn(office) == Gone()
    assert (office.completions, office.credits, office.letters, office.rows(steps)) == before


def test_what_waits_for_another_board_still_is_untouched(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    with office.ledger.begin() as db:
        db.execute(update(completions).values(unfinished=True))
    office.clock.advance(20 * YEAR)
    assert turn(office) == Gone()
    assert left_of(office, PRIYA)


def test_what_hangs_together_goes_together(office: Office) -> None:
    """Of two accounts' completions behind one credit neither goes while the other may not."""
    twin = replace(PRIYA, number=77)
    office.put_learners(PRIYA.row(), twin.row())
    office.look()
    office.hear(moodle(PRIYA), canvas(twin))
    office.take_for_sent(State.ACCEPTED)
    assert len(office.credits) == 1
    office.clock.advance(7 * YEAR)
    later = update(completions).where(completions.c.id == 2)
    with office.ledger.begin() as db:
        db.execute(later.values(changed_at=office.clock.now()))
    assert turn(office) == Gone()
    office.clock.advance(7 * YEAR)
    assert turn(office) == Gone(completions=2, credits=1)


def test_a_withdrawn_credit_goes_six_years_after_the_last_restore(
    reporting: Office, pars: SimulatedPars
) -> None:
    office = reporting
    office.hear(moodle(PRIYA))
    office.drive_to("accepted")
    [*withdraw(office.ledger, [office.credit.credit_id], "mora", "asked", office.clock)]
    office.drive_to("withdrawn")
    office.clock.advance(7 * YEAR)
    say_restored(office.ledger, "root", office.clock.now())
    office.clock.advance(5.9 * YEAR)
    assert turn(office).credits == 0  # what became of it after that backup nobody knows
    office.clock.advance(0.2 * YEAR)
    assert turn(office).credits == 1
    assert (left_of(office, PRIYA), pars.live) == ([], [])


def test_a_rejected_credit_goes_once_somebody_has_closed_it(office: Office) -> None:
    letter = rejected(office)
    office.clock.advance(7 * YEAR)
    assert turn(office) == Gone()
    Closing(office.ledger, office.clock, "mora", "she has left").discard(letter)
    office.clock.advance(5 * YEAR)
    assert turn(office) == Gone(trail=0)
    office.clock.advance(2 * YEAR)
    gone = turn(office)
    assert (gone.completions, gone.credits, gone.letters) == (1, 1, 1)
    assert left_of(office, PRIYA) == []


def test_letters_that_nobody_could_read_go_once_they_are_dealt_with(office: Office) -> None:
    office.hear(raw(b'{"name": "Vantongeren"'))
    letter = str(office.letter["letter_id"])
    office.clock.advance(7 * YEAR)
    assert turn(office) == Gone()
    Closing(office.ledger, office.clock, "mora", "Vantongeren's").discard(letter)
    assert "Vantongeren" in everything(office)
    office.clock.advance(5 * YEAR)
    assert turn(office) == Gone()
    office.clock.advance(2 * YEAR)
    assert (turn(office).letters, "Vantongeren" in everything(office)) == (1, False)


# ---------------------------------------------------------------- the embedded log


def test_the_logs_events_go_once_a_backup_covers_them(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.clock.advance(7 * YEAR)
    assert turn(office).events == 0
    assert _in_log(office, str(PRIYA.number))
    office.hear(moodle(LENA))  # young, and in the backup too
    office.clock.advance(3600)
    note_backup(office)
    office.clock.advance(86_400)
    office.hear(moodle(OTIS))
    assert turn(office).events == 1
    assert not _in_log(office, str(PRIYA.number))
    assert _in_log(office, str(OTIS.number))
    assert _in_log(office, str(LENA.number))
    office.clock.advance(86_400)
    assert turn(office) == Gone()
    office.start()
    assert office.hear(moodle(LENA, "102")) == {"ready": 1}


def _in_log(office: Office, word: str) -> bool:
    with closing(sqlite3.connect(office.bus_path)) as log:
        values = [value for (value,) in log.execute("SELECT value FROM events") if value]
    return any(word.encode() in value for value in values)


# ---------------------------------------------------------------- once a day, by one process


def test_one_run_a_day_by_one_process(office: Office) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS))
    office.take_for_sent(State.ACCEPTED)
    office.clock.advance(7 * YEAR)
    with closing(office.open_ledger()) as others:
        theirs = Retaining(others, office.clock, 6)
        second = RetainingPump(
            theirs, others, office.clock, office.service.readiness, office.service.meters
        )
        assert turn(office).completions == 2
        assert second.turn() == Gone()
    assert [row.what for row in office.rows(audit)] == ["retention.purged"]


def test_cut_off_it_goes_on_the_same_day(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("consumer.desk.retaining._AT_ONCE", 1)
    office.hear(moodle(PRIYA), moodle(OTIS), moodle(LENA))
    office.take_for_sent(State.ACCEPTED)
    office.clock.advance(7 * YEAR)
    assert pump(office).turn(lambda: False).completions == 1
    assert pump(office).turn().completions == 2
    assert left_of(office, PRIYA, OTIS, LENA) == []


def test_cut_off_because_another_may_do_it_the_day_is_not_done(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.desk.retaining._AT_ONCE", 1)
    office.hear(moodle(PRIYA), moodle(OTIS))
    office.take_for_sent(State.ACCEPTED)
    office.clock.advance(7 * YEAR)

    @contextmanager
    def let_go(_: Ledger, work: int) -> Iterator[Callable[[], bool]]:
        """As a server does of a process that was frozen."""
        answers = iter([bool(work)])
        yield lambda: next(answers, False)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Ledger, "alone", let_go)
        assert turn(office).completions == 1
    assert turn(office).completions == 1
    assert turn(office) == Gone()


def test_credits_that_no_completion_leads_to_go_batch_by_batch(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.desk.retaining._AT_ONCE", 1)
    office.hear(moodle(PRIYA), moodle(OTIS))
    office.take_for_sent(State.ACCEPTED)
    with office.ledger.begin() as db:
        db.execute(delete(completion_credits))  # as if PARS had had them before this service
    office.clock.advance(7 * YEAR)
    assert turn(office) == Gone(completions=2, credits=2)
    assert left_of(office, PRIYA, OTIS) == []


def test_what_may_not_go_keeps_nothing_else_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_AT_ONCE", "_LOOKED_AT", "MOST"):
        monkeypatch.setattr(f"consumer.desk.retaining.{name}", 1)
    twin = replace(PRIYA, number=77)
    office.put_learners(*(one.row() for one in (PRIYA, twin, OTIS, LENA)))
    office.look()
    office.hear(moodle(PRIYA), canvas(twin), moodle(OTIS), moodle(LENA), raw(b"{1"), raw(b"{2"))
    office.take_for_sent(State.ACCEPTED)
    first, second = sorted(str(one["letter_id"]) for one in office.open_letters())
    closing = Closing(office.ledger, office.clock, "mora", "not ours")
    closing.discard(second)
    office.clock.advance(7 * YEAR)
    closing.discard(first)
    with office.ledger.begin() as db:  # one that the first hangs together with is young
        young = update(completions).where(completions.c.id == 2)
        db.execute(young.values(changed_at=office.clock.now()))
    retaining = retaining_of(office.settings, office.ledger, office.clock)
    assert retaining is not None
    would = retaining.would_go(office.clock.now())
    assert (would.completions, would.credits, would.letters) == (1, 1, 1)
    gone = turn(office)
    assert (gone.completions, gone.credits, gone.letters) == (1, 1, 1)
    assert (left_of(office, OTIS), bool(left_of(office, LENA))) == ([], True)
    office.clock.advance(86_400)
    assert turn(office).completions == 1
    assert left_of(office, OTIS, LENA) == []
    office.clock.advance(86_400)
    assert turn(office) == Gone()
    assert left_of(office, PRIYA)


def test_what_would_go_is_told_and_nothing_is_changed(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.take_for_sent(State.ACCEPTED)
    office.clock.advance(7 * YEAR)
    retaining = retaining_of(office.settings, office.ledger, office.clock)
    assert retaining is not None
    assert retaining.would_go(office.clock.now()) == Gone(completions=1, credits=1)
    assert left_of(office, PRIYA)


def test_with_nought_years_nothing_ever_goes(office: Office) -> None:
    office.start(retention={"years": 0})
    assert [one for one in office.service.pumps if one.name == "retention"] == []
    assert retaining_of(office.settings, office.ledger, office.clock) is None


@pytest.mark.parametrize("years", [1, 5, -1, 100])
def test_fewer_years_than_accme_asks_are_refused(office: Office, years: int) -> None:
    with pytest.raises(Exception, match="retention"):
        office.start(retention={"years": years})


def test_six_years_before_a_leap_day() -> None:
    clock = FakeClock()
    now = clock.now().replace(year=2032, month=2, day=29)
    assert str(years_before(now, 6).date()) == "2026-02-28"
    assert str(years_before(now, 8).date()) == "2024-02-29"
