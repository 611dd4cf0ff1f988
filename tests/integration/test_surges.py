"""Too many refusals at once hold their source; old completions emitted again are told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copytree
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from consumer.bus.port import Outgoing
from consumer.desk.credits import CreditFilter, list_credits, show_credit
from consumer.desk.sources import NotHeld, Releasing, list_sources
from consumer.ledger.schema import audit
from consumer.limits import SurgeLimits
from consumer.mapping.loader import load_catalogue
from consumer.resources import shipped
from tests.integration.office import Office, SimulatedPars
from tests.integration.people import (
    COURSES,
    LENA,
    MOODLE,
    OTIS,
    PRIYA,
    Physician,
    canvas,
    course,
    moodle,
    raw,
)

HELD = {"surge_refusals": 5, "surge_small_refusals": 5, "surge_share": 1.0}
MANY = [
    Physician(5000 + n, "Invented", f"Learner{chr(97 + n)}", "1970-05-06", f"07{n:04d}")
    for n in range(12)
]


def early(who: Physician) -> Outgoing:
    """A completion that the activity's row does not cover."""
    return moodle(who, "105")


@pytest.fixture
def strict(reporting: Office) -> Office:
    """An office that five refusals alarm, whose course 105 begins too late in its table."""
    _know_everyone(reporting)
    reporting.start(intake=HELD)
    return reporting


def _know_everyone(office: Office, **changed: str) -> None:
    office.put_learners(*(one.row() for one in (*MANY, PRIYA, OTIS, LENA)))
    dates = {"starts": "2026-11-21", "ends": "2027-12-31"} | changed
    late = course(MOODLE, "105", activity="LATE", pars_activity_id="202600003", title="Sepsis")
    always = {"starts": "2025-01-01", "ends": "2027-12-31"}
    office.put_activities(*(row | always for row in COURSES), late | dates)
    office.look()


def release(office: Office, source: str = "moodle") -> Counter[str]:
    house = office.service.parts.house
    return Releasing(office.ledger, house, office.clock, "mora", "dates put right").release(source)


def source_row(office: Office, source: str = "moodle") -> dict[str, Any]:
    (row,) = (row for row in list_sources(office.ledger) if row["source"] == source)
    return row


@contextmanager
def said(*events: str) -> Iterator[list[dict[str, Any]]]:
    """What is logged under these names."""
    found: list[dict[str, Any]] = []
    with capture_logs() as logs:
        yield found
    found += (one for one in logs if one["event"] in events)


# ---------------------------------------------------------------- held


def test_a_surge_holds_its_source_and_no_other(strict: Office, pars: SimulatedPars) -> None:
    strict.hear(moodle(PRIYA), *map(early, MANY[:5]))
    strict.hear(moodle(OTIS, "102"), canvas(LENA))
    strict.pass_time(600)
    assert [one["board_id"] for one in pars.live] == [LENA.board_id]
    assert strict.states() == ["ready", "ready", "submitted"]
    assert len(strict.open_letters()) == 5


def test_one_alert_names_mapping_reason_and_field(strict: Office) -> None:
    with said("source.held", "letter.written") as lines:
        strict.hear(*map(early, MANY[:4]))
        strict.hear(*map(early, MANY[4:8]))
        strict.hear(*map(early, MANY[8:]))
    assert [one["event"] for one in lines] == ["letter.written"] * 4 + ["source.held"]
    assert (
        lines[-1]
        | {
            "source": "moodle",
            "mapping": "moodle/course_completed",
            "reason": "date_outside_activity",
            "field": "completed",
            "count": 8,
        }
        == lines[-1]
    )
    assert len(strict.open_letters()) == len(MANY)


def test_four_refusals_hold_nothing(strict: Office) -> None:
    strict.hear(*map(early, MANY[:4]))
    assert source_row(strict)["standing"] == "open"


def test_refusals_of_another_window_do_not_count(strict: Office) -> None:
    strict.hear(*map(early, MANY[:4]))
    strict.clock.advance(600)
    strict.hear(early(MANY[4]))
    assert source_row(strict)["standing"] == "open"
    strict.hear(*map(early, MANY[5:9]))
    assert source_row(strict)["standing"] == "held"


def test_the_same_event_delivered_twice_counts_once(strict: Office) -> None:
    strict.hear(*map(early, MANY[:4]))
    strict.lose_bus()
    strict.hear(*map(early, MANY[:4]))
    assert source_row(strict)["standing"] == "open"


def test_a_small_source_is_held_by_its_share(strict: Office) -> None:
    limits = {"surge_refusals": 1000, "surge_small_refusals": 4, "surge_share": 0.8}
    strict.start(intake=limits)
    strict.hear(moodle(PRIYA), moodle(OTIS), *map(early, MANY[:4]))
    assert source_row(strict)["standing"] == "open"
    strict.hear(*map(early, MANY[4:10]))
    assert source_row(strict)["standing"] == "held"


def test_other_reasons_are_counted_apart(strict: Office) -> None:
    broken = [raw(b"no JSON %d" % n) for n in range(4)]
    strict.hear(*map(early, MANY[:4]), *broken)
    assert {row["standing"] for row in list_sources(strict.ledger)} == {"open"}
    strict.hear(raw(b"nor this"))
    assert source_row(strict, "unrecognised")["reason"] == "malformed_json"
    assert source_row(strict)["standing"] == "open"


def test_the_hold_outlives_the_process_and_every_process_sees_it(
    strict: Office, pars: SimulatedPars
) -> None:
    other = strict.open_ledger()
    strict.hear(moodle(PRIYA), *map(early, MANY[:5]))
    strict.start()
    assert [row["standing"] for row in list_sources(other)] == ["held"]
    other.close()
    strict.pass_time(600)
    assert pars.records == []


def test_the_list_says_what_is_held_since_when_and_why(strict: Office) -> None:
    since = strict.clock.now().isoformat(timespec="seconds")
    strict.hear(canvas(LENA), moodle(PRIYA), *map(early, MANY[:5]))
    strict.clock.advance(3600)
    held, calm = list_sources(strict.ledger)
    assert (held["source"], held["standing"], held["held_since"]) == ("moodle", "held", since)
    assert (held["completions"], held["need_attention"], held["not_sent_yet"]) == (6, 5, 1)
    assert (held["mapping"], held["field"]) == ("moodle/course_completed", "completed")
    assert (calm["source"], calm["standing"], calm["reason"]) == ("canvas", "open", "")


def test_a_held_credit_says_what_it_waits_for(strict: Office) -> None:
    strict.hear(moodle(PRIYA), *map(early, MANY[:5]))
    (row,) = (r for r in list_credits(strict.ledger, CreditFilter()) if r["state"] == "ready")
    assert "source list" in str(show_credit(strict.ledger, str(row["id"]))["waits_for"])


# ---------------------------------------------------------------- let go


def test_released_rows_are_judged_by_the_mended_table_and_sent_once(
    strict: Office, pars: SimulatedPars
) -> None:
    strict.hear(moodle(PRIYA), *map(early, MANY[:5]))
    _know_everyone(strict, starts="2025-01-01")
    strict.start()
    assert release(strict) == {"ready": 5}
    pars.put_roster(*(one.diplomate() for one in (*MANY, PRIYA)))
    strict.drive(lambda: set(strict.states()) == {"accepted"})
    assert sorted(pars.accepted) == sorted(one.board_id for one in (PRIYA, *MANY[:5]))
    assert (pars.totals["doubled"], strict.open_letters()) == (0, [])


def test_what_is_still_wrong_stays_a_dead_letter_and_holds_nothing_anew(strict: Office) -> None:
    strict.hear(moodle(PRIYA), *map(early, MANY[:5]))
    assert release(strict) == {"refused": 5}
    strict.hear(early(MANY[6]))
    assert source_row(strict)["standing"] == "open"
    assert len(strict.open_letters()) == 6


def test_a_new_surge_after_the_release_holds_again(strict: Office) -> None:
    strict.hear(*map(early, MANY[:5]))
    release(strict)
    strict.hear(*map(early, MANY[5:10]))
    assert source_row(strict)["standing"] == "held"


def test_a_release_is_remembered(strict: Office) -> None:
    strict.hear(*map(early, MANY[:5]))
    release(strict)
    with strict.ledger.read() as db:
        whats = Counter(db.scalars(select(audit.c.what)))
    assert whats == {"letter.replayed": 5, "source.released": 1}


def test_what_is_not_held_is_not_released(strict: Office) -> None:
    strict.hear(moodle(PRIYA))
    with pytest.raises(NotHeld, match="source list"):
        release(strict)


def test_a_release_that_stops_half_way_leaves_the_source_held(
    strict: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict.hear(moodle(PRIYA), *map(early, MANY[:5]))
    with monkeypatch.context() as patch:
        patch.setattr("consumer.desk.sources.let_go", _fail)
        with pytest.raises(RuntimeError):
            release(strict)
    assert source_row(strict)["standing"] == "held"
    release(strict)
    assert source_row(strict)["standing"] == "open"


def _fail(*_: object) -> None:
    raise RuntimeError("the machine went down")


def test_what_a_mended_mapping_reads_otherwise_is_credited_so_and_not_twice(
    strict: Office, pars: SimulatedPars, tmp_path: Path
) -> None:
    _know_everyone(strict, starts="2025-01-01")
    strict.hear(*(moodle(who, "101", objectid=102) for who in (PRIYA, OTIS)))
    strict.hear(*(raw(b'{"eventname": "\\\\core\\\\event\\\\course_completed"}') for _ in MANY[:5]))
    assert source_row(strict)["standing"] == "held"
    _mend(strict, tmp_path, "objectid")
    assert release(strict)["ready"] == 2
    strict.drive(lambda: "ready" not in strict.states())
    strict.pass_time(86_400)
    assert {one["activity"] for one in pars.live} == {"202600003"}
    assert sorted(pars.accepted) == sorted([PRIYA.board_id, OTIS.board_id])


def test_what_a_mended_mapping_cannot_read_is_a_dead_letter_and_not_sent(
    strict: Office, pars: SimulatedPars, tmp_path: Path
) -> None:
    strict.hear(moodle(PRIYA), *map(early, MANY[:5]))
    _mend(strict, tmp_path, "crud")
    release(strict)
    strict.pass_time(600)
    assert (pars.records, strict.states()) == ([], ["withdrawn"])
    assert len(strict.open_letters()) == 6


def _mend(office: Office, folder: Path, field: str) -> None:
    """Moodle's mapping, and its examples, now take the course from this field; a new start."""
    mappings = copytree(shipped("mappings"), folder / "mappings")
    file = mappings / "moodle" / "course_completed.yaml"
    text = file.read_text(encoding="utf-8").replace("version: 1", "version: 2")
    file.write_text(text.replace("from: body.courseid", f"from: body.{field}"), encoding="utf-8")
    for example in file.with_suffix(".tests").glob("*.expect.json"):
        expected = orjson.loads(example.read_bytes())
        event = example.with_name(example.name.replace(".expect.", ".event."))
        if "said" in expected:
            value = orjson.loads(event.read_bytes())["value"]
            expected["said"]["course"] = str(value[field])
            example.write_bytes(orjson.dumps(expected))
    office.events = load_catalogue(mappings, shipped("schemas"))
    office.start()


# ---------------------------------------------------------------- emitted again


def test_a_mass_re_emission_is_as_many_duplicates_and_one_notice(
    open_office: Callable[..., Office],
) -> None:
    office = open_office()
    _know_everyone(office)
    old = [(who, number) for who in MANY[:10] for number in ("101", "102", "103")]
    office.hear(*(moodle(who, number) for who, number in old))
    office.take_for_sent()
    before = office.credits
    office.clock.advance(86_400)
    again = [moodle(*one, objectid=n) for n, one in enumerate(old * 17)]
    with said("intake.reemission", "letter.written", "source.held") as lines:
        fates = office.hear(*again)
    assert fates == {"duplicate": 510}
    assert [(one["event"], one["source"], one["mapping"]) for one in lines] == [
        ("intake.reemission", "moodle", "moodle/course_completed")
    ]
    assert office.credits == before
    assert source_row(office)["emitted_again"] == 510


def test_old_completions_that_would_be_refused_today_surge_nothing(strict: Office) -> None:
    strict.hear(*(moodle(who) for who in MANY))
    strict.take_for_sent()
    strict.put_activities(
        *(row | {"starts": "2026-11-22", "ends": "2027-12-31"} for row in COURSES)
    )
    strict.look()
    with said("letter.written", "source.held") as lines:
        assert strict.hear(*(moodle(who, objectid=1) for who in MANY)) == {"duplicate": 12}
    assert lines == []
    assert source_row(strict)["standing"] == "open"


@pytest.mark.parametrize(
    ("refused", "heard", "surge"),
    [(25, 10_000, True), (24, 10_000, False), (10, 12, True), (10, 13, False), (9, 9, False)],
)
def test_the_limits(refused: int, heard: int, surge: bool) -> None:
    assert SurgeLimits().is_surge(refused, heard) is surge
