"""Mappings change while the service hears: the new ones come into force whole, and lose nothing."""

from __future__ import annotations

import io
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from consumer.bus.port import Outgoing
from consumer.mapping.loader import load_catalogue
from consumer.pumps.reloading import ReloadingPump
from consumer.resources import shipped
from consumer.telemetry.log import configure_logging
from tests.end_to_end.patience import until
from tests.fakes import FakeClock
from tests.integration.office import Office
from tests.integration.people import PRIYA, TOPIC, moodle

SITE = "academy.example"


class Files:
    """The office's own mappings and schemas, to be edited."""

    def __init__(self, folder: Path) -> None:
        self.mappings, self.schemas = folder / "mappings", folder / "schemas"
        shutil.copytree(shipped("mappings"), self.mappings)
        shutil.copytree(shipped("schemas"), self.schemas)

    def put(self, name: str, content: object) -> None:
        file = self.mappings.parent / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else orjson.dumps(content))

    def add_academy(self, version: int = 1, course: str = "course", line: str = "") -> None:
        """An LMS that nobody knew; what its course is, is one row's business."""
        names = ("type", "person", "course", "module", "at")
        self.put("schemas/academy/done.json", {"properties": dict.fromkeys(names, True)})
        self.put("mappings/academy/done.yaml", mapping(version, course) + line)
        tests = "mappings/academy/done.tests"
        said = {"site": SITE, "learner": "7", "completed": "2026-11-20T18:00:00Z"}
        value = {
            "type": "done",
            "person": 7,
            "course": "c",
            "module": "m",
            "at": "2026-11-20T18:00Z",
        }
        self.put(f"{tests}/said.event.json", {"value": value})
        self.put(f"{tests}/said.expect.json", {"said": said | {"course": value[course]}})
        self.put(f"{tests}/bad.event.json", {"value": value | {"person": None}})
        self.put(f"{tests}/bad.expect.json", {"error": "value_missing", "field": "learner"})


def mapping(version: int, course: str) -> str:
    return f"""\
mapping: academy/done
version: {version}
schema: schemas/academy/done.json
match:
  - {{path: body.type, equals: done}}
kind: completion
event:
  site: {{const: {SITE}}}
  learner: {{from: body.person}}
  course: {{from: body.{course}}}
  completed: {{from: body.at, instant: iso8601}}
"""


def done(person: int) -> Outgoing:
    value = {"type": "done", "person": person, "course": "101", "module": "900"}
    return Outgoing(TOPIC, None, orjson.dumps(value | {"at": "2026-11-20T18:00Z"}))


@pytest.fixture
def log() -> io.StringIO:
    stream = io.StringIO()
    configure_logging("info", as_json=True, stream=stream)
    return stream


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path / "own")


@pytest.fixture
def busy(
    tmp_path: Path,
    clock: FakeClock,
    files: Files,
    log: io.StringIO,  # noqa: ARG001  pumps bind their log when they are made
) -> Iterator[Office]:
    """An office whose mappings are its own; its pumps log where the test can read it."""
    places = {"mappings_dir": files.mappings, "schemas_dir": files.schemas}
    office = Office(tmp_path, clock, **places)
    start_again(office, files)
    yield office
    office.close()


def start_again(office: Office, files: Files) -> None:
    """A new process, which reads the mappings that are there then."""
    office.events = load_catalogue(files.mappings, files.schemas)
    office.start()


def reloading(office: Office) -> ReloadingPump:
    pump: ReloadingPump = office.pump("mappings")
    return pump


def look(office: Office, times: int = 2) -> list[bool]:
    return [reloading(office).turn() for _ in range(times)]


def facts(log: io.StringIO, event: str) -> list[dict[str, object]]:
    lines = [orjson.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if line["event"] == event]


def bad(office: Office) -> dict[str, str]:
    return {one.name: one.cause for one in office.service.readiness.conditions() if not one.ok}


def test_a_new_lms_is_understood_without_a_new_start(busy: Office, files: Files) -> None:
    assert busy.hear(done(1)) == {"refused": 1}
    files.add_academy()
    assert look(busy, 3) == [False, True, False]
    assert busy.hear(done(2)) == {"held": 1}
    (row,) = busy.completions
    assert (row.mapping, row.mapping_version, row.course) == ("academy/done", 1, "101")


def test_what_nobody_could_read_is_told_and_not_replayed(
    busy: Office, files: Files, log: io.StringIO
) -> None:
    busy.hear(done(1), done(2), Outgoing(TOPIC, None, b'{"type": "never heard of"}'))
    files.add_academy()
    look(busy)
    assert busy.completions == []
    assert [letter["status"] for letter in busy.open_letters()] == ["open"] * 3
    told = [(fact["source"], fact["count"]) for fact in facts(log, "letters.readable")]
    assert told == [("academy", 2)]
    for letter in busy.open_letters():
        busy.replay(letter["letter_id"])
    assert (len(busy.completions), len(busy.open_letters())) == (2, 1)


def test_a_broken_version_is_refused_once_and_the_old_one_stays(
    busy: Office, files: Files, log: io.StringIO
) -> None:
    files.add_academy()
    look(busy)
    files.put("mappings/academy/done.yaml", mapping(2, "cuorse"))
    assert look(busy, 4) == [False] * 4
    assert bad(busy)["mappings"].startswith(
        "the new version is refused, the one before stays in force: mappings/academy/done.yaml:10:"
    )
    (refused,) = facts(log, "mappings.refused")
    assert any("did you mean course?" in one for one in refused["problems"])  # type: ignore[attr-defined]
    assert busy.hear(done(2)) == {"held": 1}
    assert busy.completions[0].mapping_version == 1
    files.add_academy(version=2, course="module")
    assert look(busy) == [False, True]
    assert "mappings" not in bad(busy)
    busy.hear(done(3))
    assert [(row.mapping_version, row.course) for row in busy.completions] == [
        (1, "101"),
        (2, "900"),
    ]


def test_an_example_that_fails_refuses_the_whole_version(busy: Office, files: Files) -> None:
    files.add_academy()
    files.put("mappings/academy/done.tests/said.expect.json", {"error": "value_missing"})
    assert look(busy) == [False, False]
    assert "example_failed" in bad(busy)["mappings"]
    assert busy.hear(done(1)) == {"refused": 1}


def test_going_back_to_what_is_in_force_puts_it_right(busy: Office, files: Files) -> None:
    files.put("mappings/academy/done.yaml", "mapping: academy/done")
    look(busy)
    assert "mappings" in bad(busy)
    shutil.rmtree(files.mappings / "academy")
    assert look(busy) == [False, False]
    assert "mappings" not in bad(busy)


def test_what_still_changes_is_not_loaded(busy: Office, files: Files) -> None:
    files.add_academy()
    for version in range(2, 6):
        assert look(busy, 1) == [False]
        files.add_academy(version)
    assert look(busy) == [False, True]
    busy.hear(done(1))
    assert busy.completions[0].mapping_version == 5


def test_an_emptied_folder_takes_no_mapping_out_of_force(busy: Office, files: Files) -> None:
    shutil.rmtree(files.mappings)
    files.mappings.mkdir()
    assert look(busy, 3) == [False] * 3
    assert "there are no mapping files" in bad(busy)["mappings"]
    assert busy.hear(moodle(PRIYA)) == {"ready": 1}


@pytest.mark.parametrize(
    ("version", "course", "line", "warned"),
    [
        (1, "module", "", [("academy/done", 1)]),
        (2, "module", "", []),
        (1, "course", "# a remark\n", []),
    ],
)
def test_another_meaning_under_the_same_version_is_taken_up_with_a_warning(
    busy: Office,
    files: Files,
    log: io.StringIO,
    version: int,
    course: str,
    line: str,
    warned: list[tuple[str, int]],
) -> None:
    files.add_academy()
    look(busy)
    files.add_academy(version, course, line)
    assert look(busy) == [False, True]
    told = facts(log, "mapping.version_unchanged")
    assert [(fact["mapping"], fact["version"]) for fact in told] == warned


def test_nothing_is_lost_between_two_versions_while_events_pour_in(
    busy: Office, files: Files, log: io.StringIO
) -> None:
    """The pumps run as in the service, and a crash comes on top: every event is there, once."""
    files.add_academy()
    look(busy)
    first, second, third = ([done(n) for n in range(a, a + 300)] for a in (1000, 2000, 3000))
    running = Running(busy)
    busy.publisher.publish(first)
    until(lambda: busy.intake.fates.total() >= 100, 20, "events are heard")
    files.add_academy(version=2, course="module")
    busy.publisher.publish(second)
    until(lambda: facts(log, "mappings.reloaded")[1:], 20, "version 2 is in force")
    busy.publisher.publish(third)
    until(lambda: busy.intake.fates.total() >= 700, 20, "the third are heard")
    running.end()
    files.add_academy(version=3)  # written, and never seen by the process that ends here
    start_again(busy, files)
    busy.hear(done(4000))
    rows = busy.completions
    assert Counter(busy.fates) == {"held": 901}
    assert len({row.key for row in rows}) == 901
    versions = [row.mapping_version for row in rows]
    assert versions == sorted(versions)
    assert set(versions) == {1, 2, 3}
    told = {1: "101", 2: "900", 3: "101"}
    assert all(row.course == told[row.mapping_version] for row in rows)


class Running:
    """Intake and the look at the mappings, each in its thread, until the end."""

    def __init__(self, office: Office) -> None:
        self._stop = threading.Event()
        pumps = (office.intake, reloading(office))
        self._threads = [threading.Thread(target=p.run, args=(self._stop,)) for p in pumps]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(20)
