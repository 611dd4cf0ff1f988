"""A backup put back: what PARS got since is found, and nothing is lost or credited twice."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from consumer.credit import Identity
from consumer.desk.correcting import Correcting, Wanted
from consumer.desk.reporting import Reporting
from consumer.desk.reporting import Wanted as ToReport
from consumer.desk.restoring import restore
from consumer.desk.withdrawing import withdraw
from consumer.keys import Keys
from consumer.ledger.backup import draft_of, keep
from consumer.ledger.lock import LedgerUnavailable, nobody_uses
from consumer.ledger.seal import Seal
from consumer.pars.port import Action
from tests.integration.office import SEALING_KEY, SECRET, Office, SimulatedPars
from tests.integration.people import (
    LENA,
    MOODLE,
    NOON,
    OPENEDX,
    OTIS,
    PRIYA,
    RENAL,
    course,
    moodle,
    openedx,
    revoked,
)

RENAL_ROW = {"activity": "RENAL", "pars_activity_id": "202600002", "max_points": "1.25"}
KEYS = Keys(Identity(SECRET), Seal(SEALING_KEY))
DAY = 86_400.0


def backed_up(office: Office, name: str = "backup.db") -> Path:
    """A backup, made while the office's own handle is open."""
    target = office.folder / name
    with draft_of(office.ledger_path, target, lambda _done, _of: None) as draft:
        keep(draft, target)
    return target


def put_back(office: Office, backup: Path) -> Path | None:
    """The backup takes the ledger's place; then a new start, and what was missed is heard."""
    office.stop()
    office.ledger.close()
    with nobody_uses(office.ledger_path):
        kept = restore(backup, office.ledger_path, KEYS, "mora", office.clock.now())
    office.ledger = office.open_ledger()
    office.start()
    office.hear()
    return kept


def corrected(
    office: Office,
    row: dict[str, str] = course(MOODLE, "101", max_points="1.25"),  # noqa: B008 - never changed
    activity: str = "HF-UPDATE",
) -> None:
    """The office mends the points and corrects all that was sent of the course."""
    office.put_activities(row)
    office.look()
    desk = Correcting(office.ledger, office.service.premises.house, office.clock, accepted_too=True)
    list(desk.correct(desk.select(Wanted(activity=activity))))


def settled(office: Office) -> bool:
    """Whether nothing is under way, and PARS was asked about everything it may know more of."""
    done = {"accepted", "withdrawn", "attention", "rejected"}
    return all(r.state in done for r in office.credits) and not any(
        r.restored_at for r in office.credits if r.state == "accepted"
    )


def live(pars: SimulatedPars) -> Counter[str]:
    """How often the books show each learner's credit now."""
    return Counter(record["board_id"] for record in pars.live)


@pytest.mark.parametrize("at", ["before", "ready", "submitted", "accepted"])
def test_a_credit_corrected_since_is_found_under_its_later_revision(
    reporting: Office, pars: SimulatedPars, at: str
) -> None:
    backup = backed_up(reporting)
    reporting.hear(moodle(PRIYA))
    if at == "ready":
        backup = backed_up(reporting, "ready.db")
    elif at in {"submitted", "accepted"}:
        reporting.drive_to(at)
        backup = backed_up(reporting, f"{at}.db")
    reporting.drive_to("accepted")
    corrected(reporting)
    reporting.drive_to("accepted")
    now = {record["credit_id"] for record in pars.live}
    put_back(reporting, backup)
    reporting.drive(lambda: settled(reporting))
    assert {reporting.credit.credit_id} == now
    assert reporting.credit.revision == 2
    assert live(pars) == {PRIYA.board_id: 1}
    assert (pars.totals["doubled"], pars.totals["stored"]) == (0, 2)
    assert reporting.open_letters() == []


def test_what_was_sent_after_the_backup_is_neither_lost_nor_doubled(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA), moodle(OTIS, "103"))
    reporting.drive_to(*["accepted"] * 3)
    backup = backed_up(reporting)
    reporting.hear(moodle(LENA), moodle(LENA, "103"), moodle(PRIYA, "103"))
    reporting.drive(lambda: settled(reporting))
    posts = pars.totals["posts"]
    put_back(reporting, backup)
    assert len(reporting.credits) == 8
    reporting.drive(lambda: settled(reporting))
    assert reporting.states() == ["accepted"] * 8
    assert (pars.totals["live"], pars.totals["doubled"], pars.totals["posts"]) == (8, 0, posts)
    assert reporting.open_letters() == []


def test_what_was_not_sent_goes_out_after_the_question(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    backup = backed_up(reporting)
    reporting.hear(moodle(OTIS))
    put_back(reporting, backup)
    reporting.drive(lambda: settled(reporting))
    assert live(pars) == {PRIYA.board_id: 1, OTIS.board_id: 1}
    assert reporting.states() == ["accepted"] * 2
    assert [row.restored_at for row in reporting.credits] == [None, None]


def test_a_credit_withdrawn_since_is_told_and_not_sent_again(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    reporting.drive_to("accepted")
    backup = backed_up(reporting)
    reporting.clock.advance(3 * DAY)
    name = reporting.credit.credit_id
    list(withdraw(reporting.ledger, [name], "mora", "not hers", reporting.clock))
    reporting.drive_to("withdrawn")
    put_back(reporting, backup)
    assert reporting.states() == ["accepted"]
    reporting.drive_to("attention")
    assert [row["reason"] for row in reporting.open_letters()] == ["vanished"]
    assert pars.totals["live"] == 0


def test_what_came_into_pars_by_file_since_is_found_by_the_four_fields(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    backup = backed_up(reporting)
    record = reporting.ledger.seal.open_record(reporting.credit.record)
    with closing(reporting.service.parts.pars("main")) as way:
        way.save(record, "ccid:pars.example:upload-000001", Action.ADD)
    put_back(reporting, backup)
    reporting.drive_to("accepted")
    assert (pars.totals["live"], pars.totals["doubled"], pars.totals["posts"]) == (1, 0, 1)


def test_a_corrected_day_is_found_by_the_revision_alone(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    backup = backed_up(reporting)
    record = reporting.ledger.seal.open_record(reporting.credit.record)
    first = reporting.claims._credit_id(reporting.credit)
    earlier = replace(record, completed_on=record.completed_on - timedelta(days=1))
    with closing(reporting.service.parts.pars("main")) as way:
        way.save(earlier, first.replace("-r1", "-r2"), Action.ADD)
    put_back(reporting, backup)
    reporting.drive_to("accepted")
    assert (pars.totals["live"], reporting.credit.revision) == (1, 2)


def test_completions_after_the_restore_are_sent_without_a_question(
    office: Office,
) -> None:
    put_back(office, backed_up(office))
    office.clock.advance(3 * DAY)
    office.hear(moodle(PRIYA), moodle(OTIS, at=office.clock.now()))
    doubted = {row.completed_on.day: row.restored_at is not None for row in office.credits}
    assert doubted == {20: True, 25: False}


def test_an_office_that_reports_by_file_is_asked_before_it_reports_again(office: Office) -> None:
    office.hear(moodle(PRIYA))
    put_back(office, backed_up(office))
    desk = Reporting(office.ledger, office.settings, office.clock)
    assert desk.plan(ToReport()) == []
    assert [row["credits"] for row in desk.plan(ToReport(restored=True))] == [1]


def test_the_present_ledger_is_kept_whole_under_another_name(office: Office) -> None:
    backup = backed_up(office)
    office.hear(moodle(PRIYA))
    kept = put_back(office, backup)
    assert kept is not None
    assert (kept.stat().st_mode & 0o777, office.ledger_path.stat().st_mode & 0o777) == (0o600,) * 2
    office.stop()
    office.ledger.close()
    shutil.copy(kept, office.ledger_path)
    office.ledger = office.open_ledger()
    assert office.states() == ["ready"]
    assert office.credit.restored_at is None


def test_while_the_ledger_is_open_nobody_may_take_its_place(office: Office) -> None:
    with pytest.raises(LedgerUnavailable, match="stop it first"), nobody_uses(office.ledger_path):
        pass
    office.ledger.close()
    with nobody_uses(office.ledger_path), pytest.raises(LedgerUnavailable, match="its place"):
        office.open_ledger()


def test_a_restore_that_fails_leaves_the_ledger_where_it_was(office: Office) -> None:
    office.hear(moodle(PRIYA))
    office.stop()
    office.ledger.close()
    before = office.ledger_path.read_bytes()
    other = office.folder / "other.db"
    other.write_bytes(b"no ledger" * 999)
    with pytest.raises(Exception, match="database"):
        restore(other, office.ledger_path, KEYS, "mora", office.clock.now())
    assert office.ledger_path.read_bytes() == before
    assert [f.name for f in office.ledger_path.parent.glob("*.restoring*")] == []
    office.ledger = office.open_ledger()


@pytest.mark.parametrize("sent_as", [1, 2])
@pytest.mark.parametrize("by", ["the LMS", "a person"])
def test_what_was_sent_after_the_backup_and_is_taken_back_goes_from_pars(
    reporting: Office, pars: SimulatedPars, sent_as: int, by: str
) -> None:
    backup = backed_up(reporting)
    reporting.hear(openedx(PRIYA))
    reporting.drive_to("submitted")
    if sent_as == 2:
        corrected(reporting, course(OPENEDX, RENAL, **RENAL_ROW), "RENAL")
        reporting.drive_to("submitted")
    if by == "the LMS":
        reporting.publisher.publish([revoked(PRIYA, NOON + timedelta(hours=1))])
    put_back(reporting, backup)
    if by == "a person":
        name = "c1"  # it has no CreditID in this ledger
        list(withdraw(reporting.ledger, [name], "mora", "not hers", reporting.clock))
    reporting.drive_to("withdrawn")
    assert live(pars) == {}
    assert reporting.open_letters() == []


def test_what_the_board_accepted_after_the_backup_is_taken_back_by_a_person_alone(
    reporting: Office, pars: SimulatedPars
) -> None:
    backup = backed_up(reporting)
    reporting.hear(openedx(PRIYA))
    reporting.drive_to("accepted")
    reporting.publisher.publish([revoked(PRIYA, NOON + timedelta(hours=1))])
    put_back(reporting, backup)
    reporting.drive_to("accepted")
    assert live(pars) == {PRIYA.board_id: 1}
    (letter,) = reporting.open_letters()
    assert letter["reason"] == "accepted_meanwhile"
