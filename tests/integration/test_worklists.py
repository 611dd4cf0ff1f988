"""What there is to do stands in its list, once, and nothing is invisible."""

from __future__ import annotations

import csv
import io
from contextlib import closing
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import insert, select, update

from consumer.bus.port import Outgoing
from consumer.credit import Heard, State
from consumer.desk.asklist import COLUMNS, ask_file, ask_list
from consumer.desk.overview import overview
from consumer.desk.worklists import LISTS, Wanted, WorkItem, groups, work_list
from consumer.ledger.schema import audit, credits_, switches
from consumer.reason import Reason, Stage
from tests.fakes import FakeClock
from tests.integration.office import Office
from tests.integration.people import HOUR, LENA, NOON, OTIS, PRIYA, canvas, moodle, raw, revoked
from tests.integration.test_desk import settle
from tests.integration.test_people import desk, events, rows


def items(office: Office, name: str, limit: int = 50, reason: str = "") -> list[WorkItem]:
    """A whole list, page by page."""
    found: list[WorkItem] = []
    after, more = "", True
    while more:
        page = work_list(desk(office), Wanted(name, reason, limit, after))
        found += page.items
        after, more = page.after, bool(page.after)
    return found


def lists(office: Office) -> dict[str, list[str]]:
    return {name: [one.name or one.letter_id for one in items(office, name)] for name in LISTS}


def mixed(office: Office) -> None:
    """One of each kind."""
    office.put_learners(PRIYA.row(), OTIS.row(board_id="", consent="no"), LENA.row(board_id="963"))
    office.look()
    office.hear(
        moodle(PRIYA), moodle(OTIS), moodle(OTIS, "102"), moodle(LENA), moodle(PRIYA, "999"),
        moodle(PRIYA, "1"), raw(b"no event"),
    )  # fmt: skip


def test_each_thing_stands_in_its_own_list(office: Office) -> None:
    mixed(office)
    told = lists(office)
    unreadable = [row.id for row in office.letters if row.completion_id is None]
    assert set(told["attention"]) == {"c4", *unreadable}
    assert told["waiting"] == ["c2", "c3", "c5"]
    assert told["on_its_way"] == ["c1"]
    assert told["not_reportable"] == ["c6"]
    assert told["rejected"] == told["release"] == told["at_risk"] == []


def test_what_the_board_rejected_stands_in_its_list_alone(office: Office) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS, "102"))
    office.take_for_sent()
    settle(office, State.REJECTED, Reason(Stage.BOARD, "board_identity"))
    told = lists(office)
    assert (len(told["rejected"]), told["attention"], told["on_its_way"]) == (2, [], [])
    (group,) = groups(desk(office), "rejected")
    assert (group.reason, group.count, group.who) == ("board_identity", 2, "coordinator")
    one = items(office, "rejected")[0]
    assert one.happened == "the board could not match the learner"
    assert one.letter_id.startswith("dl-")


def test_what_is_held_for_a_release_does_not_go_by_itself(office: Office) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS, "102"))
    own = {"since": office.clock.now(), "who": "mora", "why": ""}
    with office.ledger.begin() as db:
        held = {"kind": "activity", "name": "SEPSIS", "mode": "hold"}
        db.execute(insert(switches).values(**own, **held))
    told = lists(office)
    assert (told["release"], told["on_its_way"]) == (["c2"], ["c1"])
    (one,) = items(office, "release")
    assert (one.standing, one.next.who) == ("Waiting for release", "coordinator")
    assert overview(desk(office)).lists["release"] == 1


def test_a_learner_the_board_does_not_know_is_waited_for(office: Office) -> None:
    office.hear(moodle(PRIYA), moodle(OTIS))
    why = '[{"stage":"look_up","code":"learner_unmatched","field":"","detail":""}]'
    with office.ledger.begin() as db:
        db.execute(update(credits_).where(credits_.c.id == 2).values(reasons=why))
    told = lists(office)
    assert (told["waiting"], told["on_its_way"]) == (["c2"], ["c1"])
    (line,) = ask_list(desk(office)).lines
    assert "the board does not know these" in line.missing[0]


def test_the_nearest_deadline_comes_first_whatever_stands_in_the_way(office: Office) -> None:
    office.put_learners(PRIYA.row(), OTIS.row(board_id=""), LENA.row())
    office.look()
    days = [timedelta(days=n) for n in (24, 25, 26)]
    office.hear(
        moodle(PRIYA, at=NOON - days[0]), moodle(OTIS, at=NOON - days[1]),
        moodle(LENA, at=NOON - days[2]), moodle(PRIYA, "102"),
    )  # fmt: skip
    assert [one.name for one in items(office, "at_risk", limit=1)] == ["c3", "c2", "c1"]
    assert [one.at_risk for one in items(office, "at_risk")] == [
        "2 days left", "3 days left", "4 days left",
    ]  # fmt: skip


def test_groups_say_what_happened_who_can_fix_it_and_how(office: Office) -> None:
    mixed(office)
    told = {one.reason: (one.count, one.who) for one in groups(desk(office), "attention")}
    assert told == {"board_id_form": (1, "coordinator"), "malformed_json": (1, "LMS admin")}
    waiting = {one.reason: one.count for one in groups(desk(office), "waiting")}
    assert waiting == {"no_board_id": 2, "activity_not_found": 1}
    assert [one.name for one in items(office, "waiting", reason="no_board_id")] == ["c2", "c3"]


def test_whoever_lacks_something_is_asked_once_for_all_of_it(office: Office) -> None:
    mixed(office)
    found = list(csv.reader(io.StringIO(ask_file(desk(office), "mora").decode("utf-8-sig"))))
    assert tuple(found[0]) == COLUMNS
    assert found[1:] == [
        ["learner4413308@lakeside.example", "Otis", "Fjällström-Nwosu",
         "Heart Failure Update; Sepsis", "board ID", "2026-12-20"],
    ]  # fmt: skip
    with office.ledger.read() as db:
        (row,) = db.execute(select(audit.c.who, audit.c.what, audit.c.subject)).all()
    assert tuple(row) == ("mora", "asklist.written", "1 learners")


def test_a_name_that_a_spreadsheet_would_reckon_is_text(office: Office) -> None:
    office.put_learners(PRIYA.row(board_id="", given_name="=cmd()"))
    office.look()
    office.hear(moodle(PRIYA))
    assert b"'=cmd()" in ask_file(desk(office), "mora")


def test_nobody_in_a_list_can_be_read(office: Office) -> None:
    mixed(office)
    found = [asdict(one) for name in LISTS for one in items(office, name)]
    told = orjson.dumps([found, asdict(overview(desk(office)))]).decode()
    private = ("Priya", "Vantongeren", "Otis", PRIYA.board_id, str(OTIS.number), "learner44")
    assert [mark for mark in private if mark in told] == []
    assert {one["who"] for one in found} == {"P••• V•••", "O••• F•••-N•••", "L••• Q•••", ""}


def test_the_overview_counts_every_list_and_tells_the_flow(office: Office) -> None:
    mixed(office)
    told = overview(desk(office))
    assert told.lists == {name: len(found) for name, found in lists(office).items()}
    assert told.today == {"ready": 1, "held": 3, "refused": 2, "not_reportable": 1}
    assert (told.backlog, told.oldest[:10]) == (1, "2026-11-22")
    assert (told.due_in_7_days, told.due_in_30_days) == (0, 5)
    assert [(one.name, one.held) for one in told.sources] == [("Moodle", False)]
    office.take_for_sent()
    settle(office, State.ACCEPTED)
    with office.ledger.begin() as db:
        db.execute(update(credits_).values(decided_at=office.clock.now()))
    told = overview(desk(office))
    assert (told.verdicts["accepted"], told.decided["accepted"], told.backlog) == (1, 1, 0)


def test_there_is_no_list_of_another_name(office: Office) -> None:
    with pytest.raises(ValueError, match="no list"):
        work_list(desk(office), Wanted("elsewhere"))


# ---------------------------------------------------------------- laws

BELONGS = {
    State.READY: "on_its_way",
    State.SUBMITTING: "on_its_way",
    State.SUBMITTED: "on_its_way",
    State.WITHDRAWING: "on_its_way",
    State.REJECTED: "rejected",
    State.ATTENTION: "attention",
    Heard.HELD: "waiting",
    Heard.REFUSED: "attention",
    Heard.NOT_REPORTABLE: "not_reportable",
}


@given(rows(), events(), rows(), events())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_that_is_not_settled_is_in_no_list(
    before: list[dict[str, str]],
    first: list[Outgoing],
    after: list[dict[str, str]],
    more: list[Outgoing],
) -> None:
    with TemporaryDirectory() as folder, closing(Office(Path(folder), FakeClock())) as office:
        office.put_learners(*before)
        office.look()
        office.hear(*first)
        office.take_for_sent()
        settle(office, State.REJECTED, Reason(Stage.BOARD, "board_rejected"))
        office.put_learners(*after)
        office.look()
        office.hear(*more)
        where = {name: set(found) for name, found in lists(office).items()}
        for row in office.completions:
            if row.state in BELONGS:
                name = BELONGS[Heard(row.state)]
                assert f"c{row.id}" in where[name], (row.state, name)
        called = credit_names(office)
        for row in office.credits:
            if row.state in BELONGS:
                name = BELONGS[State(row.state)]
                assert called[row.id] & where[name], (row.state, name)
        about = {one.letter_id for name in ("attention", "rejected") for one in items(office, name)}
        assert {str(one["letter_id"]) for one in office.open_letters()} <= about
        counted = overview(desk(office)).lists
        assert counted == {name: len(items(office, name)) for name in LISTS}


def credit_names(office: Office) -> dict[int, set[str]]:
    """What each credit may be called in a list: by its CreditID, or by a completion's number."""
    names = {row.id: {str(row.credit_id)} for row in office.credits}
    with office.ledger.read() as db:
        for number, credit in db.exec_driver_sql(
            "SELECT completion_id, credit_id FROM completion_credits"
        ):
            names[credit].add(f"c{number}")
    return names


def test_a_question_about_what_pars_has_needs_attention(office: Office) -> None:
    office.hear(canvas(PRIYA))
    office.take_for_sent()
    settle(office, State.ACCEPTED)
    office.hear(canvas(PRIYA, at=NOON - HOUR), revoked(OTIS, NOON))
    (one,) = items(office, "attention")
    assert (one.standing, one.reason) == ("Needs attention", "changed_after_sending")
