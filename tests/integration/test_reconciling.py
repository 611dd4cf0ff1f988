"""What an LMS completed and never told is found by night, and is one credit in any order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import orjson
import pytest
from sqlalchemy import create_engine, text
from starlette.responses import Response

from consumer.bus.port import BusUnavailable, Message, Outgoing
from consumer.credit import State
from consumer.desk.comparing import RECONCILED, Comparison
from consumer.desk.reconciling import LmsHeld, Reconciling, list_comparisons, list_standings
from consumer.desk.switching import Switching
from consumer.journey import hear
from consumer.ledger.purging import held_of, purge
from consumer.lms.listing import ListAway, ListRefused
from consumer.mapping.catalogue import Catalogue
from consumer.mapping.said import Kind
from consumer.pumps.reconciling import ReconcilingPump
from consumer.release import Mode, Subject
from consumer.resources import shipped
from tests.fakes import FakeClock
from tests.integration.academy import ACADEMY, settle_in, told
from tests.integration.moodle import TOKEN, FakeMoodle, moodle_running
from tests.integration.office import Office, SimulatedPars, catalogue
from tests.integration.people import (
    CANVAS,
    DAY,
    HOUR,
    LENA,
    MOODLE,
    NOON,
    OPENEDX,
    OTIS,
    PRIYA,
    RENAL,
    TOPIC,
    Physician,
    canvas,
    moodle,
    openedx,
)
from tests.integration.people import course as row_of
from tests.integration.test_outages import Once
from tests.integration.test_shipped_sources import example

HEAD = "site,learner,course,completed,occurrence\n"


def line(
    who: Physician | str, course: str = "101", at: datetime | str = NOON, site: str = MOODLE
) -> str:
    learner = who if isinstance(who, str) else who.number
    when = at if isinstance(at, str) else at.isoformat()
    return f"{site},{learner},{course},{when},\n"


@dataclass
class Campus:
    """An office with one list, a CSV file, and the pump that compares it."""

    office: Office
    file: Path

    def put(self, *lines: str) -> None:
        self.file.write_text(HEAD + "".join(lines), encoding="utf-8")
        now = self.office.clock.now().timestamp()
        os.utime(self.file, (now, now))

    def start(self, **changed: Any) -> None:
        own = {"kind": "csv", "files": str(self.file)} | changed
        self.office.start(reconcile={"campus": own})

    @property
    def pump(self) -> ReconcilingPump:
        pump: ReconcilingPump = self.office.pump("reconcile")
        return pump

    def night(self, *lines: str) -> list[str]:
        """The next night: the file is exported again, and compared."""
        self.office.clock.advance(DAY.total_seconds())
        if lines:
            self.put(*lines)
        return self.pump.turn()

    def desk(self) -> Reconciling:
        office = self.office
        settings, house = office.settings.reconcile["campus"], office.service.premises.house
        return Reconciling("campus", settings, office.ledger, house, office.clock, TOPIC)

    def compare(self, *lines: str) -> Comparison:
        self.put(*lines)
        return self.desk().compare()

    @property
    def last(self) -> dict[str, Any]:
        return list_comparisons(self.office.ledger)[0]

    @property
    def condition(self) -> str:
        said = {one.name: one.cause for one in self.office.service.readiness.conditions()}
        return said.get("reconcile.campus", "never said")


def campus_of(office: Office, folder: Path, **changed: Any) -> Campus:
    campus = Campus(office, folder / "done.csv")
    campus.start(**changed)
    return campus


@pytest.fixture
def campus(office: Office, tmp_path: Path) -> Campus:
    """A list that was compared once, and lacked nothing."""
    campus = campus_of(office, tmp_path)
    office.hear(moodle(PRIYA))
    campus.put(line(PRIYA))
    assert campus.pump.turn() == ["campus"]
    assert campus.last["standing"] == "nothing is missing"
    return campus


# ---------------------------------------------------------------- the law

ROADS: dict[str, tuple[Callable[[Physician], Outgoing], str, str]] = {
    "moodle": (moodle, MOODLE, "101"),
    "canvas": (canvas, CANVAS, "731"),
    "openedx": (openedx, OPENEDX, RENAL),
}


@pytest.mark.parametrize("source", ROADS)
@pytest.mark.parametrize("listed_first", [True, False])
@pytest.mark.parametrize("moved", [timedelta(0), -HOUR, HOUR, timedelta(milliseconds=-1)])
def test_list_and_event_are_one_completion_and_one_credit_in_either_order(
    reporting: Office,
    pars: SimulatedPars,
    tmp_path: Path,
    source: str,
    listed_first: bool,
    moved: timedelta,
) -> None:
    event, site, course = ROADS[source]
    campus = campus_of(reporting, tmp_path)
    (found,) = campus.compare(line(PRIYA, course, NOON + moved, site)).missing
    said = [campus.desk().event(found), event(PRIYA)]
    for one in said if listed_first else reversed(said):
        reporting.hear(one)
    assert len(reporting.completions) == 1
    reporting.drive(lambda: "accepted" in reporting.states())
    for one in said:
        reporting.hear(one)
    reporting.pass_time(8 * 3600)
    assert len(reporting.completions) == 1
    assert len(pars.live) == 1
    assert pars.totals["doubled"] == 0


SHIPPED = [
    mapping.name
    for mapping in catalogue().mappings
    if mapping.kind is Kind.COMPLETION and mapping.each is None and mapping.source != "list"
]


@pytest.mark.parametrize("mapping", SHIPPED)
def test_of_every_shipped_source_a_row_with_its_ids_meets_its_event(
    office: Office, tmp_path: Path, mapping: str
) -> None:
    event = example(mapping, _example_of(mapping))
    (said,) = _said(office, event)
    campus = campus_of(office, tmp_path, days=400)
    office.put_activities(row_of(said.site, said.course))
    office.look()
    row = line(said.learner, said.course, said.instant, said.site)
    (found,) = campus.compare(row).missing
    office.hear(event)
    assert campus.compare(row).missing == ()
    office.hear(campus.desk().event(found))
    assert len(office.completions) == 1


def _example_of(mapping: str) -> str:
    """The first example of the mapping that is a completion."""
    folder = shipped("mappings") / f"{mapping}.tests"
    for file in sorted(folder.glob("*.expect.json")):
        if "said" in orjson.loads(file.read_bytes()):
            return file.name.removesuffix(".expect.json")
    raise AssertionError(mapping)


def _said(office: Office, event: Outgoing) -> list[Any]:
    message = Message(event.topic, 0, 0, event.key, event.value, event.headers)
    house = office.service.premises.house
    return [one.said for one in hear(message, house, office.clock.now())][:1]


# ---------------------------------------------------------------- by night


def test_what_was_lost_is_found_published_and_credited(campus: Campus) -> None:
    assert campus.night(line(PRIYA), line(OTIS)) == ["campus"]
    assert (campus.last["missing"], campus.last["published"]) == (1, 1)
    assert campus.office.hear() == {"ready": 1}
    assert len(campus.office.credits) == 2
    (listed,) = [m for m in campus.office.published(TOPIC) if dict(m.headers).get(RECONCILED)]
    assert dict(listed.headers)[RECONCILED] == b"campus"
    assert campus.night() == ["campus"]
    assert campus.last["standing"] == "nothing is missing"
    assert campus.office.hear(moodle(OTIS)) == {"duplicate": 1}
    assert len(campus.office.credits) == 2


def test_a_night_is_compared_once_and_a_missed_one_caught_up(campus: Campus) -> None:
    assert campus.pump.turn() == []
    campus.office.clock.advance(3 * DAY.total_seconds())
    campus.put(line(PRIYA))
    campus.start()
    assert campus.pump.turn() == ["campus"]
    assert campus.pump.turn() == []


def test_the_hour_is_that_of_the_offices_zone(campus: Campus, clock: FakeClock) -> None:
    campus.start(at="03:30", at_zone="America/Chicago")  # 09:30 UTC; now it is 15:15
    clock.advance(18 * 3600)
    campus.put(line(PRIYA))
    assert campus.pump.turn() == []
    clock.advance(900)
    assert campus.pump.turn() == ["campus"]


def test_the_first_look_only_names(office: Office, tmp_path: Path) -> None:
    campus = campus_of(office, tmp_path)
    campus.put(line(PRIYA))
    campus.pump.turn()
    assert campus.last["standing"] == "named only: the first look at this list"
    assert campus.last["waits"] == 1
    assert office.hear() == {}
    campus.night(line(PRIYA))
    assert office.hear() == {"ready": 1}


def test_with_publish_off_nothing_is_ever_published(campus: Campus) -> None:
    campus.start(publish=False)
    campus.night(line(PRIYA), line(OTIS))
    assert campus.last["waits"] == 1
    assert campus.office.hear() == {}


def test_more_than_the_bound_waits_for_a_person(campus: Campus) -> None:
    campus.start(most=1, most_percent=100)
    campus.night(line(PRIYA), line(OTIS), line(LENA))
    assert campus.last["standing"].startswith("too many")
    assert campus.office.hear() == {}
    desk = campus.desk()
    desk.publish_for("mora", desk.compare(), campus.office.publisher)
    assert campus.office.hear() == {"ready": 2}
    assert (campus.last["who"], campus.last["published"]) == ("mora", 2)


def test_a_large_part_of_the_list_waits_for_a_person(campus: Campus) -> None:
    campus.night(line(PRIYA), *(line(str(n)) for n in range(7)))
    assert campus.last["standing"].startswith("too many")
    assert campus.office.hear() == {}


@pytest.mark.parametrize("how", [Mode.HOLD, Mode.SHADOW])
def test_nothing_gets_round_the_hold_of_its_lms(campus: Campus, how: Mode) -> None:
    office = campus.office
    turning = Switching(office.ledger, office.clock, "mora", "going live in May")
    turning.turn(Subject.SOURCE, ["moodle"], how)
    campus.night(line(PRIYA), line(OTIS))
    assert campus.last["standing"].startswith("its LMS is held")
    desk = campus.desk()
    with pytest.raises(LmsHeld, match="moodle"):
        desk.publish_for("mora", desk.compare(), office.publisher)
    assert office.hear() == {}
    turning.turn(Subject.SOURCE, ["moodle"], Mode.AUTOMATIC)
    campus.night(line(PRIYA), line(OTIS))
    assert office.hear() == {"ready": 1}


def test_while_the_bus_is_away_nothing_is_quiet(
    office: Office, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.intake.turn()
    clock.advance(3600)
    assert office.intake.quiet_seconds == 3600
    listener = office.intake._listener

    def away(*_: object) -> NoReturn:
        raise BusUnavailable("away")

    monkeypatch.setattr(listener, "poll", away)
    office.intake.run(Once())
    assert office.intake.quiet_seconds == 0


def test_what_still_waits_on_the_bus_is_heard_first(campus: Campus, clock: FakeClock) -> None:
    office = campus.office
    office.publisher.publish([moodle(OTIS)])
    office.intake.turn()
    clock.advance(29 * 60)
    assert not campus.pump.all_is_heard()
    office.intake.turn()
    clock.advance(29)
    assert not campus.pump.all_is_heard()
    clock.advance(1)
    assert campus.pump.all_is_heard()


def test_a_bus_that_is_never_quiet_holds_up_no_comparison(campus: Campus, clock: FakeClock) -> None:
    campus.office.publisher.publish([moodle(OTIS)])
    campus.office.intake.turn()
    clock.advance(1799)
    assert not campus.pump.all_is_heard()
    clock.advance(1)
    assert campus.pump.all_is_heard()


def test_two_processes_have_one_turn(campus: Campus) -> None:
    first = campus.pump
    campus.office.clock.advance(DAY.total_seconds())
    campus.put(line(PRIYA), line(OTIS))
    campus.start()
    assert (first.turn(), campus.pump.turn()) == (["campus"], [])


# ---------------------------------------------------------------- what is not missing


def test_what_is_young_old_or_of_another_course_is_not_compared(campus: Campus) -> None:
    now = campus.office.clock.now()
    found = campus.compare(
        line(OTIS, at=now - timedelta(minutes=59)),
        line(LENA, at=now - 31 * DAY),
        line(LENA, course="999"),
        line(LENA, at=""),
    )
    assert found.missing == ()
    assert found.counts == {"too_recent": 1, "older": 1, "other_courses": 1, "not_completed": 1}


def test_a_course_that_was_no_activity_on_that_day_is_not_compared(campus: Campus) -> None:
    campus.office.put_activities(row_of(MOODLE, "101", starts="2026-01-01", ends="2026-11-19"))
    campus.office.look()
    found = campus.compare(line(OTIS))
    assert (found.missing, found.counts) == ((), {"other_courses": 1})


def test_whose_time_differs_in_the_list_is_in_the_list(campus: Campus) -> None:
    found = campus.compare(line(PRIYA, at=campus.office.clock.now() - 31 * DAY))
    assert (found.missing, found.not_listed) == ((), ())


def test_a_completion_listed_twice_is_one_and_the_first_counts(campus: Campus) -> None:
    (found,) = campus.compare(line(OTIS, at=NOON + HOUR), line(OTIS, at=NOON)).missing
    assert found.said.completed == NOON


def test_what_was_taken_back_is_named_and_not_published(campus: Campus) -> None:
    campus.office.hear(_reset(PRIYA, NOON + HOUR))
    campus.night(line(PRIYA))
    assert (campus.last["missing"], campus.last["taken_back"]) == (0, 1)
    assert campus.office.hear() == {}


def test_what_was_completed_anew_after_it_was_taken_back_is_missing(campus: Campus) -> None:
    campus.office.hear(_reset(PRIYA, NOON + HOUR))
    campus.night(line(PRIYA, at=NOON + 2 * HOUR))
    assert campus.last["published"] == 1
    assert campus.office.hear() == {"ready": 1}


def _reset(who: Physician, at: datetime) -> Outgoing:
    return moodle(who, at=at, eventname="\\local_recompletion\\event\\completion_reset")


def test_what_the_list_has_no_more_is_named_alone(campus: Campus) -> None:
    campus.office.hear(moodle(OTIS))
    campus.night(line(PRIYA))
    assert (campus.last["missing"], campus.last["not_listed"]) == (0, 1)
    assert len(campus.office.credits) == 2


def test_who_was_purged_does_not_come_back(campus: Campus) -> None:
    campus.office.hear(moodle(OTIS))
    numbers = [row.id for row in campus.office.completions]
    campus.office.take_for_sent(State.ACCEPTED)
    with campus.office.ledger.begin() as db:
        mine = held_of(db, [numbers[0]])
        purge(db, campus.office.ledger, mine, campus.office.clock.now())
    campus.night(line(PRIYA), line(OTIS))
    assert (campus.last["missing"], campus.last["not_listed"]) == (0, 0)
    campus.night(line(OTIS))
    assert (campus.last["missing"], campus.last["not_listed"]) == (0, 0)


def test_a_step_alone_is_no_completion(office: Office, tmp_path: Path) -> None:
    settle_in(office)
    campus = campus_of(office, tmp_path)
    office.hear(told("evaluation", PRIYA, NOON))
    row = line(PRIYA, "EVAL", NOON - HOUR, ACADEMY)
    (found,) = campus.compare(row).missing
    office.hear(campus.desk().event(found))
    assert campus.compare(row).missing == ()
    assert len(office.completions) == 1


def test_a_course_the_list_is_not_about_says_nothing(campus: Campus) -> None:
    campus.office.hear(moodle(OTIS, "102"), canvas(OTIS))
    assert campus.compare(line(PRIYA)).not_listed == ()


# ---------------------------------------------------------------- when it goes wrong


def test_a_broken_list_is_told_by_its_place_and_nothing_is_published(campus: Campus) -> None:
    campus.night(line(OTIS), line(LENA, at="soon"))
    assert "done.csv:3: completed: no time of completion" in campus.condition
    assert campus.office.hear() == {}
    campus.put(line(PRIYA), line(OTIS))
    campus.office.clock.advance(3600)
    assert campus.pump.turn() == ["campus"]
    assert campus.condition == ""
    assert campus.office.hear() == {"ready": 1}


def test_a_list_that_is_away_is_tried_seldom_and_told(campus: Campus) -> None:
    campus.file.unlink()
    campus.office.clock.advance(DAY.total_seconds())
    tries = 0
    for _ in range(200):
        campus.pump.turn()
        standing = list_standings(campus.office.ledger)["campus"]
        assert "no such file" in str(standing["cause"])
        campus.office.clock.advance(60)
    assert "no such file" in campus.condition
    with campus.office.ledger.read() as db:
        tries = db.execute(text("SELECT tries FROM lists")).scalar_one()
    assert 3 <= tries <= 40


def test_what_could_not_be_published_is_not_told_to_be_on_its_way(
    campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> NoReturn:
        raise BusUnavailable("away")

    pump, before = campus.pump, campus.last
    with monkeypatch.context() as patch:
        patch.setattr(pump, "_connect", away)
        assert campus.night(line(PRIYA), line(OTIS)) == []
        assert (campus.last, campus.condition) == (before, "away")
    campus.office.clock.advance(HOUR.total_seconds())
    assert pump.turn() == ["campus"]
    assert (campus.last["missing"], campus.last["published"]) == (1, 1)
    assert campus.office.hear() == {"ready": 1}


def test_an_export_that_stopped_coming_is_told(campus: Campus) -> None:
    campus.office.clock.advance(2 * DAY.total_seconds())
    campus.pump.turn()
    assert "does the LMS still export it?" in campus.condition


def test_an_office_without_the_mapping_is_told(campus: Campus) -> None:
    without = [m for m in campus.office.service.parts.catalogue.mappings if m.source != "list"]
    campus.office.service.premises.put_mappings(Catalogue(without))
    with pytest.raises(ListRefused, match="is it among your mappings"):
        campus.compare(line(OTIS))


def test_nobody_is_in_what_is_kept_and_shown(campus: Campus) -> None:
    campus.night(line(PRIYA), line(OTIS), line(LENA))
    found = campus.desk().compare()
    shown = orjson.dumps([*campus.desk().lines(found), *list_comparisons(campus.office.ledger)])
    with campus.office.ledger.read() as db:
        rows = db.execute(text("SELECT counts, courses FROM comparisons")).all()
    for who in (OTIS, LENA):
        for value in (str(who.number), who.family_name, who.board_id):
            assert value not in shown.decode() + str(rows)
    assert b"O\xe2\x80\xa2\xe2\x80\xa2\xe2\x80\xa2" in shown


# ---------------------------------------------------------------- other lists


def test_a_query_is_a_list(office: Office, tmp_path: Path) -> None:
    lms = tmp_path / "lms.db"
    engine = create_engine(f"sqlite:///{lms}")
    with engine.begin() as db:
        db.execute(text("CREATE TABLE done (userid INT, course INT, timecompleted INT)"))
        values = {"userid": PRIYA.number, "at": int(NOON.timestamp())}
        db.execute(text("INSERT INTO done VALUES (:userid, 101, :at), (7, 101, NULL)"), values)
    engine.dispose()
    (tmp_path / "url").write_text(f"sqlite:///{lms}\n")
    own = {
        "kind": "sql",
        "sql": "SELECT userid AS learner, course, timecompleted AS completed FROM done",
        "database_file": tmp_path / "url",
        "site": MOODLE,
    }
    office.start(reconcile={"campus": own})
    campus = Campus(office, tmp_path / "unused")
    found = campus.desk().compare()
    assert [one.said.completed for one in found.missing] == [NOON]
    assert found.counts["not_completed"] == 1
    lms.unlink()
    with pytest.raises(ListAway):
        campus.desk().compare()


@pytest.fixture
def lms() -> Iterator[tuple[FakeMoodle, str]]:
    with moodle_running() as running:
        yield running


@pytest.fixture
def asked(office: Office, lms: tuple[FakeMoodle, str], tmp_path: Path) -> Campus:
    """A Moodle that is asked itself: three of its courses are the office's."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    for course in ("101", "102", "103", "104"):
        lms[0].courses[course] = {}
    campus = Campus(office, tmp_path / "unused")
    own = {"kind": "moodle", "url": lms[1], "token_file": tmp_path / "token", "site": MOODLE}
    office.start(reconcile={"campus": own})
    return campus


def test_moodle_itself_says_what_was_completed(asked: Campus, lms: tuple[FakeMoodle, str]) -> None:
    lms[0].complete("101", str(PRIYA.number), int(NOON.timestamp()))
    lms[0].complete("101", str(OTIS.number), int(NOON.timestamp()))
    lms[0].complete("102", str(OTIS.number), 0)
    asked.office.hear(moodle(PRIYA))
    found = asked.desk().compare()
    assert [one.said.learner for one in found.missing] == [str(OTIS.number)]
    assert found.missing[0].said.completed == NOON
    assert found.counts["not_completed"] == 1
    assert asked.pump.turn() == ["campus"]


def test_who_is_known_for_long_is_not_asked_about(
    asked: Campus, lms: tuple[FakeMoodle, str], clock: FakeClock
) -> None:
    lms[0].complete("101", str(PRIYA.number), int(NOON.timestamp()))
    asked.office.hear(moodle(PRIYA))
    asked.desk().compare()
    assert lms[0].asked == [("101", str(PRIYA.number))]
    clock.advance(31 * DAY.total_seconds())
    found = asked.desk().compare()
    assert lms[0].asked == [("101", str(PRIYA.number))]
    assert found.not_listed == ()


@pytest.mark.parametrize(
    ("code", "says"),
    [("cannotviewreport", "report/completion:view"), ("accessdenied", "accessallgroups")],
)
def test_a_token_that_may_not_see_completion_is_told_and_nothing_is_taken_for_undone(
    asked: Campus, lms: tuple[FakeMoodle, str], code: str, says: str
) -> None:
    lms[0].complete("101", str(PRIYA.number), int(NOON.timestamp()))
    lms[0].refusals[str(PRIYA.number)] = code
    with pytest.raises(ListRefused, match=says):
        asked.desk().compare()


@pytest.mark.parametrize("code", ["usernotenroled", "nocriteriaset"])
def test_who_left_meanwhile_and_a_course_without_criteria_are_passed_over(
    asked: Campus, lms: tuple[FakeMoodle, str], code: str
) -> None:
    lms[0].complete("101", str(PRIYA.number), int(NOON.timestamp()))
    lms[0].complete("102", str(OTIS.number), int(NOON.timestamp()))
    lms[0].refusals[str(PRIYA.number)] = code
    (found,) = asked.desk().compare().missing
    assert found.said.learner == str(OTIS.number)


def test_many_learners_come_page_by_page(asked: Campus, lms: tuple[FakeMoodle, str]) -> None:
    for number in range(501):
        lms[0].complete("102", str(10_000 + number), 0)
    assert asked.desk().compare().counts["not_completed"] == 501


def test_a_moodle_that_fails_half_way_publishes_nothing(
    asked: Campus, lms: tuple[FakeMoodle, str]
) -> None:
    lms[0].complete("101", str(OTIS.number), int(NOON.timestamp()))
    asked.pump.turn()
    asked.office.clock.advance(DAY.total_seconds())
    del lms[0].courses["102"]
    assert asked.pump.turn() == []
    assert "Moodle says invalidrecord" in asked.condition
    lms[0].answers = [Response(status_code=503)]
    with pytest.raises(ListAway):
        asked.desk().compare()
    assert asked.office.hear() == {}
