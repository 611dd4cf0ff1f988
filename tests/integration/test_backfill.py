"""Old events from a file or a topic: behind what is heard today, and never twice."""

from __future__ import annotations

import gzip
import sqlite3
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from openpyxl import Workbook

from consumer.backfill.completions import OldCompletions
from consumer.backfill.file import OldFile, opener, set_aside
from consumer.backfill.going import Backfilling, Taken, Wish
from consumer.backfill.old import Broken
from consumer.backfill.plan import KNOWN, READY, REFUSED, SAYS_MORE, TAKEN, TWICE, Plan, Planner
from consumer.backfill.topic import OldTopic
from consumer.bus.embedded import EmbeddedPublisher
from consumer.bus.embedded_past import EmbeddedPast
from consumer.bus.port import Outgoing
from consumer.credit import State
from consumer.ledger.ledger import LedgerUnavailable
from consumer.ledger.schema import audit, events, surges
from consumer.lms.listed import ListForm
from consumer.pars.port import Action
from consumer.tables import TableProblems
from tests.integration.academy import ACADEMY, settle_in, told
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import (
    DAY,
    EVERYONE,
    LENA,
    MOODLE,
    NOON,
    OTIS,
    PRIYA,
    Physician,
    canvas,
    moodle,
    openedx,
    raw,
    revoked,
)

LAST_YEAR = NOON - timedelta(days=400)
LIMIT = 1_000_000


def physicians(count: int) -> list[Physician]:
    return [
        Physician(700_000 + n, "Invented", f"Learner{n}", "1970-05-06", f"{100_000 + n}")
        for n in range(count)
    ]


def lines(said: Iterable[Outgoing]) -> bytes:
    """The events as an office's export has them, with headers around those that need some."""
    return b"".join(_line(one) + b"\n" for one in said)


def _line(one: Outgoing) -> bytes:
    assert one.value is not None
    if not one.headers:
        return one.value
    headers = {name: value.decode() for name, value in one.headers}
    return orjson.dumps({"headers": headers, "value": orjson.loads(one.value)})


def old(office: Office, text: bytes, name: str = "old.jsonl") -> OldFile:
    file = office.folder / name
    file.write_bytes(text)
    return OldFile.of(name, opener(file), office.ledger.identity, LIMIT)


def backfilling(office: Office, **changed: Any) -> Backfilling:
    wish = replace(Wish("mora", "the first day", rate=1000.0), **changed)
    premises = office.service.premises
    return Backfilling(office.ledger, premises, office.clock, wish, office.rejudging.take_up)


def take_in(office: Office, file: OldFile, **changed: Any) -> Counter[str]:
    """All of it, as one command does; gives what became of them."""
    return sum((one.fates for one in backfilling(office, **changed).go(file)), Counter())


def plan_of(office: Office, file: OldFile, source: str = "") -> Plan:
    planner = Planner(office.ledger, office.service.premises.house, office.clock, source)
    list(planner.look(file))
    return planner.plan


# ------------------------------------------------------------ behind what is heard today


def test_what_is_heard_today_overtakes_five_thousand_old_ones(
    reporting: Office, pars: SimulatedPars
) -> None:
    many = physicians(5_000)
    reporting.put_learners(*(one.row() for one in (*many, *EVERYONE)))
    reporting.look()
    file = old(reporting, lines(moodle(one, at=NOON - 60 * DAY) for one in many))
    going = backfilling(reporting, ask_first=False).go(file)
    taken = [next(going) for _ in range(20)]
    reporting.publisher.publish([moodle(PRIYA)])
    taken.append(next(going))
    assert reporting.intake.turn() == 1  # at once, and before the other 2,900
    taken += going
    assert sum(one.read for one in taken) == 5_000
    assert reporting.board_ids("ready")[2_100] == PRIYA.board_id
    assert len(reporting.credits) == 5_001
    submit, _ = reporting.sending
    turns = 0
    while not pars.records and turns < 100:
        submit.turn(reporting.pool)
        turns += 1
    # Nobody else is on the board's roster. Hers has a later deadline than all of the old ones,
    # and of those no more were posted before it than are under way at once.
    assert [record["board_id"] for record in pars.records] == [PRIYA.board_id]
    assert pars.totals["posts"] < 40
    assert pars.totals["doubled"] == 0


def test_what_has_a_deadline_soon_does_not_stand_behind(reporting: Office) -> None:
    # There are 30 days to report: the first is long late, the second has 3 days left.
    late, soon, far = (moodle(one, at=NOON - days * DAY)
                       for one, days in zip(EVERYONE, (200, 25, 5), strict=True))  # fmt: skip
    take_in(reporting, old(reporting, lines([late, soon, far])), ask_first=False)
    assert [row.behind for row in reporting.credits] == [True, False, True]
    reporting.hear(moodle(PRIYA, "102"))
    assert not reporting.credits[3].behind


def test_what_stood_behind_comes_forward_once_its_deadline_is_near(reporting: Office) -> None:
    late, far = (moodle(one, at=NOON - days * DAY)
                 for one, days in zip(EVERYONE[:2], (200, 5), strict=True))  # fmt: skip
    take_in(reporting, old(reporting, lines([late, far])), ask_first=False)
    reporting.clock.advance(14 * DAY.total_seconds())
    reporting.look()
    assert [row.behind for row in reporting.credits] == [True, True]
    reporting.clock.advance(5 * DAY.total_seconds())
    reporting.look()
    assert [row.behind for row in reporting.credits] == [True, False]


# ------------------------------------------------------------ once, however often


def test_taken_in_twice_nothing_is_new_and_nothing_counts_as_emitted_again(
    reporting: Office,
) -> None:
    many = physicians(150)
    reporting.put_learners(*(one.row() for one in many))
    reporting.look()
    file = old(reporting, lines(moodle(one, at=NOON - 9 * DAY) for one in many))
    assert take_in(reporting, file) == {"ready": 150}
    assert take_in(reporting, file) == {}
    assert plan_of(reporting, file).fates == {TAKEN: 150}
    assert reporting.rows(surges) == []
    # Another export of the same: other bytes, the same completions.
    again = old(reporting, lines(moodle(one, at=NOON - 9 * DAY, crud="u") for one in many))
    assert plan_of(reporting, again).fates == {KNOWN: 150}
    assert take_in(reporting, again) == {"duplicate": 150}
    assert len(reporting.credits) == 150


def test_compressed_or_renamed_it_is_the_same_file(reporting: Office) -> None:
    text = lines(moodle(one) for one in EVERYONE)
    assert take_in(reporting, old(reporting, text)) == {"ready": 3}
    packed = old(reporting, gzip.compress(text), "another.gz")
    assert plan_of(reporting, packed).fates == {TAKEN: 3}
    assert take_in(reporting, packed) == {}


def test_it_goes_on_where_it_stopped(reporting: Office) -> None:
    many = physicians(30)
    reporting.put_learners(*(one.row() for one in many))
    reporting.look()
    file = old(reporting, lines(moodle(one) for one in many))
    going = backfilling(reporting, rate=10).go(file)
    next(going)
    del going  # however the process ended
    assert len(reporting.credits) == 10
    rest = list(backfilling(reporting, rate=10).go(file))
    assert [(one.read, dict(one.fates)) for one in rest] == [(10, {"ready": 10})] * 2
    assert len(reporting.credits) == 30
    assert len(reporting.rows(events)) == 30


def test_what_fails_half_way_leaves_nothing_of_its_batch(
    reporting: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = old(reporting, lines(moodle(one) for one in EVERYONE))

    def cut(*_: object) -> None:
        raise LedgerUnavailable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("consumer.backfill.going.set_positions", cut)
        with pytest.raises(LedgerUnavailable):
            take_in(reporting, file)
    assert (reporting.credits, reporting.rows(events), reporting.rows(audit)) == ([], [], [])
    assert take_in(reporting, file) == {"ready": 3}


def test_heard_today_as_well_it_is_one_credit(reporting: Office, pars: SimulatedPars) -> None:
    reporting.hear(moodle(PRIYA), moodle(OTIS))
    file = old(reporting, lines([moodle(PRIYA), moodle(OTIS), moodle(LENA), moodle(LENA)]))
    assert plan_of(reporting, file).fates == {KNOWN: 2, READY: 1, TWICE: 1}
    assert take_in(reporting, file) == {"duplicate": 3, "ready": 1}
    assert reporting.hear(moodle(LENA)) == {"duplicate": 1}
    reporting.drive_to(*["accepted"] * 3)
    assert (pars.totals["live"], pars.totals["doubled"]) == (3, 0)


def test_what_was_taken_back_in_the_file_is_no_credit(reporting: Office) -> None:
    said = [openedx(PRIYA), revoked(PRIYA, NOON + DAY), openedx(OTIS, ce_id="2")]
    file = old(reporting, lines(said))
    plan = plan_of(reporting, file)
    assert plan.fates == {READY: 2, SAYS_MORE: 1}
    take_in(reporting, file)
    ready = [row for row in reporting.credits if row.state == State.READY]
    assert [reporting.ledger.seal.open_record(one.record).board_id for one in ready] == [
        OTIS.board_id
    ]


# ------------------------------------------------------------ what PARS may have already


def test_what_another_hand_put_into_pars_is_found_and_not_sent(
    reporting: Office, pars: SimulatedPars
) -> None:
    file = old(reporting, lines([moodle(PRIYA), moodle(OTIS)]))
    take_in(reporting, file)
    record = reporting.ledger.seal.open_record(reporting.credits[0].record)
    reporting.service.parts.pars("main").save(record, "ccid:by.hand:1", Action.ADD)
    reporting.drive_to("accepted", "accepted")
    assert (pars.totals["live"], pars.totals["doubled"], pars.totals["stored"]) == (2, 0, 2)
    hers = [one["credit_id"] for one in pars.live if one["board_id"] == PRIYA.board_id]
    assert hers == ["ccid:by.hand:1"]


def test_what_waits_is_asked_about_too_once_it_can_go(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.put_learners(OTIS.row(), PRIYA.row(board_id=""))
    reporting.look()
    take_in(reporting, old(reporting, lines([moodle(PRIYA)])))
    assert reporting.credits == []
    reporting.put_learners(OTIS.row(), PRIYA.row())
    reporting.look()
    record = reporting.ledger.seal.open_record(reporting.credit.record)
    reporting.service.parts.pars("main").save(record, "ccid:by.hand:2", Action.ADD)
    reporting.drive_to("accepted")
    assert (pars.totals["live"], pars.totals["doubled"]) == (1, 0)


def test_not_asked_first_it_is_sent_as_what_is_heard_today(reporting: Office) -> None:
    take_in(reporting, old(reporting, lines([moodle(PRIYA)])), ask_first=False)
    assert reporting.credit.restored_at is None
    take_in(reporting, old(reporting, lines([moodle(OTIS)])))
    assert reporting.credits[1].restored_at is not None
    # What is completed after all that was brought in cannot have been put there by then.
    reporting.hear(moodle(LENA, at=NOON + DAY))
    assert reporting.credits[2].restored_at is None


# ------------------------------------------------------------ looked at first


def test_the_plan_writes_nothing_and_tells_what_comes(reporting: Office) -> None:
    said = [
        moodle(PRIYA, at=LAST_YEAR),
        moodle(OTIS),
        moodle(LENA, "999"),
        Outgoing("any", None, b'{"hello": "stranger"}'),
    ]
    plan = plan_of(reporting, old(reporting, lines(said)))
    assert (plan.events, plan.credits) == (4, 2)
    assert (plan.first, plan.last) == (LAST_YEAR.date(), NOON.date())
    assert (plan.late, plan.closed) == (1, 1)
    assert plan.fates[REFUSED] == 1
    assert plan.mappings.total() == 3
    assert (reporting.credits, reporting.completions, reporting.rows(events)) == ([], [], [])


def test_old_refusals_do_not_hold_what_their_lms_sends_today(reporting: Office) -> None:
    reporting.start(intake={"surge_refusals": 3, "surge_small_refusals": 3})
    wrong = lines(moodle(one, at=NOON + 30 * DAY) for one in EVERYONE)
    assert take_in(reporting, old(reporting, wrong)) == {"refused": 3}
    assert reporting.rows(surges) == []
    assert reporting.hear(moodle(PRIYA, "103")) == {"ready": 1}


# ------------------------------------------------------------ lines that are no events


def test_a_broken_line_is_named_without_a_value_and_kept_for_its_owner(
    reporting: Office, tmp_path: Path
) -> None:
    good = _line(moodle(PRIYA))
    text = b"\n".join([
        good, b"", b'{"name": "Vantongeren"', b'"Vantongeren"', b'{"key": 1, "value": "Van"}',
        b'{"a": 1, "a": "Vantongeren"}', b"\xff\xfe", _line(canvas(OTIS)),
        b"x" * (LIMIT + 5),
    ])  # fmt: skip
    file = old(reporting, text)
    plan = plan_of(reporting, file, "moodle")
    assert sorted(one.line for one in plan.broken) == [3, 4, 5, 6, 7, 8, 9]
    told = "\n".join(map(str, plan.broken))
    assert "Van" not in told
    assert "old.jsonl:8: an event of canvas, not of moodle" in told
    assert plan.fates == {READY: 1}
    assert take_in(reporting, file, source="moodle") == {"ready": 1}
    assert reporting.open_letters() == []
    beside = tmp_path / "old.jsonl.refused"
    set_aside(file, [one.line for one in plan.broken], beside)
    assert stat.S_IMODE(beside.stat().st_mode) == 0o600
    kept = beside.read_bytes().splitlines()
    assert kept[0] == b'{"name": "Vantongeren"'
    assert len(kept) == 7


def test_another_run_for_another_lms_begins_at_the_first_line(reporting: Office) -> None:
    text = lines([moodle(PRIYA), canvas(OTIS), moodle(LENA)])
    file = reporting.folder / "old.jsonl"
    for source, came in (("moodle", 2), ("canvas", 1), ("moodle", 0), ("", 0)):
        file.write_bytes(text)
        known = (reporting.ledger.identity, LIMIT, source)
        one = OldFile.of(file.name, opener(file), *known)
        fates = take_in(reporting, one, source=source)
        assert fates.total() - fates["duplicate"] - fates["repeat"] == came, (source, fates)
    assert len(reporting.credits) == 3


def test_a_file_that_breaks_off_is_told_where(reporting: Office) -> None:
    text = lines([moodle(PRIYA), moodle(OTIS)])[:-40]
    (found,) = (one for one in old(reporting, text).read({}) if isinstance(one, Broken))
    assert (found.line, found.why.partition(":")[0]) == (2, "not JSON")


# ------------------------------------------------------------ while tables change


def test_tables_changed_while_a_batch_is_judged_are_heeded(
    reporting: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporting.put_learners(OTIS.row())
    reporting.look()
    file = old(reporting, lines([moodle(PRIYA)]))
    desk = backfilling(reporting)
    heard = Backfilling._heard

    def change(*args: Any) -> Iterator[Any]:
        found = list(heard(*args))
        reporting.put_learners(PRIYA.row(), OTIS.row())
        return iter(found)

    monkeypatch.setattr(Backfilling, "_heard", change)
    (taken,) = desk.go(file)
    assert taken == Taken(1, Counter(ready=1))


def test_who_did_it_stands_in_the_trail_once(reporting: Office) -> None:
    file = old(reporting, lines(moodle(one) for one in EVERYONE))
    list(backfilling(reporting, rate=1).go(file))
    (row,) = reporting.rows(audit)
    assert (row.who, row.what, row.subject) == ("mora", "events.backfilled", file.topic)


# ------------------------------------------------------------ from a topic


@contextmanager
def topic_of(office: Office, name: str, since: datetime) -> Iterator[OldTopic]:
    with closing(EmbeddedPast(office.bus_path, name)) as past:
        yield OldTopic.of(name, past, since, None, office.ledger.identity)


def publish(office: Office, topic: str, at: datetime, *said: Outgoing) -> None:
    """As somebody did at that time."""
    with closing(EmbeddedPublisher(office.bus_path, seconds=at.timestamp)) as publisher:
        publisher.publish([replace(one, topic=topic) for one in said])


def take_in_topic(office: Office, old: OldTopic) -> Counter[str]:
    return sum((one.fates for one in backfilling(office).go(old)), Counter())


def test_a_topic_is_read_from_the_time_on_and_what_was_heard_is_known(reporting: Office) -> None:
    publish(reporting, "lms.events", NOON - 2 * DAY, moodle(PRIYA), raw(b"not JSON"))
    publish(reporting, "lms.events", NOON, moodle(OTIS), moodle(LENA))
    reporting.hear()
    before = [row.id for row in reporting.completions], len(reporting.open_letters())
    with topic_of(reporting, "lms.events", NOON - 3 * DAY) as old:
        planner = Planner(reporting.ledger, reporting.service.premises.house, reporting.clock)
        list(planner.look(old))
        assert planner.plan.fates == {TAKEN: 4}
        assert take_in_topic(reporting, old) == {"repeat": 4}
        assert take_in_topic(reporting, old) == {}
    assert before == ([row.id for row in reporting.completions], len(reporting.open_letters()))
    with topic_of(reporting, "lms.events", NOON - DAY) as old:
        assert take_in_topic(reporting, old) == {"repeat": 2}
    # Where the service itself goes on has not moved.
    assert reporting.hear(moodle(PRIYA, "102")) == {"ready": 1}


def test_what_is_not_readable_on_a_topic_becomes_a_letter_as_when_it_is_heard(
    reporting: Office,
) -> None:
    publish(reporting, "lms.before", NOON, moodle(PRIYA), raw(b"not JSON"))
    with topic_of(reporting, "lms.before", NOON - DAY) as old:
        assert take_in_topic(reporting, old) == {"ready": 1, "refused": 1}
    assert [one["reason"] for one in reporting.open_letters()] == ["malformed_json"]


def test_what_was_published_before_the_log_kept_times_is_read_too(reporting: Office) -> None:
    publish(reporting, "lms.before", NOON - 9 * DAY, moodle(PRIYA))
    with closing(sqlite3.connect(reporting.bus_path)) as log, log:
        log.execute("DELETE FROM moments")
    publish(reporting, "lms.before", NOON, moodle(OTIS))
    with topic_of(reporting, "lms.before", NOON - DAY) as old:
        assert take_in_topic(reporting, old) == {"ready": 2}


# ------------------------------------------------------------ from a list


def completions_of(office: Office, *rows: str, site: str = MOODLE) -> OldCompletions:
    file = office.folder / "list.csv"
    file.write_text("\n".join(["learner,course,completed", *rows]), encoding="utf-8")
    form = ListForm(set={"site": site})
    return OldCompletions.of(file.name, opener(file), "moodle", form, "", office.ledger.identity)


def test_a_list_tells_what_was_never_heard_and_overrules_nothing(
    reporting: Office, pars: SimulatedPars
) -> None:
    reporting.hear(moodle(PRIYA))
    known = reporting.credit.completed_on
    old = completions_of(
        reporting,
        f"{PRIYA.number},101,2026-11-01",
        f"{OTIS.number},101,2026-11-03",
        f"{OTIS.number},101,2026-11-02",
        f"{LENA.number},101,",
    )
    planner = Planner(reporting.ledger, reporting.service.premises.house, reporting.clock)
    list(planner.look(old))
    assert planner.plan.fates == {KNOWN: 1, READY: 1}
    fates = sum((one.fates for one in backfilling(reporting).go(old)), Counter())
    assert fates == {"duplicate": 1, "ready": 1}
    days = [row.completed_on.isoformat() for row in reporting.credits]
    assert days == [known.isoformat(), "2026-11-02"]
    # The LMS's own event comes after all: the same completion, and one credit.
    reporting.hear(moodle(OTIS))
    reporting.drive_to("accepted", "accepted")
    assert (pars.totals["live"], pars.totals["doubled"]) == (2, 0)
    assert sum((one.fates for one in backfilling(reporting).go(old)), Counter()) == {}


def test_each_sheet_of_a_workbook_is_a_list_of_its_own(reporting: Office) -> None:
    book, file = Workbook(), reporting.folder / "done.xlsx"
    for title, one in (("Spring", OTIS), ("Fall", PRIYA)):
        sheet = book.create_sheet(title)
        sheet.append(["learner", "course", "completed"])
        sheet.append([str(one.number), "101", "2026-11-02"])
    book.save(file)
    form = ListForm(set={"site": MOODLE})
    for title in ("Spring", "Fall", "fall"):
        known = ("moodle", form, title, reporting.ledger.identity)
        old = OldCompletions.of(file.name, opener(file), *known)
        list(backfilling(reporting).go(old))
    assert reporting.board_ids("ready") == [OTIS.board_id, PRIYA.board_id]


def test_the_plan_counts_as_new_what_only_an_evaluation_was_heard_of(office: Office) -> None:
    settle_in(office)
    office.hear(told("evaluation", PRIYA, NOON))
    old = completions_of(office, f"{PRIYA.number},EVAL,2026-11-19", site=ACADEMY)
    planner = Planner(office.ledger, office.service.premises.house, office.clock)
    list(planner.look(old))
    assert (planner.plan.new, planner.plan.fates[KNOWN]) == (1, 0)


def test_of_a_list_with_a_row_that_cannot_be_read_nothing_is_taken(reporting: Office) -> None:
    with pytest.raises(TableProblems) as found:
        completions_of(reporting, f"{OTIS.number},101,2026-11-02", f"{PRIYA.number},101,soon")
    (problem,) = found.value.problems
    assert (problem.file, problem.line) == ("list.csv", 3)
    assert "soon" not in str(problem)
