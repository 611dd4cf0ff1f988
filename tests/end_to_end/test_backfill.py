"""`moc-consumer backfill` as processes: killed half-way, beside the service, from both buses."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from consumer.bus.connect import Bus
from consumer.bus.port import Outgoing
from consumer.demo.scenario import Scenario
from tests.contract.buses import unique
from tests.end_to_end.books import Pars
from tests.end_to_end.conftest import OpenOffice
from tests.end_to_end.office import Office
from tests.end_to_end.patience import until

BEFORE = (datetime.now(UTC) - timedelta(days=1)).isoformat()
PATIENCE_SECONDS = 60.0


@pytest.fixture
def office(open_office: OpenOffice, pars: Pars, story: Scenario, bus: dict[str, Any]) -> Office:
    opened = open_office(pars.url, **bus)
    story.write_tables(opened.tables)
    return opened


def file_of(office: Office, story: Scenario) -> Path:
    file = office.folder / "old.jsonl"
    file.write_bytes(b"\n".join(map(_line, story.events)))
    return file


def _line(event: Outgoing) -> bytes:
    headers = {name: value.decode() for name, value in event.headers}
    return orjson.dumps({"headers": headers, "value": orjson.loads(event.value or b"")})


def settled(office: Office) -> bool:
    busy = "credits WHERE state IN ('ready', 'submitting', 'submitted', 'withdrawing')"
    return not office.count(busy)


def killed_after(least: int, office: Office, words: Sequence[str]) -> None:
    """`kill -9` once so many events are taken in."""
    with office.process(*words, "--rate", "5") as going:
        until(lambda: office.count("events") >= least or going.ended, 30, "half of it")
        assert not going.ended, going.said
        going.send(signal.SIGKILL)


def test_killed_half_way_it_goes_on_and_every_credit_is_there_once(
    open_office: OpenOffice, pars: Pars, story: Scenario
) -> None:
    office = open_office(pars.url)
    story.write_tables(office.tables)
    words = ("backfill", "file", str(file_of(office, story)), "--yes")
    with office.service() as service:
        until(lambda: office.count("facts") or service.ended, 20, "the ledger")
        for least in (5, 12):
            killed_after(least, office, words)
        done = office.run(*words, "--rate", "5000")
        assert done.code == 0, done.err
        assert office.count("events") == len(story.events)
        (row,) = done.rows
        assert row["finished"]
        assert 0 < row["read"] < len(story.events)
        until(lambda: settled(office) or service.ended, PATIENCE_SECONDS, "the end")
        service.stop()
    assert pars.credited() == Counter(dict.fromkeys(story.credits, 1))
    (again,) = office.run(*words).rows
    assert (again["read"], again["taken_in"]) == (0, 0)


def test_ctrl_c_ends_it_and_tells_how_to_go_on(
    open_office: OpenOffice, pars: Pars, story: Scenario
) -> None:
    office = open_office(pars.url)
    story.write_tables(office.tables)
    words = ("backfill", "file", str(file_of(office, story)), "--yes", "--rate", "5")
    with office.process(*words) as going:
        until(lambda: office.count("events") or going.ended, 30, "its beginning")
        going.send(signal.SIGINT)
        assert going.code(20) == 1
        assert "the same command goes on with the rest" in going.said
        assert '"finished":false' in going.said
        assert "Traceback" not in going.said


def test_a_topic_that_nobody_hears_is_taken_in_once(
    office: Office, pars: Pars, story: Scenario
) -> None:
    topic = unique("before")
    settings = office.settings
    if settings.bus == "kafka":
        settings = settings.model_copy(
            update={"intake": settings.intake.model_copy(update={"topics": [topic]})}
        )
    with closing(Bus(settings).publisher()) as publisher:
        publisher.publish([replace(event, topic=topic) for event in story.events])
    words = ("backfill", "topic", topic, "--since", BEFORE, "--rate", "5000", "--yes")
    first, second = office.run(*words), office.run(*words)
    assert (first.code, second.code) == (0, 0), first.err + second.err
    assert first.rows[0]["read"] == len(story.events)
    assert second.rows[0]["read"] == 0
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert office.run(*words[:4], later, "--yes").rows[0]["read"] == 0
    with office.service() as service:
        until(lambda: settled(office) or service.ended, PATIENCE_SECONDS, "the end")
        service.stop()
    assert pars.credited() == Counter(dict.fromkeys(story.credits, 1))


def test_nothing_is_taken_in_without_a_yes_of_a_broken_file_or_of_strangers(
    open_office: OpenOffice, pars: Pars, story: Scenario
) -> None:
    office = open_office(pars.url)
    story.write_tables(office.tables)
    whole = file_of(office, story)
    broken, strange = office.folder / "broken.jsonl", office.folder / "strange.jsonl"
    broken.write_bytes(whole.read_bytes() + b'\n{"name": "Kowalczyk"')
    strange.write_bytes(b'{"hello": "stranger"}\n' * 12)
    asked, refused, unknown = office.run_all(
        [
            ["backfill", "file", str(whole)],
            ["backfill", "file", str(broken), "--yes"],
            ["backfill", "file", str(strange), "--yes"],
        ]
    )
    assert (asked.code, refused.code, unknown.code) == (0, 1, 1)
    assert f"broken.jsonl:{len(story.events) + 1}: not JSON" in refused.err
    assert "Kowalczyk" not in refused.err
    assert "most of these would need a person" in unknown.err
    assert [office.count(what) for what in ("events", "credits", "letters", "audit")] == [0] * 4
    aside = office.run("backfill", "file", str(broken), "--yes", "--set-aside", "--rate", "5000")
    assert (aside.code, aside.rows[0]["set_aside"]) == (1, 1)
    assert broken.with_name("broken.jsonl.refused").read_bytes() == b'{"name": "Kowalczyk"\n'
    assert office.count("events") == len(story.events)
